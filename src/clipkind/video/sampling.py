"""Which frames of a video are looked at, and the cheapest order to decode them in. Pure functions.

Label-blind by construction: times and key frames go in, nothing else.
"""

from dataclasses import dataclass
from fractions import Fraction
from math import floor

import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.video.packets import IntArray
from clipkind.video.table import FrameTable


@dataclass(frozen=True, slots=True)
class Run:
    """Packets to decode in one go, from an entry's to the last one a wanted frame needs."""

    entry: int
    """Index into the table's entries."""
    last: int
    """Place of the last packet to feed."""
    targets: tuple[int, ...]
    """Frames wanted, as indices into the table, ascending."""


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """The frames a contract asks of one video."""

    targets: IntArray
    """Distinct frames wanted, as indices into the table, ascending, shape [K]."""
    scales: tuple[IntArray, ...]
    """For each temporal scale, the position in `targets` of each of its samples."""
    times_s: npt.NDArray[np.float64]
    """Sample times of the base scale, in seconds from the first frame, shape [num_frames]."""

    @property
    def distinct(self) -> int:
        """Distinct frames on the base scale: below num_frames where a video is short."""
        return len(np.unique(self.scales[0]))


def midpoints(length: int, window: tuple[float, float] = (0.0, 1.0)) -> list[Fraction]:
    """Centres of `length` equal segments of the window, as fractions of the duration.

    Exact, since midpoints often fall on the very moment a frame appears: rounding would then take
    another frame wherever a container counts in other ticks.
    """
    start, stop = (Fraction(str(share)) for share in window)
    return [start + (stop - start) * Fraction(2 * i + 1, 2 * length) for i in range(length)]


def plan_samples(table: FrameTable, contract: Contract) -> SamplePlan:
    """Choose each sample's frame: the one on screen at its segment's midpoint.

    Where a key frame lies within `keyframe_snap` of the spacing from the midpoint, it is taken
    instead: it represents the same segment and costs one decoded frame instead of a whole group.
    """
    first, span = int(table.pts[0]), table.end - int(table.pts[0])
    start, stop = (Fraction(str(share)) for share in contract.window)
    sampled = (stop - start) * span
    snap = Fraction(str(contract.keyframe_snap))
    chosen: list[IntArray] = []
    for length in contract.sample_lengths:
        shares = midpoints(length, contract.window)
        reach = snap * sampled / length
        chosen.append(_choose(table, [first + share * span for share in shares], reach))
    targets, inverse = np.unique(np.concatenate(chosen), return_inverse=True)
    cuts = np.cumsum([len(c) for c in chosen])[:-1]
    seconds = span * table.time_base
    base = midpoints(contract.num_frames, contract.window)
    return SamplePlan(
        targets=targets,
        scales=tuple(np.split(inverse.astype(np.int64), cuts)),
        times_s=np.array([float(share * seconds) for share in base]),
    )


def _choose(table: FrameTable, times: list[Fraction], reach: Fraction) -> IntArray:
    """The frame on screen at each time, or a key frame within reach. Returns ascending indices."""
    ticks = np.array([floor(time) for time in times], dtype=np.int64)
    chosen = np.searchsorted(table.pts, ticks, "right") - 1
    if not len(table.keys):
        return chosen
    key_pts = table.pts[table.keys]
    after = np.searchsorted(key_pts, ticks, "right")
    neighbours = np.clip([after - 1, after], 0, len(key_pts) - 1).T.tolist()
    for i, (time, keys) in enumerate(zip(times, neighbours, strict=True)):
        distance, key = min((abs(int(key_pts[key]) - time), key) for key in keys)
        if distance < reach:
            chosen[i] = table.keys[key]
    return chosen


def group_runs(table: FrameTable, targets: IntArray, back: int = 0) -> list[Run]:
    """Group targets by the entry they are decoded from: the last that precedes them in the file
    and on screen, or one `back` entries before that.

    With open groups of pictures a frame can follow the next key frame in the file and precede it
    on screen; runs that overlap in the file so are decoded as one.
    """
    runs: list[Run] = []
    entries = np.searchsorted(table.entry_order, table.order[targets], "right") - 1
    for target, entry in zip(targets.tolist(), entries.tolist(), strict=True):
        while entry > 0 and table.entry_frames[entry] > target:
            entry -= 1
        entry = max(entry - back, 0)
        # not before the entry: frames from before the first one in the file cannot be decoded
        last = max(int(table.entry_order[entry]), int(table.order[target]))
        if runs and int(table.entry_order[entry]) <= runs[-1].last:
            head = runs[-1]
            entry, last = min(head.entry, entry), max(head.last, last)
            runs[-1] = Run(entry, last, (*head.targets, target))
        else:
            runs.append(Run(entry, last, (target,)))
    return runs
