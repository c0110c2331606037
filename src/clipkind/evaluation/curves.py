"""ROC, precision-recall and reliability curves."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import (
    average_precision_score,
    precision_recall_curve,
    roc_auc_score,
    roc_curve,
)

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.result import Bin, Curve

BINS = 15
_POINTS = 200
"""Of a curve; more cannot be seen."""

Floats = NDArray[np.floating[Any]]


def roc_and_pr(asked: Questions, answers: Answers) -> tuple[dict[str, Curve], dict[str, Curve]]:
    """Both curves of each class that some, but not all, of the videos are of."""
    roc: dict[str, Curve] = {}
    pr: dict[str, Curve] = {}
    for number, name in enumerate(asked.class_names):
        is_it = asked.y_true == number
        if is_it.all() or not is_it.any():
            continue
        score = answers.ranking[:, number]
        false, true, _ = roc_curve(is_it, score)
        roc[name] = _curve(false, true, roc_auc_score(is_it, score))
        precision, recall, _ = precision_recall_curve(is_it, score)
        pr[name] = _curve(recall[::-1], precision[::-1], average_precision_score(is_it, score))
    return roc, pr


def _curve(x: Floats, y: Floats, area: float) -> Curve:
    if len(x) > _POINTS:
        kept = np.unique(np.linspace(0, len(x) - 1, _POINTS).astype(int))
        x, y = x[kept], y[kept]
    rounded = [[round(float(v), 4) for v in values] for values in (x, y)]
    return {"x": rounded[0], "y": rounded[1], "area": round(float(area), 6)}


def confidence_bins(confidence: Floats) -> NDArray[np.intp]:
    """The bin of each confidence [N] in 0..1: above k/15, up to (k+1)/15."""
    bins: NDArray[np.intp] = np.ceil(confidence * BINS).astype(np.intp) - 1
    return bins.clip(0, BINS - 1)


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> list[Bin]:
    """The bins that hold answers; both arguments are [N]."""
    bins = confidence_bins(confidence)
    return [
        {
            "low": round(number / BINS, 6),
            "high": round((number + 1) / BINS, 6),
            "videos": int((bins == number).sum()),
            "confidence": round(float(confidence[bins == number].mean()), 6),
            "accuracy": round(float(right[bins == number].mean()), 6),
        }
        for number in np.unique(bins)
    ]
