"""Groups of videos onto parts, so that every class and subcategory comes near its share.

Whole numbers and SHA-256 only: no random generator, hash() or float that another machine or Python
could answer otherwise.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clipkind.dataset.manifest import Entry

MAX_PASSES = 8
"""Passes of improvement; real sets need two or three."""

Stratum = tuple[str, ...]
"""(), all videos; (label,); or (label, subcategory)."""
IMPORTANCE = (1, 1, 2)
"""Of the whole, a class and a subcategory. On the shared clips every class still stands within two
videos of its share, and subcategories stand nearer to theirs than with equal weights."""


@dataclass(frozen=True, slots=True)
class _Load:
    """What a group puts onto the part it goes to."""

    name: str
    videos: tuple[tuple[Stratum, int], ...]
    """How many videos of each stratum."""
    labels: frozenset[str]


def balanced(
    groups: Mapping[str, Sequence[Entry]],
    weights: Sequence[int],
    seed: int,
    fixed: Mapping[str, int],
) -> dict[str, int]:
    """The part, 0 to len(weights) - 1, of each group; a part of weight 0 gets no further group.

    `fixed` says where some groups stand already; the others are placed so that the squared
    deviations from `weights`, in videos, stay small for every class, every subcategory and the
    whole, and so that every part has a group of every class, as far as moving single groups gets.
    The same answer for the same groups, in whatever order, on any machine.
    """
    loads = {name: _load(name, groups[name]) for name in _order(groups, seed)}
    state = _Balance(weights)
    for name, part in fixed.items():
        state.put(loads[name], part)
    free = [load for name, load in loads.items() if name not in fixed]
    for load in free:
        state.put(load, state.best(load))
    state.fill_holes(free)
    for _ in range(MAX_PASSES):
        if not state.improve(free):
            break
    return state.part


def _load(name: str, videos: Sequence[Entry]) -> _Load:
    strata: Counter[Stratum] = Counter()
    for video in videos:
        strata[()] += 1
        strata[(video.label,)] += 1
        strata[(video.label, video.subcategory)] += 1
    return _Load(name, tuple(sorted(strata.items())), frozenset(v.label for v in videos))


def _order(groups: Mapping[str, Sequence[Entry]], seed: int) -> list[str]:
    """Large groups first, as small ones can even out what they leave; else shuffled by `seed`.

    Sizes count as equal within a factor of two, so that seeds differ in large groups too.
    """

    def key(name: str) -> tuple[int, bytes]:
        ids = sorted(video.id for video in groups[name])
        text = "\n".join([str(seed), *ids])
        return -len(ids).bit_length(), hashlib.sha256(text.encode()).digest()

    return sorted(groups, key=key)


class _Balance:
    """How many videos of each stratum, and groups of each class, stand in each part so far."""

    def __init__(self, weights: Sequence[int]) -> None:
        self.part: dict[str, int] = {}
        self._weights = weights
        self._sum = sum(weights)
        self._parts = [part for part, weight in enumerate(weights) if weight]
        self._videos: dict[Stratum, list[int]] = {}
        self._total: Counter[Stratum] = Counter()
        self._groups: dict[str, list[int]] = {}

    def put(self, load: _Load, part: int) -> None:
        """Place a group, or move it."""
        old = self.part.get(load.name)
        self.part[load.name] = part
        for stratum, count in load.videos:
            videos = self._videos.setdefault(stratum, [0] * len(self._weights))
            videos[part] += count
            if old is None:
                self._total[stratum] += count
            else:
                videos[old] -= count
        for label in load.labels:
            groups = self._groups.setdefault(label, [0] * len(self._weights))
            groups[part] += 1
            if old is not None:
                groups[old] -= 1

    def best(self, load: _Load) -> int:
        """Where a further group brings all that has been placed so far nearest to its shares.

        Shares of what is placed, not of the whole: else all large groups, which come first, would
        go to the largest part.
        """

        def cost(part: int) -> int:
            weight = self._weights[part]
            out = 0
            for stratum, count in load.videos:
                videos = self._videos.get(stratum)
                here = videos[part] if videos else 0
                over = self._sum * here - weight * (self._total[stratum] + count)
                out += IMPORTANCE[len(stratum)] * count * over
            return out

        return min(self._parts, key=lambda part: (cost(part), part))

    def fill_holes(self, free: Sequence[_Load]) -> None:
        """Give every part a group of every class, each by the move that costs least."""
        for label in sorted(self._groups):
            for part in self._parts:
                if self._groups[label][part]:
                    continue
                moves = [
                    (self._cost_of_move(load, part), number)
                    for number, load in enumerate(free)
                    if label in load.labels and not self._leaves_a_hole(load)
                ]
                if moves:
                    self.put(free[min(moves)[1]], part)

    def improve(self, free: Sequence[_Load]) -> bool:
        """Move every group that stands better elsewhere; False when none did."""
        moved = False
        for load in free:
            if self._leaves_a_hole(load):
                continue
            here = self.part[load.name]
            others = [part for part in self._parts if part != here]
            if not others:
                continue
            cost, part = min((self._cost_of_move(load, part), part) for part in others)
            if cost < 0:
                self.put(load, part)
                moved = True
        return moved

    def _leaves_a_hole(self, load: _Load) -> bool:
        here = self.part[load.name]
        return any(self._groups[label][here] == 1 for label in load.labels)

    def _cost_of_move(self, load: _Load, part: int) -> int:
        """Change of the squared deviations, over twice the sum of weights."""
        here, out = self.part[load.name], 0
        for stratum, count in load.videos:
            videos, total = self._videos[stratum], self._total[stratum]
            over_here = self._sum * videos[here] - self._weights[here] * total
            over_there = self._sum * videos[part] - self._weights[part] * total
            change = over_there - over_here + self._sum * count
            out += IMPORTANCE[len(stratum)] * count * change
        return out
