"""Networks trained for comparison, by the recipe of the run that is evaluated, and kept.

They lie in runs of their own below the run's `evaluation/`, so that the next evaluation finds them
and one that was stopped goes on.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path

from clipkind.dataset.splits.table import SplitName, SplitTable
from clipkind.errors import FileFormatError
from clipkind.evaluation.answers import Answers
from clipkind.evaluation.voting import combination_in_words, with_temperature
from clipkind.features.store import FeatureFile
from clipkind.model.combination import Combine
from clipkind.training.ensemble import (
    EnsembleFailed,
    jobs_and_threads,
    train_ensemble,
    voting,
)
from clipkind.training.member import member_model
from clipkind.training.prepare import TrainingData, identity, is_large, prepare
from clipkind.training.recipe import Recipe
from clipkind.training.run import Run, load_run, locked, open_run
from clipkind.training.watch import Watch
from clipkind.workflow.calibrating import chosen_voters
from clipkind.workflow.member_answers import member_answers


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
    combine: Combine
    """How the run's own members vote: these do too."""
    calibrated: bool
    """Whether the run's own answers are."""
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
            return self._voted(run, voting(members), data, name, what)

    def _voted(
        self, run: Run, members: list[int], data: TrainingData, name: str, what: str
    ) -> Answers:
        models = [member_model(run, number, data) for number in members]
        combination = chosen_voters(models, data, self.combine)
        shown = f"{what}: {combination_in_words(combination.of_voters(), len(run.seeds))}"
        found = combination(member_answers(models, data.split(self.split)))
        answers = Answers(name, "ablation", shown, found)
        if not self.calibrated:
            return answers
        val = data.split("val")
        return with_temperature(answers, combination(member_answers(models, val)), val.labels)


def _is_other(run: Run) -> bool:
    """Whether an earlier evaluation has trained something else there."""
    try:
        return load_run(run.folder).to_json() != run.to_json()
    except FileFormatError:
        return (run.folder / "run.json").exists()
