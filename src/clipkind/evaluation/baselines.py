"""What a network has to beat: simple systems fitted on the training videos of the same split."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from clipkind.errors import FileFormatError
from clipkind.evaluation.answers import Answers, Questions
from clipkind.features.store import FeatureFile
from clipkind.text import printable

C = 0.003
"""Of the linear models: weak, since there are more features than videos."""
MAJORITY, LINEAR, SVM, FRAME = (
    "majority class",
    "logistic regression",
    "linear SVM",
    "single frame",
)
_BLOCK = 64
"""Videos read at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Videos without their course in time."""

    mean: NDArray[np.float32]
    """[N, D], over the rows that are real."""
    middle: NDArray[np.float32]
    """[N, D], the row in the middle."""

    def take(self, rows: NDArray[np.integer[Any]]) -> "Pooled":
        return Pooled(self.mean[rows], self.middle[rows])


def pool(file: FeatureFile, ids: tuple[str, ...]) -> Pooled:
    """The videos `ids`, in that order. Raises FileFormatError where features are no numbers."""
    mean = np.empty((len(ids), file.contract.feature_dim), np.float32)
    middle = np.empty_like(mean)
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        for number, features in enumerate(file.features(block), start):
            length = file.rows[file.index(ids[number])].length
            mean[number] = features[:length].astype(np.float32).mean(axis=0)
            middle[number] = features[length // 2]
    bad = ~np.isfinite(mean).all(axis=1)
    if bad.any():
        raise FileFormatError(
            f"{printable(str(file.path))}: the features of {ids[int(bad.argmax())]} are no finite "
            "numbers: extract it again"
        )
    return Pooled(mean, middle)


def baselines(asked: Questions, pooled: Pooled, train: Pooled, y_train: Any) -> list[Answers]:
    """The answers of all baselines.

    `pooled` are the videos asked about, `train` and `y_train` ([N] class indices) those to fit on,
    of at least two classes.
    """
    return [
        majority(asked, y_train),
        logistic_regression(asked, pooled, train, y_train),
        _svm(asked, pooled, train, y_train),
        _single_frame(asked, pooled, train, y_train),
    ]


def majority(asked: Questions, y_train: NDArray[np.integer[Any]]) -> Answers:
    """Always the class that is most frequent in training."""
    shares = np.bincount(y_train, minlength=len(asked.class_names)) / len(y_train)
    name = asked.class_names[int(shares.argmax())]
    return Answers(
        MAJORITY,
        "baseline",
        f"always {name}, the largest class of the training videos",
        np.tile(shares, (len(asked), 1)),
    )


def logistic_regression(
    asked: Questions, pooled: Pooled, train: Pooled, y_train: NDArray[np.integer[Any]]
) -> Answers:
    """The baseline that a network must beat to be worth its trouble."""
    model = _linear(LogisticRegression(C=C, max_iter=5000))
    _fit(model, train.mean, y_train)
    what = f"logistic regression (C={C}) on standardised features, averaged over the frames"
    found = _by_class(model, model.predict_proba(pooled.mean), len(asked.class_names), 0.0)
    return Answers(LINEAR, "baseline", what, found)


def _svm(asked: Questions, pooled: Pooled, train: Pooled, y_train: Any) -> Answers:
    model = _linear(LinearSVC(C=C, max_iter=20000, random_state=0))
    _fit(model, train.mean, y_train)
    margins = model.decision_function(pooled.mean)
    if margins.ndim == 1:  # of two classes it gives one margin
        margins = np.stack([-margins, margins], axis=1)
    found = _by_class(model, margins, len(asked.class_names), float(margins.min()) - 1.0)
    what = f"linear SVM (C={C}) on the same features; it has no probabilities"
    return Answers(SVM, "baseline", what, found, has_probabilities=False)


def _single_frame(asked: Questions, pooled: Pooled, train: Pooled, y_train: Any) -> Answers:
    model = _linear(LogisticRegression(C=C, max_iter=5000))
    _fit(model, train.middle, y_train)
    what = f"logistic regression (C={C}) on the standardised features of the middle frame alone"
    found = _by_class(model, model.predict_proba(pooled.middle), len(asked.class_names), 0.0)
    return Answers(FRAME, "baseline", what, found)


def _linear(classifier: Any) -> Pipeline:
    return make_pipeline(StandardScaler(), classifier)


def _fit(model: Pipeline, features: NDArray[np.float32], labels: Any) -> None:
    with warnings.catch_warnings():  # where it has not quite settled it is the baseline it is
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(features, labels)


def _by_class(model: Pipeline, found: Any, classes: int, absent: float) -> NDArray[np.float64]:
    """[N, C] from the columns of the classes that were fitted; `absent` for the others."""
    ranking = np.full((len(found), classes), absent)
    ranking[:, model.classes_] = found
    return ranking
