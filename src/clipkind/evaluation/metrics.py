"""Scores with intervals. The unit of resampling is the group (source), not the clip."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, f1_score

BOOTSTRAP_ROUNDS = 2000


def grouped_scores(
    probabilities: npt.NDArray[np.floating[Any]],
    y_true: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[Any],
    class_names: tuple[str, ...],
) -> dict[str, Any]:
    """Accuracy with its 95 % interval, macro F1, F1 by class and the confusion matrix (JSON-ready).

    `probabilities` [N, C], `y_true` [N] class indices, `groups` [N]. The interval is a percentile
    bootstrap that draws whole groups with replacement, since clips of one source are not
    independent of each other.
    """
    y_pred = probabilities.argmax(axis=1)
    labels = list(range(len(class_names)))
    f1 = f1_score(y_true, y_pred, labels=labels, average=None, zero_division=0.0)
    low, high = _accuracy_interval(y_pred == y_true, groups)
    matrix = confusion_matrix(y_true, y_pred, labels=labels)
    return {
        "videos": len(y_true),
        "groups": len(np.unique(groups)),
        "accuracy": round(float((y_pred == y_true).mean()), 4),
        "accuracy_95": [round(low, 4), round(high, 4)],
        "macro_f1": round(float(f1.mean()), 4),
        "f1": {name: round(float(value), 4) for name, value in zip(class_names, f1, strict=True)},
        "confusion": matrix.tolist(),
    }


def _accuracy_interval(
    right: npt.NDArray[np.bool_], groups: npt.NDArray[Any]
) -> tuple[float, float]:
    _, index = np.unique(groups, return_inverse=True)
    sizes = np.bincount(index)
    if right.all() or not right.any():
        # no draw of them differs; exactly, so many groups alike leave this much room (binomial)
        room = 1.0 - 0.025 ** (1.0 / len(sizes))
        return (1.0 - room, 1.0) if right.all() else (0.0, room)
    hits = np.bincount(index, weights=right)
    draws = np.random.default_rng(0).integers(len(sizes), size=(BOOTSTRAP_ROUNDS, len(sizes)))
    accuracies = hits[draws].sum(axis=1) / sizes[draws].sum(axis=1)
    low, high = np.percentile(accuracies, [2.5, 97.5])
    return float(low), float(high)
