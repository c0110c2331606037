"""What a file says about itself, and the table of its frames, read without decoding them."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple, Self

import av.error
import numpy as np
import numpy.typing as npt
from av import time_base as AV_TIME_BASE  # noqa: N812 - FFmpeg's name
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError
from clipkind.video.source import check_size, open_video

IntArray = npt.NDArray[np.int64]

VARIABLE_RATE = 0.05
"""Frame intervals that differ from their median by more than this share make the rate variable."""
MISSING_END = 0.05
"""A stream that ends more than this share before its declared end is called truncated."""
_FALSE_KEYS = frozenset({"gif", "apng"})
"""Formats that flag every packet as a key frame although pictures build on the ones before."""


@dataclass(frozen=True, slots=True)
class FrameTable:
    """Every frame's time, in display order, from the packets alone. Times in stream ticks."""

    pts: IntArray
    """Presentation times, ascending and distinct, shape [frames]."""
    order: IntArray
    """Place of each frame's packet in the file, which is decoding order, shape [frames]."""
    keys: IntArray
    """Indices into `pts` of the key frames, ascending, at least one, shape [keys]."""
    key_dts: IntArray
    """Decoding times of the key frames, shape [keys]: where to seek to."""
    end: int
    """Time at which the last frame leaves the screen."""
    time_base: Fraction
    """Seconds per tick."""
    timestamped: bool
    """False where packets carry no times: frames then count 0, 1, 2, … and seeking is off."""
    damaged: bool
    """The container could not be read to its end."""

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)


@dataclass(frozen=True, slots=True)
class VideoInfo:
    """What a video file is: geometry, timing and coding."""

    duration_s: float
    """Seconds from the first frame to the end of the last, as found in the stream."""
    declared_s: float
    """Seconds the container claims; equal to `duration_s` where it claims nothing."""
    num_frames: int
    fps: float
    """Mean frames a second."""
    variable_fps: bool
    width: int
    """Coded width in pixels, before rotation."""
    height: int
    """Coded height in pixels, before rotation."""
    rotation: int
    """Degrees counter-clockwise the picture is turned for display: 0, 90, 180 or 270."""
    sample_aspect: float
    """Width of a pixel over its height."""
    pixel_format: str
    codec: str
    container: str

    @property
    def truncated(self) -> bool:
        """The stream ends well before the container says it does."""
        return self.declared_s - self.duration_s > max(MISSING_END * self.declared_s, 0.25)


class _PacketTimes(NamedTuple):
    pts: int
    dts: int
    duration: int
    is_key: bool
    place: int

    @classmethod
    def of(cls, packet: "Packet[VideoStream]", place: int) -> Self:
        pts = place if packet.pts is None else packet.pts
        dts = pts if packet.dts is None else packet.dts
        return cls(pts, dts, packet.duration or 0, packet.is_keyframe, place)


def probe(path: Path | str) -> VideoInfo:
    """Describe a video file. Raises VideoError with a reason code when it is not one."""
    with open_video(Path(path)) as (container, stream):
        table = read_table(container, stream)
    with open_video(Path(path)) as (container, stream):
        return describe(container, stream, table, _first_rotation(container, stream))


def read_table(container: InputContainer, stream: VideoStream) -> FrameTable:
    """Times of all frames, by demuxing once; nothing is decoded. Raises VideoError without any."""
    rows: list[_PacketTimes] = []
    place, timestamped, damaged = 0, True, False
    try:
        for packet in container.demux(stream):
            if not packet.size:
                continue
            if not packet.is_discard:
                timestamped = timestamped and packet.pts is not None
                rows.append(_PacketTimes.of(packet, place))
            place += 1
    except (av.error.FFmpegError, OSError):
        damaged = True
    if not rows:
        raise VideoError(Reason.NO_FRAMES, "has a video stream without a single frame")
    rate = stream.average_rate or stream.guessed_rate or Fraction(25)
    if not timestamped:
        rows = [_PacketTimes(i, i, 1, i == 0, i) for i in range(len(rows))]
    base = (stream.time_base or Fraction(1, 1000)) if timestamped else 1 / Fraction(rate)
    by_time = sorted({row.pts: row for row in reversed(rows)}.values())
    false_keys = container.format.name in _FALSE_KEYS
    keys = [i for i, row in enumerate(by_time) if row.is_key and not (false_keys and row.place)]
    keys = keys or [min(range(len(by_time)), key=lambda i: by_time[i].place)]
    pts = np.array([row.pts for row in by_time], dtype=np.int64)
    step = int(np.median(np.diff(pts))) if len(pts) > 1 else round(1 / (rate * base))
    return FrameTable(
        pts=pts,
        order=_order(by_time, timestamped),
        keys=np.array(keys, dtype=np.int64),
        key_dts=np.array([by_time[k].dts for k in keys], dtype=np.int64),
        end=int(pts[-1]) + max(by_time[-1].duration or step, 1),
        time_base=base,
        timestamped=timestamped,
        damaged=damaged,
    )


def _order(by_time: list[_PacketTimes], timestamped: bool) -> IntArray:
    order = np.array([row.place for row in by_time], dtype=np.int64)
    if not timestamped:
        order[1:] = len(order) - 1  # reordering is unknown, so every packet may be needed
    return order


def describe(
    container: InputContainer, stream: VideoStream, table: FrameTable, rotation: int
) -> VideoInfo:
    """Put what the container, the table and the first frame say into one value."""
    context = stream.codec_context
    check_size(context.width, context.height)
    declared = _declared_duration(container, stream)
    steps = np.diff(table.pts)
    typical = np.median(steps) if len(steps) else 0
    spread = np.abs(steps - typical) > VARIABLE_RATE * typical + 1
    return VideoInfo(
        duration_s=table.duration_s,
        declared_s=max(declared, table.duration_s),
        num_frames=len(table.pts),
        fps=len(table.pts) / table.duration_s,
        variable_fps=bool(spread.any()),
        width=context.width,
        height=context.height,
        rotation=rotation,
        sample_aspect=float(stream.sample_aspect_ratio or 1),
        pixel_format=context.pix_fmt or "unknown",
        codec=context.codec.canonical_name,
        container=container.format.name,
    )


def _declared_duration(container: InputContainer, stream: VideoStream) -> float:
    """Seconds the container claims for this stream; 0 where it claims nothing."""
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    longest = (container.duration or 0) / AV_TIME_BASE
    if len(container.streams) == 1:
        return longest
    return min(_tagged_duration(stream), longest)


def _tagged_duration(stream: VideoStream) -> float:
    """Seconds by Matroska's tag of the track, such as 00:01:02.345000000; 0 without one."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except (KeyError, ValueError):
        return 0.0


def _first_rotation(container: InputContainer, stream: VideoStream) -> int:
    try:
        for packet in container.demux(stream):
            for frame in stream.codec_context.decode(packet):
                return frame.rotation % 360
    except av.error.FFmpegError as error:
        raise VideoError(Reason.UNDECODABLE, f"cannot be decoded ({error.strerror})") from None
    raise VideoError(Reason.UNDECODABLE, "cannot be decoded: no picture came out")
