"""When each frame of a video is shown and where decoding can start, from the packets alone."""

from array import array
from dataclasses import dataclass
from fractions import Fraction

import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError

IntArray = npt.NDArray[np.int64]

MAX_FRAMES = 20_000_000
"""Most packets read: four days at 60 frames a second. The table takes some 40 bytes for each."""
_FALSE_KEYS = frozenset({"gif", "apng"})
"""Formats that flag every packet as a key frame although pictures build on the ones before."""
_CLOCK_SLACK_S = 0.5
"""Decoding times that fall back by more than this are a new clock: recordings joined end to end."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Every frame's time, in display order. Times in stream ticks; places count packets."""

    pts: IntArray
    """Presentation times of the frames shown, ascending and distinct, shape [frames]."""
    order: IntArray
    """Place of each frame's packet in the file, which is decoding order, shape [frames]."""
    keys: IntArray
    """Indices into `pts` of the key frames, ascending, shape [keys]; may be empty."""
    entry_pts: IntArray
    """Times of all key packets, those an edit list hides included, ascending, at least one."""
    entry_dts: IntArray
    """Their decoding times: where to seek to."""
    entry_order: IntArray
    """Their places in the file."""
    end: int
    """Time at which the last frame leaves the screen."""
    time_base: Fraction
    """Seconds per tick."""
    timestamped: bool
    """False where packets carry no times or the clock starts again: frames then count 0, 1, 2, …
    and all are decoded in turn."""
    damaged: bool
    """The container could not be read to its end."""

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)


class _Packets:
    """What is kept of each packet, in file order."""

    def __init__(self) -> None:
        self.pts, self.dts, self.duration = array("q"), array("q"), array("q")
        self.is_key, self.hidden = bytearray(), bytearray()
        self.timestamped = True

    def add(self, packet: "Packet[VideoStream]", slack: float) -> None:
        place = len(self.pts)
        pts = place if packet.pts is None else packet.pts
        dts = pts if packet.dts is None else packet.dts
        clock_fell_back = packet.dts is not None and place and dts < self.dts[-1] - slack
        if packet.pts is None or clock_fell_back:
            self.timestamped = False
        self.pts.append(pts)
        self.dts.append(dts)
        self.duration.append(packet.duration or 0)
        self.is_key.append(packet.is_keyframe)
        self.hidden.append(packet.is_discard)


def read_table(container: InputContainer, stream: VideoStream) -> FrameTable:
    """Demux the file once; nothing is decoded. Raises VideoError where there is no frame."""
    base = stream.time_base or Fraction(1, 1000)
    rate = Fraction(stream.average_rate or stream.guessed_rate or 25)
    packets = _Packets()
    damaged = False
    try:
        for packet in container.demux(stream):
            if packet.size:
                packets.add(packet, _CLOCK_SLACK_S / base)
            if len(packets.pts) > MAX_FRAMES:
                raise VideoError(
                    Reason.TOO_LARGE, f"has more than {MAX_FRAMES} frames; cut it into parts"
                )
    except (av.error.FFmpegError, OSError):
        damaged = True
    if all(packets.hidden):
        raise VideoError(Reason.NO_FRAMES, "has a video stream without a single frame")
    if not packets.timestamped:
        return _ordinal_table(len(packets.pts), rate, damaged)
    return _timed_table(packets, base, rate, container.format.name in _FALSE_KEYS, damaged)


def _ordinal_table(count: int, rate: Fraction, damaged: bool) -> FrameTable:
    order = np.full(count, count - 1)  # reordering is unknown, so every packet may be needed
    order[0] = 0
    first = np.zeros(1, dtype=np.int64)
    return FrameTable(
        pts=np.arange(count),
        order=order,
        keys=first,
        entry_pts=first,
        entry_dts=first,
        entry_order=first,
        end=count,
        time_base=1 / rate,
        timestamped=False,
        damaged=damaged,
    )


def _timed_table(
    packets: _Packets, base: Fraction, rate: Fraction, false_keys: bool, damaged: bool
) -> FrameTable:
    times, dts = np.array(packets.pts), np.array(packets.dts)
    is_key = np.frombuffer(packets.is_key, dtype=np.bool_).copy()
    if false_keys:
        is_key[1:] = False
    is_key[0] = is_key[0] or not is_key.any()  # a recording joined late: nothing better to start at
    shown = np.flatnonzero(np.frombuffer(packets.hidden, dtype=np.uint8) == 0)
    pts, first = np.unique(times[shown], return_index=True)
    order = shown[first]
    entry_pts, first = np.unique(times[is_key], return_index=True)
    entry_order = np.flatnonzero(is_key)[first]
    step = int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (rate * base))
    return FrameTable(
        pts=pts,
        order=order,
        keys=np.flatnonzero(is_key[order]),
        entry_pts=entry_pts,
        entry_dts=dts[entry_order],
        entry_order=entry_order,
        end=int(pts[-1]) + max(packets.duration[int(order[-1])] or step, 1),
        time_base=base,
        timestamped=True,
        damaged=damaged,
    )
