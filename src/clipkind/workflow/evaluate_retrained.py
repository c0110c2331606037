"""What an evaluation trains by itself: the network without its parts, and on part of the data."""

from collections.abc import Callable

import numpy as np

from clipkind.dataset.splits.table import SplitRow
from clipkind.evaluation.ablations import ablations, is_long
from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.baselines import LINEAR, Training, logistic_regression
from clipkind.evaluation.learning_curve import SHARES, learning_point, part_of, without_others
from clipkind.evaluation.pooled import Pooled
from clipkind.evaluation.result import LearningPoint
from clipkind.training.recipe import Recipe
from clipkind.training.run import Run
from clipkind.training.watch import Watch
from clipkind.workflow.evaluate_input import EvaluateOptions, Subject
from clipkind.workflow.evaluate_training import Retraining


def ablated(subject: Subject, options: EvaluateOptions, notes: list[str]) -> list[Answers]:
    """The networks without a part, trained or found trained. What cannot be had is noted."""
    reason = _not_ablated(subject.run, options)
    if reason or subject.run is None:
        notes.append(reason)
        return []
    found = []
    for part in ablations(subject.run.recipe):
        options.stage(f"train {part.name}")
        folder = subject.run.evaluation / "ablations" / part.folder
        retraining = _retraining(subject, subject.run, options)
        answers = retraining.answers(part.recipe, folder, part.name, part.what)
        if answers is None:
            notes.append(f"The network {part.name} has not learned the classes.")
        else:
            found.append(answers)
    return found


def _not_ablated(run: Run | None, options: EvaluateOptions) -> str:
    """Why the networks without a part are left out; empty: they are not."""
    if options.ablations is False:
        return "The network without its parts was left out (--no-ablations)."
    if run is None:
        return "There is no network without its parts: only a training run knows how to train it."
    if not ablations(run.recipe):
        return "The network has neither BiLSTM nor attention that could be taken out."
    if options.ablations is None and is_long(run.recipe, options.device):
        return (
            "The network without its parts was not trained: with hidden_dim "
            f"{run.recipe.hidden_dim} that takes hours without a GPU; --ablations does it all the "
            "same."
        )
    return ""


def linear_curve(
    asked: Questions, pooled: Pooled, train: Training, rows: tuple[SplitRow, ...]
) -> list[LearningPoint]:
    """Logistic regression on shares of the training groups.

    `pooled` are the videos asked about, `train` those of `rows`, the train split.
    """
    points = []
    for share in SHARES:
        kept = part_of(rows, share)
        ids = {row.id for row in kept}
        where = np.array([n for n, row in enumerate(rows) if row.id in ids], np.intp)
        answers = logistic_regression(train.take(where)).answers(pooled)
        points.append(learning_point(asked, answers, LINEAR, kept))
    return points


def network_curve(
    subject: Subject,
    asked: Questions,
    ensemble: Answers,
    options: EvaluateOptions,
    notes: list[str],
) -> list[LearningPoint]:
    """The network trained on shares of the training groups; on all of them it is the ensemble."""
    run = subject.run
    if run is None:
        notes.append("The learning curve has no network: only a training run can train one.")
        return []
    rows = subject.trained_on()
    points = []
    for share in SHARES[:-1]:
        kept = part_of(rows, share)
        shown = f"{100 * share:.0f}"
        options.stage(f"train on {shown} % of the groups")
        found = _retraining(subject, run, options).answers(
            run.recipe,
            run.evaluation / "learning-curve" / shown,
            ensemble.name,
            f"the same network, trained on {shown} % of the groups",
            without_others(subject.table, kept),
        )
        if found is None:
            notes.append(f"Trained on {shown} % of the groups, the network learns no classes.")
        else:
            notes.append(f"Learning curve: {found.what}.")
            points.append(learning_point(asked, found, ensemble.name, kept))
    return [*points, learning_point(asked, ensemble, ensemble.name, rows)]


def _retraining(subject: Subject, run: Run, options: EvaluateOptions) -> Retraining:
    return Retraining(
        run=run,
        file=subject.file,
        table=subject.table,
        split_name=str(subject.split_file),
        split=subject.split,
        combine=subject.bundle.combination.how,
        calibrated=subject.calibration() is not None,
        device=options.device,
        jobs=options.train_jobs,
        watch=_watch(run.recipe, len(run.seeds), options.step),
    )


def _watch(recipe: Recipe, members: int, step: Callable[[int, int], None]) -> Watch:
    """Tells of the epochs done; a member that ends early counts as done."""
    done: dict[str, int] = {}

    def tell(member: str, epochs: int) -> None:
        done[member] = epochs
        step(sum(done.values()), members * recipe.num_epochs)

    return Watch(
        on_start=lambda member, epochs: tell(member, len(epochs)),
        on_epoch=lambda member, result: tell(member, result.epoch),
        on_member=lambda result: tell(result.name, recipe.num_epochs),
    )
