"""When each frame of a video is shown and where decoding can start, from the packets alone."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from clipkind.errors import Reason, VideoError
from clipkind.video.packets import IntArray, Packets

REORDERED = 16
"""Most frames that can be decoded before one that is shown earlier (ITU-T H.264, A.3.1)."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Every frame's time, in display order. Times in ticks; places count packets in the file."""

    pts: IntArray
    """Times at which the frames appear, ascending, on one clock, shape [frames]."""
    order: IntArray
    """Place of each frame's packet, shape [frames]; where they are `counted`, the last place it
    can have."""
    keys: IntArray
    """Indices into `pts` of the key frames, ascending, shape [keys]; may be empty."""
    entry_order: IntArray
    """Places of the packets at which decoding can start, ascending, at least one. They may be
    hidden, or no key frames where a recording has none."""
    entry_frames: IntArray
    """Index of the first frame that is shown no earlier than theirs."""
    entry_dts: IntArray
    """Decoding times to seek them by."""
    end: int
    """Time at which the last frame leaves the screen."""
    time_base: Fraction
    """Seconds per tick."""
    seekable: bool
    """A decoding time stands for one place in the file."""
    counted: bool
    """Times do not tell which packet's frame is shown when: what the decoder returns is counted."""
    skippable: bool
    """Frames that no other depends on need not be decoded."""
    complete: bool
    """Every frame that the container lists is there."""
    damaged: bool
    """The container could not be read to its end."""

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)


def frame_table(packets: Packets) -> FrameTable:
    """Put the packets' frames into display order. Raises VideoError where none is shown."""
    shown = np.flatnonzero(~packets.hidden)
    if not len(shown) and packets.damaged:
        raise VideoError(Reason.UNDECODABLE, "cannot be read: damaged from its beginning")
    if not len(shown):
        raise VideoError(Reason.NO_FRAMES, "has a video stream without a single frame")
    pts, dts, seekable = packets.clock()
    if packets.counted:
        times = np.sort(pts[shown])
        order = shown[np.minimum(np.arange(len(shown)) + REORDERED, len(shown) - 1)]
        starts = packets.is_idr.copy()
        starts[shown[0]] |= not starts[: shown[0] + 1].any()
        entries = np.flatnonzero(starts)
        entry_frames = np.searchsorted(shown, entries)
        keys = np.searchsorted(shown, np.flatnonzero(starts & ~packets.hidden))
    else:
        order = shown[np.argsort(pts[shown], kind="stable")]
        times = pts[order]
        starts = packets.is_key.copy()
        starts[0] |= not starts.any()  # a recording joined late: nothing better to start at
        entries = np.flatnonzero(starts)
        entry_frames = np.searchsorted(times, pts[entries])
        keys = np.flatnonzero(starts[order])
    step = (
        int(np.median(np.diff(times)))
        if len(times) > 1
        else round(1 / (packets.rate * packets.base))
    )
    last = int(packets.duration[shown[-1]])
    return FrameTable(
        pts=times,
        order=order,
        keys=keys,
        entry_order=entries,
        entry_frames=entry_frames,
        entry_dts=dts[entries],
        end=int(times[-1]) + max(last or step, 1),
        time_base=packets.base,
        seekable=seekable,
        counted=packets.counted,
        skippable=packets.skippable,
        complete=packets.complete,
        damaged=packets.damaged,
    )
