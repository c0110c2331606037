"""Seconds a training step: the documented loop against ours, the documented network and sizes.

    python benchmarks/training.py            # 3 rounds of both; some 10 minutes on 2 CPU cores
    python benchmarks/training.py --device cuda --full

The documented loop (`documented_training.py`): DataLoader with 4 workers over padded rows in
memory, float32, nn.MultiheadAttention, no masks. Ours: `clipkind.training.learner` by the
documented recipe. Each has a process of its own and they take turns; the first step of each round
is dropped. `--full` also trains the four documented members side by side to epoch 60.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import machine

HERE = Path(__file__).parent
VIDEOS, ROWS, DIM, CLASSES = 2800, 64, 1280, 4
WAYS = ("documented", "ours", "ours_float32")


def main() -> None:
    """Measure, print, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=3, help="timed steps of a round")
    parser.add_argument("--full", action="store_true", help="also four members to epoch 60")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "training.json")
    parser.add_argument("--way", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        steps = _documented if arguments.way == "documented" else _ours
        print(json.dumps(steps(arguments)))
        return
    machine.warn_if_busy()
    rounds: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way in WAYS:
            rounds[way].append(_round(way, arguments))
            print(way, [round(s, 3) for s in rounds[way][-1]], flush=True)
    results = machine.describe(sys.argv[1:], "training.py") | _summary(rounds, arguments.device)
    if arguments.full:
        results["four_members_to_epoch_60"] = _four_members(arguments.device)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    for way in WAYS:
        print(
            f"{way:14} {results['step_s'][way]:8.3f} s a step, {results['times'][way]:5.2f} times"
        )


def _round(way: str, arguments: argparse.Namespace) -> list[float]:
    command = [sys.executable, __file__, "--way", way, "--device", arguments.device]
    command += ["--steps", str(arguments.steps)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def _summary(rounds: dict[str, list[list[float]]], device: str) -> dict[str, Any]:
    step_s = {way: median(s for steps in found for s in steps) for way, found in rounds.items()}
    steps = -(-VIDEOS // 48)
    return {
        "device": device,
        "sizes": {"videos": VIDEOS, "rows": ROWS, "feature_dim": DIM, "batch": 48},
        "step_s": {way: round(s, 4) for way, s in step_s.items()},
        "epoch_s": {way: round(s * steps, 1) for way, s in step_s.items()},
        "times": {way: round(step_s["documented"] / s, 2) for way, s in step_s.items()},
        "rounds": rounds,
    }


def _features() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(0)
    labels = np.arange(VIDEOS) % CLASSES
    features = random.standard_normal((VIDEOS, ROWS, DIM), np.float32)
    # something to learn, or `--full` would rightly see failed members and begin them again
    features += 0.5 * random.standard_normal((CLASSES, 1, DIM), np.float32)[labels]
    return features.astype(np.float16), np.full(VIDEOS, ROWS), labels


def _documented(arguments: argparse.Namespace) -> list[float]:
    from documented_training import timed_steps

    features, _, labels = _features()
    return timed_steps(features.astype(np.float32), labels, arguments.device, arguments.steps)


def _ours(arguments: argparse.Namespace) -> list[float]:
    from dataclasses import replace

    import torch

    from clipkind.training.data import Split
    from clipkind.training.learner import Learner
    from clipkind.training.recipe import DOCUMENTED
    from clipkind.training.trainer import network_config

    precision = "float32" if arguments.way == "ours_float32" else "auto"
    recipe = replace(DOCUMENTED, precision=precision)  # type: ignore[arg-type]
    config = network_config(recipe, DIM, CLASSES)
    device = torch.device(arguments.device)
    learner = Learner(recipe, 42, config, Split(*_features()), device)
    learner.model.train()
    draws = torch.Generator(device).manual_seed(0)
    batches = torch.split(learner.order(draws), recipe.batch_size)
    times: list[float] = []
    for index in batches[: arguments.steps + 1]:
        started = time.perf_counter()
        float(learner.step(index, recipe.learning_rate, draws)[0])  # waits for the device
        times.append(time.perf_counter() - started)
    return times[1:]


def _four_members(device: str) -> dict[str, Any]:
    """The documented ensemble by `train_ensemble`, each member to epoch 60."""
    from dataclasses import replace

    from clipkind.training.ensemble import jobs_and_threads, train_ensemble
    from clipkind.training.recipe import DOCUMENTED, SEEDS
    from clipkind.training.run import Run, open_run
    from training_set import prepared

    recipe = replace(DOCUMENTED, num_epochs=60, patience=60)
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder) / "run", recipe, SEEDS, {})
        open_run(run)
        run.cache.mkdir()
        data = prepared(run.cache, *_features())
        jobs, threads = jobs_and_threads(run, None, device)
        started = time.perf_counter()
        members = train_ensemble(run, data, jobs=jobs, threads=threads, device=device)
        wall = time.perf_counter() - started
    return {"wall_s": round(wall, 1), "jobs": jobs, "epochs": [m.epochs for m in members]}


if __name__ == "__main__":
    main()
