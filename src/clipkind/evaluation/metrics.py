"""The few scores that a model card holds. A whole evaluation is in `clipkind.evaluation.scores`."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, f1_score

from clipkind.evaluation.intervals import draw_groups, interval


def grouped_scores(
    probabilities: npt.NDArray[np.floating[Any]],
    y_true: npt.NDArray[np.integer[Any]],
    groups: npt.NDArray[Any],
    class_names: tuple[str, ...],
) -> dict[str, Any]:
    """Accuracy with its 95 % interval, macro F1, F1 by class and the confusion matrix (JSON-ready).

    `probabilities` [N, C], `y_true` [N] class indices, `groups` [N]. The interval is that of
    `clipkind.evaluation.intervals`; macro F1 is the mean over the classes that have videos.
    """
    y_pred = probabilities.argmax(axis=1)
    labels = list(range(len(class_names)))
    f1 = f1_score(y_true, y_pred, labels=labels, average=None, zero_division=0.0)
    draws = draw_groups(groups)
    accuracy = interval(draws.mean((y_pred == y_true).astype(float)), draws)
    matrix = confusion_matrix(y_true, y_pred, labels=labels)
    return {
        "videos": len(y_true),
        "groups": draws.groups,
        "accuracy": round(accuracy["value"], 4),
        "accuracy_95": [round(accuracy["low"], 4), round(accuracy["high"], 4)],
        "macro_f1": round(float(f1[np.unique(y_true)].mean()), 4),
        "f1": {name: round(float(value), 4) for name, value in zip(class_names, f1, strict=True)},
        "confusion": matrix.tolist(),
    }
