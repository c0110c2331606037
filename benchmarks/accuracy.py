"""How accurate are frozen features with a linear model, and with the temporal network?

    python benchmarks/accuracy.py FEATURES.h5 [OTHER_BACKBONE.h5 …]
        [--systems logistic,linear,default,…] [--members 2] [--out benchmarks/results/accuracy.json]
    python benchmarks/accuracy.py FEATURES.h5 --systems linear,documented --members 1 --jobs 1 \
        --shuffles 1 --folds 1,2,3,4,0 --saves FOLDER \
        --out benchmarks/results/accuracy-documented.json

The files hold the same labelled videos, extracted by `clipkind extract` with different backbones.
Protocol: 5-fold cross-validation grouped by source, in three shuffles. Whatever is chosen (the
linear model's C, the network's epoch) is chosen inside the training folds, again by group. Answers
of the shuffles are scored one by one and averaged; intervals draw sources. Results are written
after every fold, with the number of videos answered so far, since some networks take hours.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from hashlib import sha256
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold

from clipkind.evaluation.ablations import ablations
from clipkind.evaluation.intervals import difference, draw_groups, interval
from clipkind.evaluation.linear import FOLDS as LINEAR_FOLDS
from clipkind.evaluation.linear import fit_logistic
from clipkind.evaluation.pooled import mean_over_time
from clipkind.features.store import open_features
from clipkind.inference.heads import softmax
from clipkind.training.data import Split
from clipkind.training.history import EpochResult
from clipkind.training.learner import predict_logits
from clipkind.training.member import ATTEMPTS, SEED_STEP
from clipkind.training.recipe import DEFAULT, DOCUMENTED, LINEAR, Recipe, default_seeds
from clipkind.training.trainer import Saving, Trainer, TrainResult
from machine import describe

FOLDS, SHUFFLES, VALIDATION_FOLDS = 5, 3, 8
NETWORKS: dict[str, Recipe] = {
    "default": DEFAULT,
    "linear": LINEAR,
    **{part.folder.replace("-", "_"): part.recipe for part in ablations(DEFAULT)},
    "documented": DOCUMENTED,
}
LOGISTIC = "logistic"
"""scikit-learn's, with C chosen inside."""
CHOSEN = "linear_chosen"
"""`linear` with its L2 chosen inside."""
DECAYS = (30.0, 100.0, 300.0, 1000.0)


@dataclass(frozen=True, slots=True, eq=False)
class Data:
    """Labelled features of one backbone, in memory."""

    backbone: str
    class_names: tuple[str, ...]
    ids: tuple[str, ...]
    features: NDArray[Any]
    lengths: NDArray[Any]
    labels: NDArray[np.int64]
    groups: NDArray[np.str_]
    sha256: str
    """Of all that is trained on."""

    def split(self, rows: NDArray[np.intp]) -> Split:
        return Split(self.features[rows], self.lengths[rows], self.labels[rows])


@dataclass(frozen=True, slots=True)
class Job:
    """One fold of one shuffle, answered by one system."""

    file: Path
    system: str
    shuffle: int
    fold: int
    members: int
    device: str
    threads: int
    saves: Path | None = None
    """Where trainings are saved, to be gone on with."""

    def saving(self, recipe: Recipe, seed: int) -> Saving | None:
        if not self.saves:
            return None
        what = f"{self.file.stem}-{self.system}-{self.shuffle}-{self.fold}-{seed}"
        identity = {"what": what, "data": read(self.file).sha256, **recipe.to_json()}
        return Saving(self.saves / f"{what}.safetensors", identity)


@cache
def read(path: Path) -> Data:
    """A feature file with labels and groups."""
    with open_features(path) as file:
        names = file.contract.class_names
        labels = np.array([names.index(row.label) for row in file.rows])
        groups = np.array([row.group for row in file.rows])
        features = file.features()
        backbone, lengths = file.contract.backbone, np.array(file.lengths)
        digest = sha256(features)
        for part in (lengths, labels, groups):
            digest.update(np.ascontiguousarray(part))
        known = (features, lengths, labels, groups, digest.hexdigest())
        return Data(backbone, names, tuple(file.ids), *known)


def folds(data: Data, shuffle: int) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Row indices to train on and to answer, by fold."""
    splitter = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=shuffle)
    return list(splitter.split(data.labels, data.labels, data.groups))


def answer(job: Job) -> tuple[NDArray[np.floating[Any]], list[str]]:
    """Probabilities [n, C] of the fold's videos, and what became of each training, in words."""
    torch.set_num_threads(job.threads)
    data = read(job.file)
    inside, outside = folds(data, job.shuffle)[job.fold]
    if job.system == LOGISTIC:
        return logistic(data, inside, outside), []
    recipe = chosen(data, inside) if job.system == CHOSEN else NETWORKS[job.system]
    trainings: list[str] = []
    votes = []
    for seed in default_seeds(recipe)[: job.members]:
        for attempt in range(ATTEMPTS):
            own = seed + SEED_STEP * attempt
            vote, result = network(data, recipe, inside, outside, own, job)
            trainings.append(
                f"shuffle {job.shuffle}, fold {job.fold}, seed {own}, "
                f"weight_decay {recipe.weight_decay:g}: "
                f"best epoch {result.best.epoch} of {len(result.epochs)}"
                + (f"; failed: {result.failure}" if result.failure else "")
            )
            if not result.failure:
                break
        votes.append(vote)  # of the last attempt where all failed: there is no better answer
    return np.mean(votes, axis=0), trainings


def logistic(
    data: Data, inside: NDArray[np.intp], outside: NDArray[np.intp]
) -> NDArray[np.floating[Any]]:
    """Logistic regression on standardised means over time; C by grouped search inside."""
    means = mean_over_time(data.features, data.lengths)
    fitted = fit_logistic(means[inside], data.labels[inside], data.groups[inside])
    return fitted.ranking(means[outside], len(data.class_names))


def chosen(data: Data, inside: NDArray[np.intp]) -> Recipe:
    """`linear` with that L2 of `DECAYS` under which held-out groups of the fold are likeliest."""
    means = mean_over_time(data.features, data.lengths)[:, None]
    ones, losses = np.ones(len(means), np.int64), np.zeros(len(DECAYS))
    splitter = StratifiedGroupKFold(LINEAR_FOLDS, shuffle=True, random_state=0)
    for fit, held in splitter.split(inside, data.labels[inside], data.groups[inside]):
        train, val = (Split(means[r], ones[r], data.labels[r]) for r in (inside[fit], inside[held]))
        for number, decay in enumerate(DECAYS):
            recipe = replace(LINEAR, weight_decay=decay)
            trainer = Trainer(recipe, means.shape[2], data.class_names)
            losses[number] += trainer.fit(train, val).best.val_nll * len(held)
    return replace(LINEAR, weight_decay=DECAYS[losses.argmin()])


def network(
    data: Data,
    recipe: Recipe,
    inside: NDArray[np.intp],
    outside: NDArray[np.intp],
    seed: int,
    job: Job,
) -> tuple[NDArray[np.floating[Any]], TrainResult]:
    """One attempt at a member: its answers to `outside`, and how it came about.

    Groups of its own choice are held out to choose the epoch by, if it has any.
    """
    splitter = StratifiedGroupKFold(VALIDATION_FOLDS, shuffle=True, random_state=seed)
    fit, val = next(splitter.split(inside, data.labels[inside], data.groups[inside]))
    if recipe.num_epochs == 1:
        fit = np.arange(len(inside))
    width = data.features.shape[2]
    trainer = Trainer(recipe, width, data.class_names, seed=seed, device=job.device)
    tell = _tell if job.saves else lambda _epochs: None
    train, validation = data.split(inside[fit]), data.split(inside[val])
    result = trainer.fit(train, validation, on_epoch=tell, saving=job.saving(recipe, seed))
    asked = data.split(outside)
    logits = predict_logits(result.model, asked.features, asked.lengths)
    return softmax(logits), result


def _tell(epochs: Sequence[EpochResult]) -> None:
    """A line on the last epoch, of a network that takes hours."""
    last = epochs[-1]
    what = f"loss {last.train_loss:.3f}, validation accuracy {last.val_accuracy:.3f}"
    print(f"    epoch {last.epoch}: {what}, {last.seconds:.0f} s", flush=True)


def score(
    data: Data,
    rows: NDArray[np.intp],
    answers: Sequence[NDArray[Any]],
    baseline: Sequence[NDArray[Any]],
) -> dict[str, Any]:
    """Figures of one system's answers for `rows`, with its difference to the first one's."""
    labels, draws = data.labels[rows], draw_groups(data.groups[rows])
    answers, baseline = [a[rows] for a in answers], [a[rows] for a in baseline]
    right = np.mean([a.argmax(1) == labels for a in answers], axis=0)
    other = np.mean([a.argmax(1) == labels for a in baseline], axis=0)
    f1 = [f1_score(labels, a.argmax(1), average=None) for a in answers]
    own, theirs = draws.mean(right), draws.mean(other)
    every = np.arange(len(labels))
    return {
        "videos": len(rows),
        "accuracy": interval(own, draws),
        "accuracy_by_shuffle": [round(float((a.argmax(1) == labels).mean()), 4) for a in answers],
        "f1": dict(zip(data.class_names, np.mean(f1, axis=0).round(4).tolist(), strict=True)),
        "macro_f1": round(float(np.mean(f1)), 4),
        "nll": round(float(np.mean([-np.log(a[every, labels] + 1e-9).mean() for a in answers])), 4),
        "less_the_first": difference(own, theirs, draws, right != other),
    }


def main() -> None:
    """Run every system on every file, print the table, write the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("features", nargs="+", type=Path)
    parser.add_argument(
        "--systems", default="logistic,linear,default", help=f"of {[LOGISTIC, CHOSEN, *NETWORKS]}"
    )
    parser.add_argument("--members", type=int, default=2, help="networks that vote, 1 to 4")
    parser.add_argument(
        "--jobs", type=int, default=2, help="folds at a time, one core each; 1: a fold on all"
    )
    parser.add_argument("--shuffles", type=int, default=SHUFFLES)
    parser.add_argument(
        "--folds",
        type=lambda text: [int(part) for part in text.split(",")],
        default=list(range(FOLDS)),
        help="which, and in which order: the first are there if time runs out",
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--saves",
        type=Path,
        help="a folder, for networks that take hours: run again, the command goes on where it "
        "was (the documented one takes a gigabyte a training)",
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    every = set(range(FOLDS))
    known = set(arguments.folds) <= every
    if not known or (set(arguments.folds) < every and arguments.shuffles > 1):
        # of another shuffle the same folds are other videos
        parser.error(f"--folds are of 0 to {FOLDS - 1}; fewer than all want --shuffles 1")
    if arguments.saves:
        arguments.saves.mkdir(parents=True, exist_ok=True)
    first = read(arguments.features[0])
    pairs = [(f, s) for f in arguments.features for s in arguments.systems.split(",")]
    answers: dict[tuple[Path, str], list[NDArray[Any]]] = {}
    results: dict[str, Any] = {}
    about = describe(sys.argv[1:], Path(__file__).name)
    about |= {"videos": len(first.labels), "groups": len(set(first.groups))}
    about |= {"folds": FOLDS, "shuffles": arguments.shuffles, "members": arguments.members}
    with ProcessPoolExecutor(arguments.jobs, get_context("spawn")) as pool:
        for file, system in pairs:
            data = read(file)
            if (data.ids, data.groups.tolist()) != (first.ids, first.groups.tolist()):
                raise SystemExit(f"{file} has other videos or groups than {arguments.features[0]}")
            name = f"{data.backbone}: {system}"
            for rows, found, trainings in answered(pool, data, file, system, arguments):
                answers[file, system] = found
                row = score(data, rows, found, answers[pairs[0]])
                results[name] = row | {"trainings": trainings}
                if arguments.out:  # after every fold: some take long
                    text = json.dumps(about | {"systems": results}, indent=1) + "\n"
                    arguments.out.write_text(text, encoding="utf-8")
            print(_line(name, row), flush=True)


def answered(
    pool: ProcessPoolExecutor,
    data: Data,
    file: Path,
    system: str,
    arguments: argparse.Namespace,
) -> Iterator[tuple[NDArray[np.intp], list[NDArray[Any]], list[str]]]:
    """Rows answered so far in every shuffle begun, the answers [N, C] of each shuffle, and all
    trainings: after each fold of the first shuffle, then after each whole one."""
    threads = 1 if arguments.jobs > 1 else torch.get_num_threads()  # small networks: one
    done: list[NDArray[Any]] = []
    trainings: list[str] = []
    for shuffle in range(arguments.shuffles):
        found = np.zeros((len(data.labels), len(data.class_names)))
        jobs = [
            Job(
                file,
                system,
                shuffle,
                fold,
                arguments.members,
                arguments.device,
                threads,
                arguments.saves,
            )
            for fold in arguments.folds
        ]
        for job, (part, told) in zip(jobs, pool.map(answer, jobs), strict=True):
            trainings += told
            found[folds(data, shuffle)[job.fold][1]] = part
            rows = np.flatnonzero(found.any(axis=1))
            right = (found[rows].argmax(1) == data.labels[rows]).mean()
            print(f"  {system}, shuffle {shuffle}, {len(rows)} videos: {right:.3f}", flush=True)
            if shuffle == 0:
                yield rows, [found], trainings
        done.append(found)
        yield rows, done, trainings


def _line(name: str, row: dict[str, Any]) -> str:
    accuracy, less = row["accuracy"], row["less_the_first"]
    f1 = " ".join(f"{value:.3f}" for value in row["f1"].values())
    return (
        f"{name:44} {accuracy['value']:.3f} ({accuracy['low']:.3f} to {accuracy['high']:.3f})  "
        f"F1 {f1}  nll {row['nll']:.3f}  "
        f"{less['value']:+.3f} ({less['low']:+.3f} to {less['high']:+.3f})"
    )


if __name__ == "__main__":
    main()
