"""How good the answers of a system are, each headline figure with its interval."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.curves import BINS, confidence_bins, reliability, roc_and_pr
from clipkind.evaluation.intervals import Drawn, interval
from clipkind.evaluation.result import ClassScores, Figure, Scores, System

_LEAST = 1e-15
"""A probability of 0 for the truth counts as this, or one answer would make the loss infinite."""

Floats = NDArray[np.floating[Any]]


def system(asked: Questions, answers: Answers) -> System:
    """The system, with its scores, for the report."""
    return {
        "name": answers.name,
        "kind": answers.kind,
        "tta": answers.tta,
        "what": answers.what,
        "scores": scores(asked, answers),
    }


def accuracy(asked: Questions, answers: Answers) -> Drawn:
    """Share of right answers, as it is and in every draw."""
    return asked.draws.mean((answers.labels == asked.y_true).astype(float))


def scores(asked: Questions, answers: Answers) -> Scores:
    """All figures of one system.

    Where nothing of a class was asked or answered, its precision, recall and F1 are 0; macro F1 is
    the mean over the classes that were asked.
    """
    labels = list(range(len(asked.class_names)))
    roc, pr = roc_and_pr(asked, answers)
    macro, weighted, classes = _f1(asked, answers)
    found = answers.probabilities
    ece, brier, nll = (None, None, None) if found is None else _calibration(asked, found)
    right = answers.labels == asked.y_true
    return {
        "accuracy": interval(accuracy(asked, answers), asked.draws),
        "macro_f1": macro,
        "weighted_f1": weighted,
        "ece": ece,
        "brier": brier,
        "nll": nll,
        "classes": classes,
        "confusion": confusion_matrix(asked.y_true, answers.labels, labels=labels).tolist(),
        "roc": roc,
        "pr": pr,
        "reliability": None if found is None else reliability(found.max(axis=1), right),
    }


def _f1(asked: Questions, answers: Answers) -> tuple[Figure, Figure, dict[str, ClassScores]]:
    """Macro F1, weighted F1, and what each class comes to."""
    names, draws = asked.class_names, asked.draws
    eye = np.eye(len(names))
    is_it, said = eye[asked.y_true], eye[answers.labels]
    precision, recall, f1, support = precision_recall_fscore_support(
        asked.y_true, answers.labels, labels=list(range(len(names))), zero_division=0.0
    )
    _, drawn = draws.sums(np.hstack([is_it * said, is_it, said]))
    hits, there, answered = np.split(drawn, 3, axis=1)
    with np.errstate(invalid="ignore"):  # a class that a draw is without has no F1 in it
        by_class = np.where(there > 0, 2 * hits / (there + answered), np.nan)
    total = there.sum(axis=1)
    weighted = np.nansum(by_class * there, axis=1) / total
    asked_of = support > 0
    macro = np.nanmean(by_class[:, asked_of], axis=1)
    classes: dict[str, ClassScores] = {}
    for k, name in enumerate(names):
        alike = len(np.unique(draws.index[asked.y_true == k]))
        figure: Figure = {"value": 0.0, "low": 0.0, "high": 0.0}
        if support[k]:
            figure = interval(Drawn(float(f1[k]), by_class[:, k]), draws, alike=alike)
        classes[name] = {
            "precision": round(float(precision[k]), 6),
            "recall": round(float(recall[k]), 6),
            "f1": figure,
            "support": int(support[k]),
        }
    return (
        interval(Drawn(float(f1[asked_of].mean()), macro), draws),
        interval(Drawn(float((f1 * support).sum() / support.sum()), weighted), draws),
        classes,
    )


def _calibration(asked: Questions, found: Floats) -> tuple[Figure, Figure, Figure]:
    """Expected calibration error, Brier score and negative log-likelihood of [N, C]."""
    draws = asked.draws
    truth = np.eye(found.shape[1])[asked.y_true]
    squared = ((found - truth) ** 2).sum(axis=1)
    surprise = -np.log(found[np.arange(len(found)), asked.y_true].clip(_LEAST, 1.0))
    brier, nll = draws.means(np.stack([squared, surprise], axis=1))
    confidence = found.max(axis=1)
    gap = (found.argmax(axis=1) == asked.y_true) - confidence
    gaps = np.zeros((len(found), BINS + 1))
    gaps[np.arange(len(found)), confidence_bins(confidence)] = gap
    gaps[:, -1] = 1.0
    total, drawn = draws.sums(gaps)
    ece = Drawn(
        float(np.abs(total[:-1]).sum() / total[-1]), np.abs(drawn[:, :-1]).sum(1) / drawn[:, -1]
    )
    return (
        interval(ece, draws),
        interval(brier, draws, highest=2.0),
        interval(nll, draws, highest=round(-float(np.log(_LEAST)), 6)),
    )
