"""From a file to an answer: the documented way against clipkind's, on the same files.

    python benchmarks/pipeline.py             all clips; writes benchmarks/results/pipeline.json
    python benchmarks/pipeline.py --quick     the smallest clip once; writes nothing without --out

The ways take turns on each clip, each in a process of its own that is warm: networks loaded,
decoding process started, one small clip answered. See README.md for what every figure means.
"""

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Any

import clips
import machine
from clipkind.errors import FileFormatError
from clipkind.model.bundle import Bundle, load_bundle
from report import print_report
from variant import DOCUMENTED, Run, Variant
from waste import decode_waste

HERE = Path(__file__).parent
MANY = 4
"""Videos in one `classify_many` call, for the throughput of a batch."""
_MODES = ("single", "aligned")


def main() -> None:
    """Measure, print a table, write the results."""
    arguments = _arguments()
    names = [clips.QUICK] if arguments.quick else arguments.cases or list(clips.CLIPS)
    runs = 1 if arguments.quick else arguments.runs
    bundle = load_bundle(arguments.model)
    modes = _modes(bundle)
    files = {name: clips.ensure(clips.CLIPS[name], arguments.clips) for name in names}
    warm_up = clips.ensure(clips.CLIPS[clips.QUICK], arguments.clips)
    machine.warn_if_busy()
    results: dict[str, Any] = {
        **machine.describe(sys.argv[1:], "pipeline.py"),
        "model": {"name": bundle.name, "modes": modes, "members": len(bundle.members)},
        "runs": runs,
        "cases": {},
    }
    for name, path in files.items():
        print(f"{name} …", flush=True)
        results["cases"][name] = _case(name, path, warm_up, arguments.model, bundle, modes, runs)
        results["summary"] = _summary(results["cases"])
        _write(arguments.out, results)
    print_report(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, default=HERE / ".cache", help="folder of test clips")
    parser.add_argument("--model", type=Path, help="model bundle folder [the bundled one]")
    parser.add_argument("--runs", type=int, default=3, help="runs of each way; medians are given")
    parser.add_argument("--cases", nargs="+", choices=list(clips.CLIPS), help="only these clips")
    parser.add_argument("--quick", action="store_true", help="the smallest clip, once")
    parser.add_argument("--out", type=Path, help="results file")
    arguments = parser.parse_args()
    if arguments.out is None and not arguments.quick:
        arguments.out = HERE / "results" / "pipeline.json"
    return arguments


def _modes(bundle: Bundle) -> list[str]:
    """The bundle's own multi-scale mode first, then the others it was measured with."""
    modes = [str(bundle.contract.multi_scale)]
    for mode in _MODES:
        try:
            bundle.contract_for(mode)
        except FileFormatError:
            continue
        if mode not in modes:
            modes.append(mode)
    return modes


def _case(
    name: str,
    path: Path,
    warm_up: Path,
    model: Path | None,
    bundle: Bundle,
    modes: list[str],
    runs: int,
) -> dict[str, Any]:
    """All measurements of one clip."""
    path.read_bytes()  # into the system's cache, so that no way pays for the disk
    neighbours = machine.Neighbours()
    ways = _compare(path, warm_up, model, [DOCUMENTED, *modes], runs)
    documented = ways[DOCUMENTED]
    contracts = [bundle.contract_for(mode) for mode in modes]
    disturbance = neighbours.so_far()
    return {
        "clip": clips.describe(clips.CLIPS[name], path),
        "disturbance": disturbance,
        "ways": ways,
        "documented_over": {mode: _ratios(documented, ways[mode]) for mode in modes},
        "decoding": decode_waste(path, contracts, documented["runs"][0]["decoded"]),
        "overlap": {
            "all_cores": _overlap(path, model, runs),
            "one_core_each": _overlap(path, model, runs, "--one-core-each"),
        },
    }


def _compare(
    path: Path, warm_up: Path, model: Path | None, names: list[str], runs: int
) -> dict[str, dict[str, Any]]:
    """Every way's runs on one clip, taken in turns."""
    found: dict[str, list[Run]] = {name: [] for name in names}
    batches: dict[str, list[Run]] = {name: [] for name in names if name != DOCUMENTED}
    with ExitStack() as stack:
        variants = [stack.enter_context(Variant(name, model)) for name in names]
        for variant in variants:
            variant.classify(warm_up)
        for _ in range(runs):
            for variant in variants:
                found[variant.way].append(variant.classify(path))
        peaks = {variant.way: variant.peaks_mb() for variant in variants}  # one video at a time
        for variant in variants:
            if variant.way in batches:
                batches[variant.way] = [variant.classify(*[path] * MANY) for _ in range(runs)]
    return {name: _way(found[name], batches.get(name), peaks[name]) for name in names}


def _way(runs: list[Run], batches: list[Run] | None, peaks: dict[str, float]) -> dict[str, Any]:
    wall = median(run["wall_s"] for run in runs)
    way = {
        "label": runs[0]["labels"][0],
        "wall_s": round(wall, 4),
        "cpu_s": round(median(run["cpu_s"] for run in runs), 2),
        "videos_per_min": round(60 / wall, 2),
        "peak_mb": peaks,
        "runs": runs,
    }
    if batches:
        each = median(run["wall_s"] for run in batches) / MANY
        way |= {"batch_videos_per_min": round(60 / each, 2), "batch_runs": batches}
    if "stages" in runs[0]:
        repeated = [r["stages"]["decode_2"] + r["stages"]["decode_3"] for r in runs]
        way["wall_s_if_decoded_once"] = round(wall - median(repeated), 4)
    return way


def _ratios(documented: dict[str, Any], ours: dict[str, Any]) -> dict[str, Any]:
    pair = (documented["runs"][0]["probabilities"], ours["runs"][0]["probabilities"])
    return {
        "wall": round(documented["wall_s"] / ours["wall_s"], 2),
        "wall_if_decoded_once": round(documented["wall_s_if_decoded_once"] / ours["wall_s"], 2),
        "cpu": round(documented["cpu_s"] / max(ours["cpu_s"], 0.01), 2),
        "peak_memory": round(documented["peak_mb"]["sum"] / ours["peak_mb"]["sum"], 2),
        "same_label": documented["label"] == ours["label"],
        "largest_probability_difference": round(
            max(abs(a - b) for a, b in zip(*pair, strict=True)), 4
        ),
    }


def _overlap(path: Path, model: Path | None, runs: int, *options: str) -> dict[str, Any] | None:
    """What overlap.py finds, in a process of its own. None where a core each is not to be had."""
    if options and machine.cores() < 2:
        return None
    chosen = [*(["--model", str(model)] if model else []), "--runs", str(runs), *options]
    command = [sys.executable, str(HERE / "overlap.py"), str(path), *chosen]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def _summary(cases: dict[str, Any]) -> dict[str, Any]:
    """Per mode: range of the ratios, and on how many clips both ways give the same label."""
    modes = next(iter(cases.values()))["documented_over"]
    summary = {}
    for mode in modes:
        ratios = [case["documented_over"][mode] for case in cases.values()]
        walls = sorted(ratio["wall"] for ratio in ratios)
        summary[mode] = {
            "wall_ratio_least": walls[0],
            "wall_ratio_most": walls[-1],
            "same_label": f"{sum(r['same_label'] for r in ratios)} of {len(ratios)}",
        }
    return summary


def _write(path: Path | None, results: dict[str, Any]) -> None:
    """After every clip, so that a run that is stopped leaves what it has."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
