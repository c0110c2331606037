"""How far a figure can be trusted: a bootstrap that draws whole groups, for all figures at once.

Clips of one source are not independent of each other, so sources are drawn, not clips. Every
system of an evaluation is looked at in the same draws, which makes their differences paired.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.result import Figure

ROUNDS = 2000
_TAIL = 0.025
FEWEST_GROUPS = 6
"""Of two equal systems one wins in all of five groups by chance in 1 case of 16, in all of six in 1
of 32: only from here on can an interval of 95 % exclude no difference (sign test)."""

Floats = NDArray[np.floating[Any]]


class Drawn(NamedTuple):
    """A figure, and what it came to in each draw ([R]; nan where a draw does not have it)."""

    value: float
    draws: Floats

    def less(self, other: "Drawn") -> "Drawn":
        """The paired difference."""
        return Drawn(self.value - other.value, self.draws - other.draws)


@dataclass(frozen=True, slots=True, eq=False)
class Draws:
    """Draws of the groups of N videos, with replacement."""

    index: NDArray[np.intp]
    """[N], the group of each video: 0 to G - 1."""
    counts: NDArray[np.float32]
    """[R, G], how often each group was drawn."""

    @property
    def groups(self) -> int:
        return int(self.counts.shape[1])

    def sums(self, values: Floats) -> tuple[Floats, Floats]:
        """Sums of `values` [N, K] over the videos: as they are [K], and in every draw [R, K]."""
        by_group = np.zeros((self.groups, values.shape[1]))
        np.add.at(by_group, self.index, values)
        drawn = self.counts @ by_group.astype(np.float32)
        return by_group.sum(axis=0), drawn.astype(np.float64)

    def means(self, values: Floats) -> list[Drawn]:
        """The mean of each column of `values` [N, K] over the videos."""
        ones = np.ones((len(values), 1))
        total, drawn = self.sums(np.hstack([values, ones]))
        return [
            Drawn(float(total[k] / total[-1]), drawn[:, k] / drawn[:, -1])
            for k in range(values.shape[1])
        ]

    def mean(self, values: Floats) -> Drawn:
        """The mean of `values` [N] over the videos."""
        return self.means(values[:, None])[0]


def draw_groups(groups: NDArray[Any], rounds: int = ROUNDS) -> Draws:
    """Draws of `groups` [N], which must not be empty; always the same for the same groups."""
    _, index = np.unique(groups, return_inverse=True)
    count = int(index.max()) + 1
    drawn = np.random.default_rng(0).integers(count, size=(rounds, count))
    cells = drawn + count * np.arange(rounds)[:, None]
    counts = np.bincount(cells.ravel(), minlength=rounds * count).reshape(rounds, count)
    return Draws(index, counts.astype(np.float32))


def interval(
    drawn: Drawn, draws: Draws, *, lowest: float = 0.0, highest: float = 1.0, alike: int = 0
) -> Figure:
    """The 95 % interval (percentiles of the draws) of a figure between `lowest` and `highest`.

    A figure at one of its ends does not differ between draws; so many groups `alike` (default: all)
    still leave the room that a binomial with as many trials leaves. One group says nothing.
    """
    value = round(drawn.value, 6)
    if 1 in (draws.groups, alike):
        return {"value": value, "low": lowest, "high": highest}
    low, high = np.nanpercentile(drawn.draws, [100 * _TAIL, 100 * (1 - _TAIL)])
    if low == high and drawn.value in (lowest, highest):
        room = (highest - lowest) * (1.0 - _TAIL ** (1.0 / (alike or draws.groups)))
        low, high = (highest - room, highest) if value == highest else (lowest, lowest + room)
    # the calibration error of a draw is above that of the whole: the interval must hold the figure
    low, high = min(float(low), drawn.value), max(float(high), drawn.value)
    return {"value": value, "low": round(low, 6), "high": round(high, 6)}


def difference(a: Drawn, b: Drawn, draws: Draws, differ: NDArray[np.bool_]) -> Figure:
    """The paired difference of two shares, `a` less `b`, with its interval.

    `differ` [N]: where one is right and the other wrong. Where that is so in fewer than
    FEWEST_GROUPS groups, the interval is widened to hold 0; where it is so nowhere, the two may
    still differ in as many groups as is left room for (see `interval`).
    """
    figure = interval(a.less(b), draws, lowest=-1.0, highest=1.0)
    if not differ.any():
        room = round(1.0 - _TAIL ** (1.0 / draws.groups), 6)
        return {"value": figure["value"], "low": -room, "high": room}
    if len(np.unique(draws.index[differ])) < FEWEST_GROUPS:
        figure["low"], figure["high"] = min(figure["low"], 0.0), max(figure["high"], 0.0)
    return figure


def excludes_zero(figure: Figure) -> bool:
    """Whether a difference is shown."""
    return figure["low"] > 0.0 or figure["high"] < 0.0
