"""Networks trained for comparison, by the recipe of the run that is evaluated, and kept.

They lie in runs of their own below the run's `evaluation/`, so that the next evaluation finds them
and one that was stopped goes on.
"""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipkind.dataset.splits.table import SplitName, SplitTable
from clipkind.errors import FileFormatError
from clipkind.evaluation.answers import Answers
from clipkind.features.store import FeatureFile
from clipkind.model.heads import DEFAULT_HEAD
from clipkind.training.ensemble import (
    EnsembleFailed,
    jobs_and_threads,
    train_ensemble,
    voting,
)
from clipkind.training.learner import predict_logits
from clipkind.training.member import member_model
from clipkind.training.precision import SMALL_HIDDEN
from clipkind.training.prepare import identity, is_large, prepare
from clipkind.training.recipe import Recipe
from clipkind.training.run import Run, load_run, locked, open_run
from clipkind.training.watch import Watch


@dataclass(frozen=True, slots=True)
class Ablation:
    """A network with a part taken out."""

    name: str
    what: str
    recipe: Recipe

    @property
    def folder(self) -> str:
        return self.name.lower().replace(" ", "-")


def ablations(recipe: Recipe) -> list[Ablation]:
    """What can be taken out of the network of `recipe`; of another head than the usual nothing."""
    found = []
    if recipe.head != DEFAULT_HEAD:
        return []
    if recipe.num_lstm_layers:
        found.append(("without BiLSTM", _without_lstm(recipe)))
    if recipe.num_attention_heads:
        found.append(("without attention", replace(recipe, num_attention_heads=0)))
    what = "the same network {}, as many members, trained by the same recipe and seeds"
    return [Ablation(name, what.format(name), changed) for name, changed in found]


def _without_lstm(recipe: Recipe) -> Recipe:
    """Without it the width is halved: as many attention heads as still divide it."""
    heads = recipe.num_attention_heads
    while heads and recipe.hidden_dim % heads:
        heads -= 1
    return replace(recipe, num_lstm_layers=0, num_attention_heads=heads)


def is_long(recipe: Recipe, device: str) -> bool:
    """Whether a training by `recipe` takes hours on `device`."""
    return recipe.hidden_dim >= SMALL_HIDDEN and not device.startswith("cuda")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retraining:
    """What is common to all that is trained for one evaluation."""

    run: Run
    """The run that is evaluated."""
    file: FeatureFile
    table: SplitTable
    split_name: str
    split: SplitName
    """Of the videos to answer."""
    device: str = "cpu"
    jobs: int | None = None
    """Members trained at a time; None: as many as there are cores for."""
    watch: Watch | None = None

    def answers(
        self, recipe: Recipe, folder: Path, name: str, what: str, table: SplitTable | None = None
    ) -> Answers | None:
        """Train by `recipe` on `table` (default: the run's), or find that done in `folder`.

        None where no member has learned the classes. The answers are in the order of the split
        table. Raises as `prepare` and `train_ensemble`.
        """
        table = table or self.table
        run = Run(folder, recipe, self.run.seeds, identity(self.file, table))
        with locked(folder):
            open_run(run, restart=_is_other(run))
            jobs, threads = jobs_and_threads(run, self.jobs, self.device)
            cache = run.cache if jobs > 1 or is_large(self.file) else None
            if cache:
                cache.mkdir(exist_ok=True)
            try:
                data = prepare(self.file, table, self.split_name, cache)
                members = train_ensemble(
                    run, data, jobs=jobs, threads=threads, device=self.device, watch=self.watch
                )
            except EnsembleFailed:
                return None
            finally:
                shutil.rmtree(run.cache, ignore_errors=True)
            shutil.rmtree(run.progress_folder, ignore_errors=True)  # nobody looks at these
            videos = data.split(self.split)
            found = [
                predict_logits(member_model(run, n, data), videos.features, videos.lengths)
                for n in voting(members)
            ]
            return Answers(name, "ablation", what, _mean_of_softmax(found))


def _is_other(run: Run) -> bool:
    """Whether an earlier evaluation has trained something else there."""
    try:
        return load_run(run.folder).to_json() != run.to_json()
    except FileFormatError:
        return (run.folder / "run.json").exists()


def _mean_of_softmax(logits: list[NDArray[np.float32]]) -> NDArray[np.float64]:
    votes = np.stack(logits).astype(np.float64)
    votes = np.exp(votes - votes.max(axis=-1, keepdims=True))
    found: NDArray[np.float64] = (votes / votes.sum(axis=-1, keepdims=True)).mean(axis=0)
    return found
