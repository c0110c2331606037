"""Answers at a stated risk: one label, several labels, or none.

*One label.* The confidence from which an answer may be a single label is lowered step by step
(Learn then Test's fixed sequence, Angelopoulos et al. 2021): from a first step that no error at it
has a say in, as long as an upper bound of the error among single answers stays within the risk,
and never past a step that failed. The first step is the quarter of the videos that are surest, or
more where the bound would not be within the risk even without an error. The bound is one of
prediction, 95 % one-sided: it is for the errors that will be counted among as many new videos as
there were for calibration, so it allows for the luck of both. Videos of one source err together; so
many videos count for fewer, by Kish's design effect with the intraclass correlation of the errors,
raised by its standard error (1 where there is no error to take it from).

The 95 % are of all calibrations: one that gives no single label has kept its risk. Of those that
do, about as many keep it only where there are enough sources, `SOURCES` times what the bound takes
without an error (simulated in `tests/model/test_risk.py`), and only where the same videos have
chosen nothing else. Otherwise the risk is aimed at, not promised, and the rule says so.

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
SOURCES = 5
"""How many times the sources that a risk takes without an error there must be to promise it."""
_FIRST = 0.25
"""Share of the videos, the surest, with which the sequence starts where they are enough."""
_RISKS = np.arange(1, 501) / 1000
"""Among which the smallest risk is looked for."""


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
    """The smallest risk, in steps of 0.001, at which any answer would be a single label; 1: none.
    The calibration's errors say which it is: who asks for a risk because of it has chosen by them.
    """
    doubt: str
    """Why the risk is aimed at, not promised; empty: it is promised."""

    @property
    def note(self) -> str:
        """One line where no answer is a single label, or the risk is no promise; or else empty."""
        if math.isfinite(self.single_from):
            if not self.doubt:
                return ""
            return f"a risk of {self.risk:g} is aimed at, not promised: {self.doubt}"
        way_out = "calibrating takes videos of more sources"
        if self.smallest < 1:
            way_out = (
                f"with these videos single labels begin at a risk of {self.smallest:.3f}, which "
                "they cannot promise as they chose it"
            )
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
    steps = _steps(calibration)
    first = int(steps.first(risk))
    single_from = math.inf
    if first < len(steps.bound) and steps.bound[first] <= risk:
        failed = np.flatnonzero(steps.bound[first:] > risk)
        last = first + failed[0] - 1 if len(failed) else len(steps.bound) - 1
        single_from = float(steps.confidence[last])
    starts = steps.first(_RISKS)
    given = np.append(steps.bound, np.inf)[starts] <= _RISKS
    smallest = float(_RISKS[given.argmax()]) if given.any() else 1.0
    several_from = _several_from(calibration, single_from, risk)
    return RiskRule(risk, single_from, several_from, smallest, _doubt(calibration, risk))


def sources_for(risk: float) -> int:
    """How many sources it takes to promise a risk (0 to 0.5)."""
    count = 1
    while _bound(np.zeros(1), np.array([float(count)]))[0] > risk:
        count += 1
    return SOURCES * count


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


@dataclass(frozen=True, slots=True, eq=False)
class _Steps:
    """Every confidence there is, from the highest."""

    confidence: Array
    bound: Array
    """Of the error from there up."""
    without_error: Array
    """What the bound would be without an error, never rising; 1 where no step is the first."""

    def first(self, risk: float | Array) -> npt.NDArray[np.intp]:
        """The step to start from, which errors do not choose; their number: there is none."""
        return np.asarray(np.searchsorted(-self.without_error, -np.asarray(risk)))


def _steps(calibration: Calibration) -> _Steps:
    order = np.argsort(-calibration.confidence, kind="stable")
    confidence, groups = calibration.confidence[order], calibration.groups[order]
    errors = np.cumsum(~calibration.right[order])
    videos = np.arange(1, len(order) + 1)
    # the sum of squares of the sources' sizes grows by 2k + 1 with the source's k-th video
    squares = np.cumsum(2 * _earlier(groups) + 1)
    effect = 1 + _correlation(~calibration.right, calibration.groups) * (squares / videos - 1)
    count = videos / effect
    bound = _bound(errors / effect, count)
    without = np.where(count >= _FIRST * count[-1], _bound(np.zeros_like(count), count), 1.0)
    last = np.append(confidence[1:] != confidence[:-1], True)  # equal ones are answered alike
    return _Steps(confidence[last], bound[last], np.minimum.accumulate(without[last]))


def _bound(errors: Array, count: Array) -> Array:
    """The bound of the share of errors among `count` new videos after `errors` among as many."""
    # arcsin(sqrt(rate)) has the deviation 1 / (2 sqrt(n)) whatever the rate (Anscombe 1948)
    rate = np.minimum((errors + 0.375) / (count + 0.75), 1.0)
    angle = np.arcsin(np.sqrt(rate)) + Z * np.sqrt(1 / (4 * count) + 1 / (4 * count))
    bound: Array = np.sin(np.minimum(angle, math.pi / 2)) ** 2
    return bound


def _doubt(calibration: Calibration, risk: float) -> str:
    """Why a risk is no promise, if it is none."""
    if calibration.also_chose:
        return f"the videos that the model was calibrated with also chose {calibration.also_chose}"
    needed = sources_for(risk)
    if calibration.num_groups < needed:
        return (
            f"the model was calibrated with videos of {calibration.num_groups} sources, a promise "
            f"takes {needed}"
        )
    return ""


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
    """Intraclass correlation, 0 to 1, of the errors of one source (analysis of variance), and one
    standard error more (Donner 1986): few errors make it look small by luck."""
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
    if spread <= 0:
        return 1.0
    found = float(np.clip((between - within) / spread, 0.0, 1.0))
    spread = (1 - found) * (1 + (typical - 1) * found)
    deviation = spread * math.sqrt(2 / (typical * (typical - 1) * (count - 1)))
    return float(min(found + deviation, 1.0))


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
