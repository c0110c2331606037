"""Open a file of unknown origin as video: by content, not extension, and nothing but that file.

FFmpeg would otherwise follow URLs, playlists and concat scripts named like videos; here only
demuxers of real container formats are allowed, on the `file` protocol.
"""

import os
import re
import stat
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import av
import av.error
from av.container import InputContainer
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError

FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,av1,apng,dv,flv,gif,h261,h263,h264,hevc,ivf,"
    "m4v,mjpeg,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm,vc1,vc1test,vvc,wtv,yuv4mpegpipe,"
    "bmp_pipe,jpeg_pipe,png_pipe,tiff_pipe,webp_pipe"
)
MAX_PIXELS = 8192 * 8192
"""Largest frame decoded: 8K DCI is 35 million pixels; a header asking for more is refused."""
MIN_SIDE = 16
"""Smallest side, in pixels, worth an answer."""
_BOXES = 64
"""Of an MP4, looked at to see whether its end is missing."""
_DECODER_OPTIONS = {"max_pixels": str(MAX_PIXELS)}
_TS_DISCONT = 0x200
"""FFmpeg's AVFMT_TS_DISCONT, which PyAV has as a member of an enumeration only."""
_MULTIPART_JPEG = re.compile(rb"\s*--\S+\s+Content-Type: *image/jpe?g", re.IGNORECASE)
"""How the Motion JPEG of network cameras begins; FFmpeg 8.1 does not open its own."""


def check_file(path: Path) -> None:
    """Refuse what is not a readable, non-empty regular file. Raises VideoError."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise VideoError(Reason.MISSING, "no such file") from None
    except PermissionError:
        raise VideoError(Reason.PERMISSION, "no permission to look at it") from None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise VideoError(Reason.NOT_A_FILE, f"cannot be opened: {why}") from None
    if stat.S_ISDIR(status.st_mode):
        if not os.access(path, os.R_OK | os.X_OK):
            raise VideoError(Reason.PERMISSION, "no permission to look into the folder")
        raise VideoError(Reason.IS_DIRECTORY, "is a folder; name the videos in it")
    if not stat.S_ISREG(status.st_mode):
        raise VideoError(Reason.NOT_A_FILE, "is not a regular file; copy the video to one")
    if not os.access(path, os.R_OK):
        raise VideoError(Reason.PERMISSION, "no permission to read it; try chmod +r")
    if status.st_size == 0:
        raise VideoError(Reason.EMPTY, "has no content (0 bytes); copy it again")


@contextmanager
def open_video(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its main video stream, checked for sane dimensions.

    Raises VideoError with the reason when the file holds no video that can be decoded.
    """
    check_file(path)
    # By number, not by name: any bytes may stand in a name, which says nothing about the content.
    with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file, ExitStack() as stack:
        container = stack.enter_context(_open_container(file))
        streams = _video_streams(container)
        index = streams[0].index
        if len(streams) > 1:
            index = _main_stream(container, streams).index
            container = stack.enter_context(_open_container(file))
        for stream in container.streams:
            if stream.index != index:
                stream.discard = Discard.all
        stream = container.streams[index]
        assert isinstance(stream, VideoStream)  # noqa: S101 - found above
        check_size(stream.codec_context.width, stream.codec_context.height)
        stream.codec_context.options = _DECODER_OPTIONS
        yield container, stream


def _open_container(file: BinaryIO) -> InputContainer:
    file.seek(0)
    head = file.read(200)
    file.seek(0)
    if head[8:16] == b"WEBPVP8X" and any(flags & 2 for flags in head[20:21]):
        raise VideoError(
            Reason.UNDECODABLE, "is an animated WebP, which FFmpeg does not decode; convert it"
        )
    try:
        return av.open(
            file,
            mode="r",
            format="mjpeg" if _MULTIPART_JPEG.match(head) else None,
            metadata_errors="replace",
            options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
        )
    except (av.error.FFmpegError, ValueError) as error:
        why = _why(error)
        if isinstance(error, av.error.ArgumentError):  # what FFmpeg says of those not in FORMATS
            why = "its format is not one of those that are read; convert it"
        if _lacks_its_index(file):
            why = "its index is missing, as in a file cut short; copy it again"
        raise VideoError(Reason.NOT_A_VIDEO, f"is not a video clipkind can read ({why})") from None


def _video_streams(container: InputContainer) -> list[VideoStream]:
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        raise VideoError(Reason.NO_VIDEO_STREAM, "has no video stream (audio only?)")
    streams = [s for s in streams if s.codec_context is not None]
    if not streams:
        raise VideoError(Reason.UNDECODABLE, "has a codec this FFmpeg does not know; re-encode it")
    return streams


def _main_stream(container: InputContainer, streams: list[VideoStream]) -> VideoStream:
    """The one a player shows: no picture beside a video, then the default, then the largest.

    May read packets; nothing is decoded.
    """
    packets = {s.index: s.frames for s in streams}
    if not all(packets.values()):
        packets = dict.fromkeys(packets, 0)
        with suppress(av.error.FFmpegError, OSError):
            for packet in container.demux(streams):
                packets[packet.stream_index] += packet.size > 0
                if min(packets.values()) > 1:
                    break
    return max(
        streams,
        key=lambda s: (
            min(packets[s.index], 2),
            bool(s.disposition & Disposition.default),
            s.width * s.height,
        ),
    )


def keeps_senders_clock(container: InputContainer) -> bool:
    """Whether it is a transport or programme stream: times start anywhere and may jump."""
    return bool(container.format.flags & _TS_DISCONT)


def check_size(width: int, height: int) -> None:
    """Refuse frames too large to be safe or too small to mean anything. Raises VideoError."""
    if width * height > MAX_PIXELS:
        raise VideoError(
            Reason.TOO_LARGE, f"is {width}x{height}; the largest frame read is {MAX_PIXELS} pixels"
        )
    if 0 < min(width, height) < MIN_SIDE:
        raise VideoError(
            Reason.TOO_SMALL, f"is {width}x{height}; the smallest side read is {MIN_SIDE} pixels"
        )


def _lacks_its_index(file: BinaryIO) -> bool:
    """Whether it begins as MP4 or MOV do and its last box ends beyond the file."""
    size, at = file.seek(0, os.SEEK_END), 0
    for number in range(_BOXES):
        file.seek(at)
        length, kind, large = struct.unpack(">I4sQ", file.read(16).ljust(16, b"\0"))
        if number == 0 and kind != b"ftyp":
            return False
        at += int(large if length == 1 else length)
        if length == 0 or at >= size:
            return at > size
    return False


def _why(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).strip().rstrip(".").lower()
