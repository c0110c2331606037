"""The wrong answers that were given with the most confidence."""

import numpy as np

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.result import Error

MOST = 24


def mistakes(asked: Questions, answers: Answers, paths: tuple[str | None, ...]) -> list[Error]:
    """The most confident errors, at most MOST, worst first; without thumbnails.

    `paths` [N] are those of the videos. `answers` must have probabilities.
    """
    labels = answers.labels
    confidence = answers.ranking.max(axis=1)
    wrong = np.flatnonzero(labels != asked.y_true)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:MOST]
    return [
        {
            "id": asked.ids[n],
            "path": paths[n],
            "true": asked.class_names[asked.y_true[n]],
            "answered": asked.class_names[labels[n]],
            "confidence": round(float(confidence[n]), 6),
            "thumbnail": None,
        }
        for n in worst
    ]
