"""Do decoding and embedding run side by side? Each alone, then the pipeline with both.

Run in a process of its own: `python benchmarks/overlap.py CLIP --model FOLDER`. Two settings:

all_cores      Both parts use every core, as users run them. Each part alone already fills the
               machine, so together they cannot take the longer part's time only; the bound is the
               CPU time of both over the number of cores. `over_bound` compares with that.
one_core_each  Decoder and engine are pinned to one core each, with one thread each. Here
               `over_longer` (together / the longer part alone) shows the overlap itself: 1 is
               perfect, and the sum of both parts over the longer one is none at all.
"""

import argparse
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.pipeline import BATCH_SIZE, FeatureExtractor
from clipkind.model.bundle import BACKBONE_FILE, Bundle, load_bundle
from clipkind.video.isolation import DecodeWorker, Pictures
from clipkind.video.picture import Picture
from process_tree import cpu_seconds


def measure(path: Path, bundle: Bundle, runs: int, one_core_each: bool) -> dict[str, Any]:
    """Seconds of the parts alone and together, alternating, and what follows from them."""
    cores = sorted(os.sched_getaffinity(0))
    if one_core_each:
        os.sched_setaffinity(0, cores[:1])  # before any thread is made: they inherit it
    engine = OpenVinoEngine(bundle.path / BACKBONE_FILE, threads=1 if one_core_each else 0)
    with DecodeWorker() as worker, FeatureExtractor(engine, bundle.contract) as extractor:
        if one_core_each:
            os.sched_setaffinity(0, cores[1:2])  # the decoding processes inherit this
        worker.start()
        extractor.start()
        if one_core_each:
            os.sched_setaffinity(0, cores[:1])
        pictures = _decode(worker, path, bundle)
        parts: dict[str, Callable[[], object]] = {
            "decode": lambda: _decode(worker, path, bundle),
            "embed": lambda: _embed(engine, pictures),
            "together": lambda: extractor.extract(path),
        }
        for part in parts.values():
            part()
        rounds = [{name: _time(part) for name, part in parts.items()} for _ in range(runs)]
    return _sum_up(rounds, len(pictures), 2 if one_core_each else len(cores))


def _sum_up(rounds: list[dict[str, Any]], pictures: int, cores: int) -> dict[str, Any]:
    wall = {name: median(r[name]["wall_s"] for r in rounds) for name in rounds[0]}
    cpu = {name: median(r[name]["cpu_s"] for r in rounds) for name in rounds[0]}
    longer = max(wall["decode"], wall["embed"])
    bound = max(longer, (cpu["decode"] + cpu["embed"]) / cores)
    return {
        "pictures": pictures,
        "cores": cores,
        "decode_s": round(wall["decode"], 4),
        "embed_s": round(wall["embed"], 4),
        "together_s": round(wall["together"], 4),
        "cpu_bound_s": round(bound, 4),
        "over_longer": round(wall["together"] / longer, 3),
        "over_longer_without_overlap": round((wall["decode"] + wall["embed"]) / longer, 3),
        "over_bound": round(wall["together"] / bound, 3),
        "raw": rounds,
    }


def _time(part: Callable[[], object]) -> dict[str, float]:
    cpu, started = cpu_seconds(os.getpid()), time.perf_counter()
    part()
    wall = time.perf_counter() - started
    return {"wall_s": round(wall, 4), "cpu_s": round(cpu_seconds(os.getpid()) - cpu, 2)}


def _decode(worker: DecodeWorker, path: Path, bundle: Bundle) -> list[Picture]:
    messages = worker.read(path, bundle.contract)
    return [p for message in messages if isinstance(message, Pictures) for p in message.new]


def _embed(engine: OpenVinoEngine, pictures: list[Picture]) -> None:
    for start in range(0, len(pictures), BATCH_SIZE):
        engine.embed(pictures[start : start + BATCH_SIZE])


def main() -> None:
    """Measure one clip and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--one-core-each", action="store_true")
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.model)
    result = measure(arguments.clip, bundle, arguments.runs, arguments.one_core_each)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
