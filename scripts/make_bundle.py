"""Make a model bundle from labelled features: cross-validate by group, calibrate, train, export.

    python scripts/make_bundle.py FEATURES.h5 [OTHER_MODE.h5 …] --out FOLDER \\
        --data "what the videos are" [--limits "what the figures do not cover" …]

The first feature file is trained on; the others hold the same videos in other multi-scale modes,
for which the bundle is measured too. Groups (sources) never stand on both sides of a split.
"""

import argparse
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.model_selection import StratifiedGroupKFold

import clipkind
from clipkind.contract import Contract
from clipkind.evaluation.metrics import grouped_scores
from clipkind.features.store import FeatureFile, open_features
from clipkind.model.bundle import calibration_key
from clipkind.model.calibration import Calibration, fit_calibration
from clipkind.model.temporal_head import TemporalHead
from clipkind.training.bundling import write_bundle
from clipkind.training.data import Split
from clipkind.training.recipe import DEFAULT, RECIPES, SEEDS, Recipe
from clipkind.training.trainer import Trainer
from clipkind.workflow.member_answers import member_answers
from clipkind.workflow.strangeness import outlier_score

OUTLIERS = Path(__file__).parent.parent / "benchmarks" / "results" / "outliers.json"
FOLDS = 5
VALIDATION_FOLDS = 8
"""One in this many groups is held out of training for early stopping."""


class Data:
    """Labelled features of one mode, in memory."""

    def __init__(self, file: FeatureFile) -> None:
        self.contract = file.contract
        self.ids = file.ids
        self.features = file.features()
        self.lengths = file.lengths
        names = self.contract.class_names
        self.labels = np.array([names.index(row.label) for row in file.rows])
        self.groups = np.array([row.group for row in file.rows])

    def split(self, rows: np.ndarray) -> Split:
        return Split(self.features[rows], self.lengths[rows], self.labels[rows])


def read_modes(paths: Sequence[Path]) -> list[Data]:
    """All files in memory; SystemExit where one holds other videos, labels or groups.

    Each mode is measured row by row against the first one's labels and folds.
    """
    modes: list[Data] = []
    for path in paths:
        with open_features(path) as file:
            modes.append(Data(file))
        first, mode = modes[0], modes[-1]
        same = {
            "videos": mode.ids == first.ids,
            "class names": mode.contract.class_names == first.contract.class_names,
            "labels": np.array_equal(mode.labels, first.labels),
            "groups": np.array_equal(mode.groups, first.groups),
        }
        for what, equal in same.items():
            if not equal:
                raise SystemExit(f"{path} has other {what} than {paths[0]}: extract both alike")
    return modes


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("features", nargs="+", type=Path)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--name", default="lite0-stages")
    parser.add_argument(
        "--members",
        nargs="+",
        default=["default"] * len(SEEDS),
        choices=list(RECIPES),
        help="the recipe of each member that votes, at most four",
    )
    parser.add_argument("--answers", type=Path, help="write the out-of-fold answers there, as JSON")
    parser.add_argument("--data", required=True, help="what the videos are, for the model card")
    parser.add_argument(
        "--limits", action="append", help="what the figures do not cover, for the card; repeatable"
    )
    return parser.parse_args(arguments)


def main() -> None:
    """Measure, calibrate, train and write the bundle."""
    arguments = parse()
    torch.set_num_threads(1)  # networks this small train faster so, and repeat exactly
    modes = read_modes(arguments.features)
    members = list(zip((RECIPES[name] for name in arguments.members), SEEDS, strict=False))
    answers, temporal = out_of_fold(modes, members)
    data = modes[0]
    every = np.arange(len(data.labels))
    outliers, fitted_on = outlier_score(data.split(every), data.groups.tolist())
    models = [train(data, every, recipe, seed) for recipe, seed in members]
    provenance: dict[str, Any] = {
        "made_by": f"scripts/make_bundle.py of clipkind {clipkind.__version__}",
        "date": date.today().isoformat(),
        "data": arguments.data,
        "videos": len(data.labels),
        "groups": len(set(data.groups)),
        "videos_by_class": dict(
            zip(data.contract.class_names, np.bincount(data.labels).tolist(), strict=True)
        ),
        "recipes": {name: RECIPES[name].to_json() for name in sorted(set(arguments.members))},
        "members": arguments.members,
        "seeds": [seed for _, seed in members],
        "trained_with": f"torch {torch.__version__}",
        "outliers": fitted_on,
    }
    if outliers and (figures := measured_outliers(data, OUTLIERS)):
        provenance["measured_outliers"] = figures
    if arguments.limits:
        provenance["limits"] = arguments.limits
    write_bundle(
        arguments.out,
        arguments.name,
        data.contract,
        models,
        measured=scores(modes, answers, temporal, len(members)),
        provenance=provenance,
        calibrations=calibrations(data, answers),
        outliers=outliers,
    )
    if arguments.answers:
        write_answers(arguments.answers, data, answers[data.contract.multi_scale])
    total = sum(file.stat().st_size for file in arguments.out.iterdir())
    print(f"{arguments.out}: {total / 1e6:.1f} MB")


def out_of_fold(
    modes: list[Data], members: Sequence[tuple[Recipe, int]]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Probabilities [N, C] by `calibration_key` of ensembles that have not seen the video or
    another of its source, and those of one temporal network."""
    data = modes[0]
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    temporal = np.zeros((len(data.labels), len(data.contract.class_names)))
    found = {
        calibration_key(mode.contract.multi_scale, tta): np.zeros_like(temporal)
        for mode in modes
        for tta in (False, True)
    }
    for number, (inside, outside) in enumerate(folds.split(data.labels, data.labels, data.groups)):
        models = [train(data, inside, recipe, seed) for recipe, seed in members]
        for mode in modes:
            for tta in (False, True):
                votes = member_answers(models, mode.split(outside), tta=tta)
                found[calibration_key(mode.contract.multi_scale, tta)][outside] = votes.mean(axis=0)
        beside = [train(data, inside, DEFAULT, SEEDS[0])]
        temporal[outside] = member_answers(beside, data.split(outside), tta=False).mean(axis=0)
        own = found[data.contract.multi_scale]
        right = (own[outside].argmax(1) == data.labels[outside]).mean()
        other = (temporal[outside].argmax(1) == data.labels[outside]).mean()
        print(f"fold {number}: {right:.3f}, temporal {other:.3f}", flush=True)
    return found, temporal


def write_answers(path: Path, data: Data, answers: np.ndarray) -> None:
    """What the ensembles answered to videos they had not seen, uncalibrated, without their names:
    the tests of what a risk promises draw from it."""
    _, groups = np.unique(data.groups, return_inverse=True)
    found = {
        "class_names": data.contract.class_names,
        "y_true": data.labels.tolist(),
        "groups": groups.tolist(),
        "probabilities": answers.round(5).tolist(),
    }
    path.write_text(json.dumps(found) + "\n", encoding="utf-8")


def scores(
    modes: list[Data], answers: dict[str, np.ndarray], temporal: np.ndarray, members: int
) -> dict[str, Any]:
    """Out-of-fold results of the ensemble for each mode, and of a temporal network beside it."""
    data = modes[0]
    names = data.contract.class_names
    protocol = (
        f"{FOLDS}-fold cross-validation grouped by source; every video is answered by networks "
        "that saw neither it nor another of its source; features and recipe were chosen on the "
        "same videos, which is a little kind to them"
    )
    score = {"protocol": protocol, "ensemble": members}
    results: dict[str, Any] = {
        mode: score | grouped_scores(answers[mode], data.labels, data.groups, names)
        for mode in (mode.contract.multi_scale for mode in modes)
    }
    for mode in modes[1:]:
        results[mode.contract.multi_scale]["protocol"] += (
            f"; the networks were trained on {data.contract.multi_scale} features"
        )
    results[data.contract.multi_scale]["baseline"] = {
        "what": "one network of recipe default (BiLSTM and attention), same folds"
    } | grouped_scores(temporal, data.labels, data.groups, names)
    for mode, result in results.items():
        print(mode, result, flush=True)
    return results


def calibrations(data: Data, answers: dict[str, np.ndarray]) -> dict[str, Calibration]:
    """Fitted on the out-of-fold answers: all videos, none known to the ensemble that answered."""
    protocol = f"the out-of-fold answers of the {FOLDS}-fold cross-validation above"
    return {
        mode: fit_calibration(found, data.labels, data.groups, protocol, also_chose="the recipe")
        for mode, found in answers.items()
    }


def measured_outliers(data: Data, results: Path) -> dict[str, Any] | None:
    """Of `benchmarks/outliers.py` how well foreign kinds are told, if it measured these videos."""
    if not results.exists():
        return None
    found = json.loads(results.read_text(encoding="utf-8"))
    measured_on = Contract.from_json(found["contract"])
    ours = data.contract.sha256, data.contract.class_names, len(data.labels), len(set(data.groups))
    theirs = measured_on.sha256, measured_on.class_names, found["videos"], found["groups"]
    if ours != theirs:
        print(f"{results} is of other videos or features: the card will lack its figures")
        return None
    kinds = {
        kind: {name: row[name] for name in ("videos", "groups", "auroc")}
        for kind, row in found["kinds"].items()
    }
    protocol = f"benchmarks/outliers.py, {found['folds']}-fold cross-validation grouped by source"
    return {"protocol": protocol, "date": found["date"], "kinds": kinds}


def train(data: Data, rows: np.ndarray, recipe: Recipe, seed: int) -> TemporalHead:
    """One member; its own choice of groups is held out for early stopping, if it has epochs."""
    folds = StratifiedGroupKFold(VALIDATION_FOLDS, shuffle=True, random_state=seed)
    inside, outside = next(folds.split(rows, data.labels[rows], data.groups[rows]))
    trainer = Trainer(recipe, data.contract.feature_dim, data.contract.class_names, seed=seed)
    if recipe.num_epochs == 1:  # nothing to stop: it may learn from all
        inside = np.arange(len(rows))
    result = trainer.fit(data.split(rows[inside]), data.split(rows[outside]))
    best = result.best
    print(
        f"  seed {seed}: epoch {best.epoch} of {len(result.epochs)}, validation accuracy "
        f"{best.val_accuracy:.3f}, macro F1 {best.val_macro_f1:.3f}",
        flush=True,
    )
    return result.model


if __name__ == "__main__":
    main()
