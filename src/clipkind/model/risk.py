"""Answers at a stated risk: one label, several labels, or none.

*One label.* The confidence from which an answer may be a single label is tested downwards from the
strictest (Learn then Test's fixed sequence, Angelopoulos et al. 2021): as long as an upper bound of
the error among single answers stays within the risk, the next lower confidence is tried. The bound
is one of prediction, 95 % one-sided: it holds for the errors that will be counted among as many new
videos as there were for calibration, so it allows for the luck of both. Videos of one source err
together; so many videos count for fewer, by Kish's design effect with the intraclass correlation of
the errors (1 where there is no error to take it from).

*Several labels.* The others get a split-conformal set of at least two labels; sources, not videos,
are what is exchangeable, so each weighs the same (hierarchical conformal prediction, Lee, Barber
and Willett 2023). A set that would hold every class says nothing: the answer is then `unsure`.
"""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from clipkind.model.calibration import Array, Calibration, Numbers

Bools = npt.NDArray[np.bool_]
Decision = Literal["single", "several", "unsure"]
Z = 1.6449
"""The 95 % quantile of the normal distribution."""


@dataclass(frozen=True, slots=True)
class RiskRule:
    """How to answer at a risk."""

    risk: float
    single_from: float
    """The confidence from which an answer is one label; infinity: none is."""
    several_from: float
    """The probability from which a label belongs to a set; -infinity: all do, every answer that is
    not single is unsure."""
    smallest: float
    """The smallest risk at which any answer would be a single label; 1: none."""

    @property
    def note(self) -> str:
        """One line where the risk cannot be had with single labels, or else nothing."""
        if math.isfinite(self.single_from):
            return ""
        way_out = "calibrating takes videos of more sources"
        if self.smallest < 1:
            way_out = f"the smallest risk that can be promised is {self.smallest:.3f}"
        return (
            f"no answer is a single label at a risk of {self.risk:g}: the videos that the model "
            f"was calibrated with do not carry it; {way_out}"
        )


def require_risk(risk: float) -> None:
    """Raise ValueError for a risk that is none."""
    if not 0 < risk <= 0.5:
        raise ValueError(f"risk is {risk}; it must be above 0 and at most 0.5")


def risk_rule(calibration: Calibration, risk: float) -> RiskRule:
    """The rule that keeps the error of single answers within `risk` (0 to 0.5), as above.

    Raises ValueError for another risk.
    """
    require_risk(risk)
    confidence, bounds = _bounds(calibration)
    passed = np.flatnonzero(bounds <= risk)
    single_from = math.inf
    if len(passed):
        failed = np.flatnonzero(bounds[passed[0] :] > risk)
        last = passed[0] + failed[0] - 1 if len(failed) else len(bounds) - 1
        single_from = float(confidence[last])
    # rounded up: what is told must be enough when it is asked for
    smallest = min(math.ceil(float(bounds.min()) * 1000) / 1000, 1.0)
    return RiskRule(risk, single_from, _several_from(calibration, single_from, risk), smallest)


def decide(probabilities: Numbers, rule: RiskRule) -> Bools:
    """The labels [N, C] of answers with calibrated `probabilities` [N, C].

    A row with one label is a single answer, with more it says several, with none it is unsure.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")
    single = np.take_along_axis(probabilities, order[:, :1], axis=1) >= rule.single_from
    labels = probabilities >= rule.several_from
    np.put_along_axis(labels, order[:, :2], True, axis=1)
    labels &= ~labels.all(axis=1, keepdims=True)
    alone = np.zeros_like(labels)
    np.put_along_axis(alone, order[:, :1], True, axis=1)
    result: Bools = np.where(single, alone, labels)
    return result


def decision_of(labels: int) -> Decision:
    """What an answer with so many labels is called."""
    return "unsure" if not labels else "single" if labels == 1 else "several"


def _bounds(calibration: Calibration) -> tuple[Array, Array]:
    """Every confidence there is, from the highest, and the bound of the error from there up."""
    order = np.argsort(-calibration.confidence, kind="stable")
    confidence, groups = calibration.confidence[order], calibration.groups[order]
    errors = np.cumsum(~calibration.right[order])
    videos = np.arange(1, len(order) + 1)
    # the sum of squares of the sources' sizes grows by 2k + 1 with the source's k-th video
    squares = np.cumsum(2 * _earlier(groups) + 1)
    effect = 1 + _correlation(~calibration.right, calibration.groups) * (squares / videos - 1)
    count = videos / effect
    # arcsin(sqrt(rate)) has the deviation 1 / (2 sqrt(n)) whatever the rate (Anscombe 1948)
    rate = np.minimum((errors / effect + 0.375) / (count + 0.75), 1.0)
    angle = np.arcsin(np.sqrt(rate)) + Z * np.sqrt(1 / (4 * count) + 1 / (4 * count))
    bounds = np.sin(np.minimum(angle, math.pi / 2)) ** 2
    last = np.append(confidence[1:] != confidence[:-1], True)  # equal ones are answered alike
    return confidence[last], bounds[last]


def _earlier(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """For every video, how many of its source come before it."""
    order = np.argsort(groups, kind="stable")
    place = np.arange(len(groups))
    ordered = groups[order]
    first = np.append(True, ordered[1:] != ordered[:-1])
    earlier = np.empty_like(place)
    earlier[order] = place - np.maximum.accumulate(np.where(first, place, 0))
    return earlier


def _correlation(wrong: Bools, groups: npt.NDArray[np.int64]) -> float:
    """Intraclass correlation, 0 to 1, of the errors of one source (analysis of variance)."""
    sizes = np.bincount(groups).astype(np.float64)
    hits = np.bincount(groups, weights=wrong)
    hits, sizes = hits[sizes > 0], sizes[sizes > 0]
    total, count = sizes.sum(), len(sizes)
    if count < 2 or count == total or not wrong.any():
        return 1.0
    between = (sizes * (hits / sizes - wrong.mean()) ** 2).sum() / (count - 1)
    within = (hits - hits**2 / sizes).sum() / (total - count)
    typical = (total - (sizes**2).sum() / total) / (count - 1)
    spread = between + (typical - 1) * within
    return float(np.clip((between - within) / spread, 0.0, 1.0)) if spread > 0 else 1.0


def _several_from(calibration: Calibration, single_from: float, risk: float) -> float:
    """The probability from which labels are in a set, from the videos that get no single label."""
    rest = calibration.confidence < single_from
    groups: npt.NDArray[Any] = calibration.groups[rest]
    if not len(groups):
        return -math.inf
    weights = 1.0 / np.bincount(groups)[groups]
    order = np.argsort(-calibration.truth[rest], kind="stable")
    covered = np.cumsum(weights[order])
    needed = (1 - risk) * (len(np.unique(groups)) + 1)  # the new video's source is one more
    index = int(np.searchsorted(covered, needed - 1e-9))
    return float(calibration.truth[rest][order[index]]) if index < len(order) else -math.inf
