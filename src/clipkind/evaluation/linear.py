"""Linear models on standardised features, as strong as the training videos alone can make them."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

CS = (0.001, 0.003, 0.01, 0.03, 0.1)
"""What C is chosen from: weak, since there are more features than videos."""
FALLBACK = 0.003
"""C where there are too few groups to choose by."""
FOLDS = 3
_LEAST = 1e-15
_STEPS = 5000

Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Linear:
    """A fitted model."""

    model: Pipeline
    c: float
    folds: int
    """Of the cross-validation that C was chosen by; 0: there were too few groups for one."""

    def ranking(self, features: Floats, classes: int) -> NDArray[np.float64]:
        """[N, C] of `features` [N, D]: probabilities, or margins of a model that has none.

        A class that was not fitted is never the likeliest.
        """
        if hasattr(self.model, "predict_proba"):
            return self._by_class(self.model.predict_proba(features), classes, 0.0)
        margins = self.model.decision_function(features)
        if margins.ndim == 1:  # of two classes it gives one margin
            margins = np.stack([-margins, margins], axis=1)
        return self._by_class(margins, classes, float(margins.min(initial=0.0)) - 1.0)

    def _by_class(self, found: Any, classes: int, absent: float) -> NDArray[np.float64]:
        ranking = np.full((len(found), classes), absent)
        ranking[:, self.model.classes_] = found
        return ranking

    @property
    def chosen(self) -> str:
        """C and where it is from, in words."""
        if not self.folds:
            return f"C={self.c:g}, fixed: too few groups to choose it by"
        return f"C={self.c:g}, chosen by {self.folds}-fold cross-validation grouped in training"


def fit_logistic(features: Floats, labels: Integers, groups: NDArray[Any]) -> Linear:
    """Logistic regression on `features` [N, D]; C is the one of `CS` under which held-out groups
    are likeliest. `labels` [N] are class indices, of at least two classes, `groups` [N]."""
    return _fit(_logistic, _surprise, features, labels, groups)


def fit_svm(features: Floats, labels: Integers, groups: NDArray[Any]) -> Linear:
    """The same with a linear support vector machine; C is the one with the fewest mistakes."""
    return _fit(_svm, _mistakes, features, labels, groups)


def _logistic(c: float) -> Any:
    return LogisticRegression(C=c, max_iter=_STEPS)


def _svm(c: float) -> Any:
    return LinearSVC(C=c, max_iter=_STEPS, random_state=0)


def _fit(
    make: Callable[[float], Any],
    loss: Callable[[Linear, Floats, Integers], float],
    features: Floats,
    labels: Integers,
    groups: NDArray[Any],
) -> Linear:
    parts = _parts(labels, groups)
    totals = np.zeros(len(CS))
    for inside, outside in parts:
        for number, c in enumerate(CS):
            fitted = Linear(_fitted(make(c), features[inside], labels[inside]), c, 0)
            totals[number] += loss(fitted, features[outside], labels[outside])
    c = CS[int(totals.argmin())] if parts else FALLBACK
    return Linear(_fitted(make(c), features, labels), c, len(parts))


def _parts(labels: Integers, groups: NDArray[Any]) -> list[tuple[Integers, Integers]]:
    """Rows to fit on and rows to look at, whole groups on one side; none where a class has only
    one group."""
    fewest = min(len(np.unique(groups[labels == label])) for label in np.unique(labels))
    if fewest < 2:
        return []
    folds = StratifiedGroupKFold(min(FOLDS, fewest), shuffle=True, random_state=0)
    parts = list(folds.split(labels, labels, groups))
    # groups of several classes may leave a fold with less than there is to tell apart
    whole = all(len(np.unique(labels[inside])) > 1 and len(outside) for inside, outside in parts)
    return parts if whole else []


def _fitted(classifier: Any, features: Floats, labels: Integers) -> Pipeline:
    model = make_pipeline(StandardScaler(), classifier)
    with warnings.catch_warnings():  # where it has not quite settled it is the baseline it is
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def _surprise(fitted: Linear, features: Floats, labels: Integers) -> float:
    """The negative log-likelihood of the truth, summed."""
    found = fitted.ranking(features, int(max(labels.max(), fitted.model.classes_.max())) + 1)
    return float(-np.log(found[np.arange(len(labels)), labels].clip(_LEAST, 1.0)).sum())


def _mistakes(fitted: Linear, features: Floats, labels: Integers) -> float:
    return float((fitted.model.predict(features) != labels).sum())
