"""From a feature file and a split to a measured model: train, score on the test split, bundle."""

import shutil
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import torch

import clipkind
from clipkind.checks import MOST_JOBS, require_whole
from clipkind.dataset.manifest import UNKNOWN_SOURCES
from clipkind.dataset.splits.table import SplitTable, sources_known
from clipkind.evaluation.metrics import grouped_scores
from clipkind.features.store import FeatureFile, open_features
from clipkind.model.bundle import Bundle, calibration_key, load_bundle
from clipkind.model.calibration import Calibration
from clipkind.model.combination import Combination, Combine
from clipkind.model.temporal_head import TemporalHead
from clipkind.text import printable
from clipkind.training import distributed
from clipkind.training.bundling import require_backbone, write_bundle
from clipkind.training.ensemble import jobs_and_threads, train_ensemble, voting
from clipkind.training.member import member_model
from clipkind.training.prepare import TrainingData, identity, is_large, prepare
from clipkind.training.recipe import Recipe
from clipkind.training.run import MemberResult, Run, locked, open_run
from clipkind.training.watch import Watch
from clipkind.workflow.calibrating import calibrations, chosen_voters
from clipkind.workflow.member_answers import member_answers
from clipkind.workflow.split_file import read_given_split
from clipkind.workflow.strangeness import outlier_score


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run came to."""

    run: Run
    members: tuple[MemberResult, ...]
    bundle: Bundle
    scores: dict[str, Any]
    """Of the members that vote, together, on the test split; empty where it holds no video."""
    refused: tuple[str, ...]
    """Videos of the split that have no features."""
    sources_known: bool
    """Whether any video's source is: else the intervals of `scores` are over videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """How to train, besides the recipe."""

    seeds: tuple[int, ...]
    device: str = "cpu"
    jobs: int | None = None
    """Members trained at a time; None: as many as there are cores for."""
    restart: bool = False
    weights: Path | None = None
    """The backbone's weights file, where they are not the published ones."""
    combine: Combine = "equal"
    """How the members vote."""
    data_name: str = "videos"
    """What the videos are, for the model card."""

    def __post_init__(self) -> None:
        if self.jobs is not None:
            require_whole("jobs", self.jobs, 1, MOST_JOBS)


def train(
    features: Path,
    split: Path,
    out: Path,
    recipe: Recipe,
    options: TrainOptions,
    watch: Watch | None = None,
    on_data: Callable[[Run, TrainingData, bool], None] = lambda _run, _data, _resumed: None,
) -> Trained | None:
    """Train an ensemble on `features` by `split`, or go on with it, and bundle what votes.

    `on_data` is told what is trained on, and whether an earlier run is gone on with. Several
    processes may call this together (torchrun); all but the first return None. Raises
    ClipkindError for input that cannot be used (see `prepare` and `open_run`) and when another
    process trains in `out`, EnsembleFailed, OSError when the disk is full; the same call goes on
    after any interruption.
    """
    table = read_given_split(split)
    first = distributed.rank() == 0
    with ExitStack() as stack:
        file = stack.enter_context(open_features(features))
        sources = {"features": str(features.resolve()), "split": str(split.resolve())}
        run = Run(out, recipe, options.seeds, identity(file, table), sources)
        if first:
            stack.enter_context(locked(out))
        # the others wait here: they must not look into the folder before it is put right
        resumed = distributed.of_first(first and open_run(run, restart=options.restart))
        require_backbone(file.contract, options.weights)  # not after hours of training
        jobs, threads = jobs_and_threads(run, options.jobs, options.device)
        data = _prepared(run, file, table, str(split), jobs)
        file.close()
        on_data(run, data, resumed)
        members = train_ensemble(
            run, data, jobs=jobs, threads=threads, device=options.device, watch=watch
        )
        return _finished(run, data, members, options, resumed) if first else None


def _prepared(
    run: Run, file: FeatureFile, table: SplitTable, split_name: str, jobs: int
) -> TrainingData:
    """The data, in the run's cache too if several processes read them or memory is too small."""
    if distributed.rank() or (jobs == 1 and not is_large(file)):
        return prepare(file, table, split_name)
    run.cache.mkdir(exist_ok=True)
    try:
        return prepare(file, table, split_name, run.cache)
    except BaseException:
        shutil.rmtree(run.cache, ignore_errors=True)
        raise


def _finished(
    run: Run,
    data: TrainingData,
    members: tuple[MemberResult, ...],
    options: TrainOptions,
    resumed: bool,
) -> Trained:
    """Let members vote, calibrate, measure and bundle."""
    if resumed and run.bundle.exists():
        bundle = load_bundle(run.bundle)
        complete = bundle.calibrations and "outliers" in bundle.provenance
        if complete and bundle.combination.how == options.combine:
            scores = bundle.measured.get(data.contract.multi_scale, {})
            return Trained(  # all of it was done before
                run, members, bundle, scores, data.refused, sources_known(data.rows)
            )
    learned = voting(members)
    models = [member_model(run, number, data) for number in learned]
    combination = chosen_voters(models, data, options.combine)
    voters = [learned[place] for place in combination.voters]
    models = [models[place] for place in combination.voters]
    combination = combination.of_voters()
    calibrated = calibrations(models, data, combination, stopped=run.recipe.num_epochs > 1)
    calibration = calibrated[calibration_key(data.contract.multi_scale, tta=False)]
    scores = _scores(data, models, combination, calibration)
    groups = [row.group for row in data.rows_of("train")]
    outliers, fitted_on = outlier_score(data.split("train"), groups)
    bundle = write_bundle(
        run.bundle,
        printable(run.folder.resolve().name),
        data.contract,
        models,
        measured={data.contract.multi_scale: scores} if scores else {},
        provenance=_provenance(run, data, members, voters, options) | {"outliers": fitted_on},
        weights=options.weights,
        combination=combination,
        calibrations=calibrated,
        outliers=outliers,
    )
    return Trained(run, members, bundle, scores, data.refused, sources_known(data.rows))


def _scores(
    data: TrainingData,
    models: list[TemporalHead],
    combination: Combination,
    calibration: Calibration,
) -> dict[str, Any]:
    test = data.split("test")
    if not len(test.labels):
        return {}
    probabilities = calibration(combination(member_answers(models, test)))
    groups = np.array([row.group for row in data.rows_of("test")])
    protocol = "videos of the test split, of whose sources none was trained on or chosen by"
    if not sources_known(data.rows):
        protocol = f"videos of the test split; {UNKNOWN_SOURCES}"
    scores = grouped_scores(probabilities, test.labels, groups, data.contract.class_names)
    return {"protocol": protocol, "ensemble": len(models), **scores}


def _provenance(
    run: Run,
    data: TrainingData,
    members: tuple[MemberResult, ...],
    voters: list[int],
    options: TrainOptions,
) -> dict[str, Any]:
    used = [row for name in ("train", "val") for row in data.rows_of(name)]
    counts = Counter(row.label for row in used)
    return {
        "made_by": f"clipkind {clipkind.__version__}",
        "date": date.today().isoformat(),
        "data": options.data_name,
        "videos": len(used),
        "groups": len({row.group for row in used}),
        "videos_by_class": {name: counts[name] for name in data.contract.class_names},
        "recipe": run.recipe.to_json(),
        "seeds": [members[number].seed for number in voters],
        "failed_members": [f"{m.name}: {m.failure}" for m in members if m.failure],
        "members_without_weight": [
            members[number].name for number in voting(members) if number not in voters
        ],
        "identity": run.identity,
        "trained_with": f"torch {torch.__version__}",
    }
