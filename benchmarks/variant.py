"""One way of classifying in a process of its own, so that its CPU time and memory are its own.

Reads a JSON list of file names a line on stdin, classifies them, and answers with a JSON line on
stdout. `Variant` is the other end of the pipe.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from process_tree import cpu_seconds, peak_mb, tree

DOCUMENTED = "documented"
KINDNESS = {"OMP_WAIT_POLICY": "PASSIVE"}
"""For the documented way: where other work wants the cores, torch's threads otherwise spin at every
layer for one another and take several times as long. Costs nothing where the machine is quiet."""
Run = dict[str, Any]
"""`wall_s`, `cpu_s`, `labels`; of the last video `probabilities` and, as documented, more."""


class Variant:
    """A child process that classifies in one way: `documented` or a multi-scale mode of ours."""

    def __init__(self, way: str, model: Path | None) -> None:
        command = [sys.executable, __file__, way, *([str(model)] if model else [])]
        self.way = way
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (KINDNESS if way == DOCUMENTED else {}),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def classify(self, *paths: Path) -> Run:
        """Classify the files in one go. Raises SystemExit when the child fails."""
        process = self._process
        assert process.stdin and process.stdout  # noqa: PT018, S101 - both are pipes
        before = cpu_seconds(process.pid)
        process.stdin.write(json.dumps([str(path) for path in paths]) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of the {self.way} way ended; its error stands above")
        run: Run = json.loads(line)
        return run | {"cpu_s": round(cpu_seconds(process.pid) - before, 2)}

    def peaks_mb(self) -> dict[str, float]:
        """Peak memory of the process, and of the decoding process beneath it where there is one."""
        parent, *below = tree(self._process.pid)
        peaks = {"parent": round(peak_mb(parent), 1)}
        if below:
            peaks["decoder"] = round(sum(peak_mb(pid) for pid in below), 1)
        return peaks | {"sum": round(sum(peaks.values()), 1)}


def _documented(model: Path | None) -> Callable[[list[str]], Run]:
    from clipkind.model.bundle import load_bundle
    from documented_way import DocumentedWay

    bundle = load_bundle(model)
    way = DocumentedWay(bundle)
    names = bundle.contract.class_names

    def classify(paths: list[str]) -> Run:
        answers = [way.classify(Path(path)) for path in paths]
        probabilities = answers[-1].probabilities
        labels = [names[a.probabilities.index(max(a.probabilities))] for a in answers]
        stages = {name: round(value, 4) for name, value in answers[-1].stages.items()}
        return {
            "labels": labels,
            "probabilities": probabilities,
            "stages": stages,
            "decoded": answers[-1].decoded,
        }

    return classify


def _ours(mode: Any, model: Path | None) -> Callable[[list[str]], Run]:
    import clipkind

    classifier = clipkind.load(model, multi_scale=mode)
    classifier.start()

    def classify(paths: list[str]) -> Run:
        if len(paths) == 1:
            predictions = [classifier.classify(paths[0])]
        else:
            predictions = list(classifier.classify_many(paths))
        refused = [p.message for p in predictions if p.status != "ok"]
        if refused:
            raise SystemExit(f"a test clip was not answered in full: {refused[0]}")
        return {
            "labels": [p.label for p in predictions],
            "probabilities": list((predictions[-1].probabilities or {}).values()),
        }

    return classify


def main() -> None:
    """Serve until stdin closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way")
    parser.add_argument("model", nargs="?", type=Path)
    arguments = parser.parse_args()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints must not end up between the answers
    documented = arguments.way == DOCUMENTED
    classify = _documented(arguments.model) if documented else _ours(arguments.way, arguments.model)
    for line in sys.stdin:
        paths = json.loads(line)
        started = time.perf_counter()
        run = classify(paths)
        wall = time.perf_counter() - started
        print(json.dumps({"wall_s": round(wall, 4)} | run), file=out, flush=True)


if __name__ == "__main__":
    main()
