"""What is done to the networks' votes, so that all systems are looked at alike."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.answers import Answers
from clipkind.model.calibration import fit_temperature, tempered
from clipkind.model.combination import Combination


def combination_in_words(combination: Combination, trained: int | None = None) -> str:
    """How the members vote, of so many `trained` where these are more."""
    count = len(combination.weights)
    of = f" of {trained}" if trained is not None and trained > count else ""
    if count == 1:
        return f"one network{of}"
    if combination.how == "equal":
        return f"{count}{of} members, equal weights"
    weights = ", ".join(f"{weight:.2f}" for weight in combination.weights)
    how = {"weighted": "weights fitted on", "selected": "weights by selection on"}
    return f"{count}{of} members, {how[combination.how]} the validation videos ({weights})"


def with_temperature(
    answers: Answers, on_val: NDArray[np.floating[Any]], y_val: NDArray[np.integer[Any]]
) -> Answers:
    """The same answers with confidences as good as one temperature makes them, as the ensemble's
    are: fitted on what the system answers to the validation videos, `on_val` [V, C], whose classes
    are `y_val` [V]. Unchanged without probabilities or videos."""
    if not answers.has_probabilities or not len(y_val):
        return answers
    temperature = fit_temperature(on_val, y_val)
    what = f"{answers.what}; temperature {temperature:.2f}"
    return replace(answers, ranking=tempered(answers.ranking, temperature), what=what)
