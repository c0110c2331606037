"""How the members of an ensemble become one answer: a weighted mean of their probabilities."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
Combine = Literal["equal", "weighted", "selected"]
COMBINE: tuple[Combine, ...] = get_args(Combine)
_EM_STEPS = 500
_NEGLIGIBLE = 0.005
"""A member with less weight than this cannot change an answer worth its computing."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Combination:
    """How the members vote, and with what weights."""

    how: Combine
    """`equal`: as documented; `weighted`: the weights that make the validation split most likely;
    `selected`: members drawn one by one, with replacement, as long as that helps on it."""
    weights: tuple[float, ...]
    """One a member; they sum to 1."""

    def __call__(self, members: Numbers) -> Array:
        """The ensemble's probabilities [..., C] from those of its members [M, ..., C]."""
        return np.tensordot(np.asarray(self.weights), members.astype(np.float64), axes=1)

    @property
    def voters(self) -> tuple[int, ...]:
        """The members with a weight."""
        return tuple(number for number, weight in enumerate(self.weights) if weight)

    def of_voters(self) -> "Combination":
        """The same answers from the voters alone."""
        return Combination(self.how, tuple(self.weights[number] for number in self.voters))


def equal(members: int) -> Combination:
    """All count the same."""
    return Combination("equal", (1.0 / members,) * members)


def fit_combination(
    how: Combine, members: Numbers, y_true: npt.NDArray[np.integer[Any]]
) -> Combination:
    """Weights from the members' probabilities [M, N, C] and the classes [N] of validation videos.

    A member that would weigh next to nothing gets 0.
    """
    if how == "equal" or len(members) == 1 or not len(y_true):
        return Combination(how, equal(len(members)).weights)
    of_truth = members.astype(np.float64)[:, np.arange(len(y_true)), y_true] + _TINY
    weights = _likeliest(of_truth) if how == "weighted" else _selected(of_truth)
    weights = np.where(weights < _NEGLIGIBLE, 0.0, weights)
    return Combination(how, tuple((weights / weights.sum()).tolist()))


def _likeliest(of_truth: Array) -> Array:
    """Expectation-maximisation for the weights of a mixture: the likelihood is concave in them."""
    weights = np.full(len(of_truth), 1.0 / len(of_truth))
    for _ in range(_EM_STEPS):
        weights = weights * (of_truth / (weights @ of_truth)).mean(axis=1)
    result: Array = weights
    return result


def _selected(of_truth: Array) -> Array:
    """Greedy forward selection with replacement (Caruana et al. 2004) by log-likelihood.

    As there: so many draws, then the best ensemble on the way.
    """
    counts = np.zeros(len(of_truth))
    total = np.zeros(of_truth.shape[1])
    best, best_counts = -np.inf, counts
    for drawn in range(1, 5 * len(of_truth) + 1):
        scores = np.log((total + of_truth) / drawn).mean(axis=1)
        choice = int(scores.argmax())
        counts[choice] += 1
        total += of_truth[choice]
        if scores[choice] > best:
            best, best_counts = float(scores[choice]), counts.copy()
    result: Array = best_counts / best_counts.sum()
    return result
