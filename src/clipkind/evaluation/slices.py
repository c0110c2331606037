"""Where the answers are good and where they are not: the same videos, cut in several ways."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.intervals import FEWEST_GROUPS, draw_groups, interval
from clipkind.evaluation.result import Slice

_LEAST_VIDEOS = 3
"""Of a source; with fewer its accuracy is an anecdote."""
_MOST_SOURCES = 50
"""Those with the most videos are told."""
_LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Bands:
    """Names for stretches of a quantity."""

    ends: tuple[float, ...]
    names: tuple[str, ...]
    """One more: the last has no end."""

    def of(self, value: float) -> str:
        """The band `value` lies in; empty where it is not known (0)."""
        return self.names[bisect_right(self.ends, value)] if value > 0 else ""


BANDS = {
    "duration": Bands(
        (5.0, 10.0, 30.0, 60.0), ("under 5 s", "5 to 10 s", "10 to 30 s", "30 to 60 s", "over 60 s")
    ),
    "height": Bands(
        (200, 360, 720, 1080), ("under 200", "200–359", "360–719", "720–1079", "1080+")
    ),
    "frame rate": Bands(
        (12, 23, 28, 40), ("under 12", "12 to 23", "23 to 28", "28 to 40", "over 40")
    ),
}


def slices(
    asked: Questions, answers: Answers, by: Mapping[str, Sequence[str]]
) -> dict[str, list[Slice]]:
    """The accuracy for every value of every attribute in `by` (name -> [N] values; empty: unknown).

    An attribute with fewer than two values is left out. A slice is `worse` where it is below the
    rest of the videos by more than chance explains, however many slices are looked at (Bonferroni).
    """
    right = (answers.labels == asked.y_true).astype(float)
    wanted = {name: _values(name, values) for name, values in by.items()}
    wanted = {name: values for name, values in wanted.items() if len(set(by[name])) > 1 and values}
    looked_at = sum(len(values) for values in wanted.values())
    return {
        name: [
            _slice(asked, right, np.array([v == value for v in by[name]]), value, looked_at)
            for value in _in_order(name, values)
        ]
        for name, values in wanted.items()
    }


def few_sources(part: Slice) -> bool:
    """Whether a slice is of too few groups for its interval to be shown: it would look narrower
    than what is known (see `FEWEST_GROUPS`)."""
    return part["groups"] < FEWEST_GROUPS


def _values(name: str, values: Sequence[str]) -> Counter[str]:
    """How many videos have each value that is looked at."""
    counts = Counter(value for value in values if value)
    if name != "source":
        return counts
    return Counter({v: n for v, n in counts.most_common(_MOST_SOURCES) if n >= _LEAST_VIDEOS})


def _in_order(name: str, counts: Counter[str]) -> list[str]:
    """Bands in their own order, sources with the most videos first, other values by name."""
    if name == "source":
        return sorted(counts, key=lambda value: (-counts[value], value))
    names = BANDS[name].names if name in BANDS else ()
    return sorted(counts, key=lambda v: (names.index(v) if v in names else len(names), v))


def _slice(
    asked: Questions, right: NDArray[np.float64], here: NDArray[np.bool_], value: str, tests: int
) -> Slice:
    draws = draw_groups(asked.groups[here])
    return {
        "value": value,
        "videos": int(here.sum()),
        "groups": draws.groups,
        "accuracy": interval(draws.mean(right[here]), draws),
        "worse": _is_worse(asked, right, here, tests),
    }


def _is_worse(
    asked: Questions, right: NDArray[np.float64], here: NDArray[np.bool_], tests: int
) -> bool:
    counts = [len(np.unique(asked.draws.index[where])) for where in (here, ~here)]
    if min(counts) < FEWEST_GROUPS:
        return False
    sides = np.stack([here * right, here, ~here * right, ~here], axis=1).astype(float)
    total, drawn = asked.draws.sums(sides)
    both = (drawn[:, 1] > 0) & (drawn[:, 3] > 0)
    gaps = drawn[both, 0] / drawn[both, 1] - drawn[both, 2] / drawn[both, 3]
    shares = total[0] / total[1], total[2] / total[3]
    # draws of a side that is all right never differ, yet a few groups all right are no certainty
    least = sum(_variance(share, count) for share, count in zip(shares, counts, strict=True))
    limit = NormalDist().inv_cdf(1.0 - _LEVEL / (2 * tests))
    return bool(shares[0] - shares[1] < -limit * max(gaps.var(), least) ** 0.5)


def _variance(share: float, groups: int) -> float:
    """Of a share in so many groups, as if two more had been seen, one of them right (Agresti)."""
    there = (share * groups + 1) / (groups + 2)
    return float(there * (1 - there) / (groups + 2))
