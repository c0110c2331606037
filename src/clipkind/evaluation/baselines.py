"""What a network has to beat: simple systems fitted on the training videos of the same split."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.answers import Answers
from clipkind.evaluation.linear import Linear, fit_logistic, fit_svm
from clipkind.evaluation.pooled import Pooled

MAJORITY, LINEAR, SVM, FRAME = (
    "majority class",
    "logistic regression",
    "linear SVM",
    "single frame",
)


@dataclass(frozen=True, slots=True, eq=False)
class Training:
    """What baselines are fitted on: M videos of at least two classes."""

    pooled: Pooled
    y_true: NDArray[np.int64]
    """[M], class indices."""
    groups: NDArray[np.str_]
    """[M]."""
    class_names: tuple[str, ...]

    def take(self, rows: NDArray[np.integer[Any]]) -> "Training":
        """Some of the videos."""
        pooled, y_true, groups = self.pooled.take(rows), self.y_true[rows], self.groups[rows]
        return Training(pooled, y_true, groups, self.class_names)


@dataclass(frozen=True, slots=True, eq=False)
class Baseline:
    """A simple system, fitted."""

    name: str
    what: str
    ranking: Callable[[Pooled], NDArray[np.float64]]
    """Of N videos [N, C], see `Answers.ranking`."""
    has_probabilities: bool = True

    def answers(self, pooled: Pooled) -> Answers:
        """What it answers to these videos."""
        ranking, certain = self.ranking(pooled), self.has_probabilities
        return Answers(self.name, "baseline", self.what, ranking, has_probabilities=certain)


def baselines(train: Training) -> list[Baseline]:
    """All of them."""
    return [majority(train), logistic_regression(train), _svm(train), _single_frame(train)]


def majority(train: Training) -> Baseline:
    """Always the class that is most frequent in training."""
    shares = np.bincount(train.y_true, minlength=len(train.class_names)) / len(train.y_true)
    name = train.class_names[int(shares.argmax())]
    what = f"always {name}, the largest class of the training videos"
    return Baseline(MAJORITY, what, lambda pooled: np.tile(shares, (len(pooled.mean), 1)))


def logistic_regression(train: Training) -> Baseline:
    """The baseline that a network must beat to be worth its trouble."""
    fitted = fit_logistic(train.pooled.mean, train.y_true, train.groups)
    what = f"logistic regression ({fitted.chosen}) on standardised features, averaged over time"
    return Baseline(LINEAR, what, lambda pooled: _ranking(fitted, pooled.mean, train))


def _svm(train: Training) -> Baseline:
    fitted = fit_svm(train.pooled.mean, train.y_true, train.groups)
    what = f"linear SVM ({fitted.chosen}) on the same features; it has no probabilities"
    return Baseline(SVM, what, lambda pooled: _ranking(fitted, pooled.mean, train), False)


def _single_frame(train: Training) -> Baseline:
    fitted = fit_logistic(train.pooled.middle, train.y_true, train.groups)
    what = (
        f"logistic regression ({fitted.chosen}) on the standardised features of the middle frame "
        "alone"
    )
    return Baseline(FRAME, what, lambda pooled: _ranking(fitted, pooled.middle, train))


def _ranking(fitted: Linear, rows: NDArray[np.float32], train: Training) -> NDArray[np.float64]:
    return fitted.ranking(rows, len(train.class_names))
