"""Which frames of a video are looked at, and the cheapest order to decode them in. Pure functions.

Label-blind by construction: times and key frames go in, nothing else.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.video.probe import FrameTable, IntArray


@dataclass(frozen=True, slots=True)
class Run:
    """Packets to decode in one go, from a key frame's to the last one a wanted frame needs."""

    key: int
    """Index into `FrameTable.keys`."""
    first: int
    """Place of the key frame's packet in the file."""
    last: int
    """Place of the last packet to feed."""
    targets: tuple[int, ...]
    """Presentation times wanted, ascending, in ticks."""


@dataclass(frozen=True, slots=True)
class SamplePlan:
    """The frames a contract asks of one video."""

    targets: IntArray
    """Distinct frames wanted, as presentation times in ticks, ascending, shape [K]."""
    scales: tuple[IntArray, ...]
    """For each temporal scale, the position in `targets` of each of its samples."""
    times_s: npt.NDArray[np.float64]
    """Sample times of the base scale, in seconds from the first frame, shape [num_frames]."""
    spacing: float
    """Ticks between samples of the base scale."""
    runs: tuple[Run, ...]

    @property
    def distinct(self) -> int:
        """Distinct frames on the base scale: below num_frames where a video is short."""
        return len(np.unique(self.scales[0]))


def midpoints(length: int, window: tuple[float, float] = (0.0, 1.0)) -> npt.NDArray[np.float64]:
    """Centres of `length` equal segments of the window, as fractions of the duration."""
    start, stop = window
    return start + (np.arange(length) + 0.5) / length * (stop - start)


def plan_samples(table: FrameTable, contract: Contract) -> SamplePlan:
    """Choose each sample's frame: the one on screen at its segment's midpoint.

    Where a key frame lies within `keyframe_snap` of the spacing from the midpoint, it is taken
    instead: it represents the same segment and costs one decoded frame instead of a whole group.
    """
    first, span = int(table.pts[0]), table.end - int(table.pts[0])
    window_span = (contract.window[1] - contract.window[0]) * span
    chosen: list[IntArray] = []
    for length in contract.sample_lengths:
        times = first + midpoints(length, contract.window) * span
        reach = contract.keyframe_snap * window_span / length
        chosen.append(_choose(table, times, reach))
    targets, inverse = np.unique(np.concatenate(chosen), return_inverse=True)
    cuts = np.cumsum([len(c) for c in chosen])[:-1]
    return SamplePlan(
        targets=targets,
        scales=tuple(np.split(inverse.astype(np.int64), cuts)),
        times_s=midpoints(contract.num_frames, contract.window) * float(span * table.time_base),
        spacing=window_span / contract.num_frames,
        runs=_runs(table, targets),
    )


def _choose(table: FrameTable, times: npt.NDArray[np.float64], reach: float) -> IntArray:
    """The frame on screen at each time, or a key frame within reach. Returns pts, ascending."""
    on_screen = table.pts[np.clip(np.searchsorted(table.pts, times, "right") - 1, 0, None)]
    key_pts = table.pts[table.keys]
    after = np.clip(np.searchsorted(key_pts, times), 0, len(key_pts) - 1)
    before = np.clip(after - 1, 0, None)
    nearer_after = abs(key_pts[after] - times) < abs(key_pts[before] - times)
    key = key_pts[np.where(nearer_after, after, before)]
    return np.where(abs(key - times) < reach, key, on_screen)


def _runs(table: FrameTable, targets: IntArray) -> tuple[Run, ...]:
    """Group targets by the key frame they are decoded from.

    With open groups of pictures a frame can follow the next key frame in the file and precede it
    on screen; runs that overlap in the file so are decoded as one.
    """
    frames = np.searchsorted(table.pts, targets)
    governing = np.clip(np.searchsorted(table.keys, frames, "right") - 1, 0, None)
    runs: list[Run] = []
    for key in np.unique(governing):
        mine = governing == key
        first = int(table.order[table.keys[key]])
        run = Run(int(key), first, int(table.order[frames[mine]].max()), _ints(targets[mine]))
        if runs and first <= runs[-1].last:
            head = runs.pop()
            run = Run(head.key, head.first, max(head.last, run.last), head.targets + run.targets)
        runs.append(run)
    return tuple(runs)


def _ints(values: IntArray) -> tuple[int, ...]:
    return tuple(int(v) for v in values)
