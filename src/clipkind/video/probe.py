"""What a video file is, as it says itself and as its frames show."""

import math
from dataclasses import dataclass
from pathlib import Path

import av.error
import numpy as np
from av import time_base as AV_TIME_BASE  # noqa: N812 - FFmpeg's name
from av.container import InputContainer
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError
from clipkind.video.demux import Demuxer
from clipkind.video.source import check_size, keeps_senders_clock
from clipkind.video.table import FrameTable

VARIABLE_RATE = 0.05
"""Frame intervals that differ from their median by more than this share make the rate variable."""
MISSING_END = 0.05
"""A stream that ends more than this share before its declared end is called truncated."""


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


def probe(path: Path | str) -> VideoInfo:
    """Describe a video file. Raises VideoError with a reason code when it is not one."""
    with Demuxer(Path(path)) as demuxer:
        return describe(demuxer, _first_rotation(demuxer))


def describe(demuxer: Demuxer, rotation: int) -> VideoInfo:
    """Put what the container, the table and the first frame say into one value."""
    container, stream, table = demuxer.container, demuxer.stream, demuxer.table
    context = stream.codec_context
    check_size(context.width, context.height)
    steps = np.diff(table.pts)
    typical = np.median(steps) if len(steps) else 0
    spread = np.abs(steps - typical) > VARIABLE_RATE * typical + 1
    return VideoInfo(
        duration_s=table.duration_s,
        declared_s=max(_declared_duration(container, stream, table), table.duration_s),
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


def _declared_duration(container: InputContainer, stream: VideoStream, table: FrameTable) -> float:
    """Seconds from the first frame to the end the container claims; 0 where it claims nothing."""
    if table.complete:  # as with edit lists, which cut the length and not the claim
        return 0.0
    of_all_streams = container.format.name == "asf"
    if stream.duration and stream.time_base and not of_all_streams:
        end = float(stream.duration * stream.time_base)
    else:
        end = (container.duration or 0) / AV_TIME_BASE
        if len(container.streams) > 1:
            end = min(_tagged_duration(stream), end)
    if keeps_senders_clock(container):  # FFmpeg then gives the difference of two clock readings
        return 0.0
    if "mp4" in container.format.name:  # a length, not an end
        return end
    return end - max(float(table.pts[0] * table.time_base), 0.0)


def _tagged_duration(stream: VideoStream) -> float:
    """Seconds by Matroska's tag of the track, such as 00:01:02.345000000; 0 without one."""
    try:
        hours, minutes, seconds = stream.metadata["DURATION"].split(":")
        found = int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return found if math.isfinite(found) else 0.0
    except (KeyError, ValueError, OverflowError):
        return 0.0


def _first_rotation(demuxer: Demuxer) -> int:
    entry, last = 0, int(demuxer.table.order[-1])
    try:
        for _, packet in demuxer.packets(entry, last):
            for frame in demuxer.decoder.decode(packet):
                return frame.rotation % 360
        for frame in demuxer.decoder.decode(None):
            return frame.rotation % 360
    except av.error.FFmpegError as error:
        raise VideoError(Reason.UNDECODABLE, f"cannot be decoded ({error.strerror})") from None
    raise VideoError(Reason.UNDECODABLE, "cannot be decoded: no picture came out")
