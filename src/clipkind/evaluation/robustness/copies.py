"""Disturbed copies of a video: decoded once, every frame fed to all of them."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Self

import av
import av.error
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError
from clipkind.evaluation.robustness.disturbances import Disturbance, Filters
from clipkind.video.picture import color_matrix, color_range, has_alpha, on_background
from clipkind.video.source import open_video

LARGEST = 720
"""Shorter side of the largest copy: larger videos are scaled down, to bound time and memory."""
_CODING = {"preset": "superfast", "rc-lookahead": "10", "threads": "1"}
_BT601 = 6
"""In ISO/IEC 23091-2."""
_TURNS: dict[int, Filters] = {
    0: [],
    1: [("transpose", "cclock")],
    2: [("hflip", ""), ("vflip", "")],
    3: [("transpose", "clock")],
}
"""By quarter turns against the clock."""


def write_copies(source: Path, disturbances: Sequence[Disturbance], folder: Path) -> list[Path]:
    """Write a copy of `source` under each disturbance into `folder`; returns their paths, in order.

    Frames keep their times; copies stand upright and have square pixels. Raises VideoError where
    nothing can be decoded.
    """
    files = [folder / f"{number}.mp4" for number in range(len(disturbances))]
    copies: list[_Copy] = []
    with open_video(source) as (container, stream), ExitStack() as stack:
        rate = stream.average_rate or Fraction(25)
        for frame in _upright(container, stream):
            if not copies:
                opened = (
                    _Copy(*pair, frame, rate) for pair in zip(files, disturbances, strict=True)
                )
                copies = [stack.enter_context(copy) for copy in opened]
            for copy in copies:
                copy.add(frame)
        if not copies:
            raise VideoError(Reason.UNDECODABLE, "cannot be decoded: no picture came out")
        for copy in copies:
            copy.finish()
    return files


class _Chain:
    """A line of filters for frames of one kind."""

    def __init__(self, first: VideoFrame, filters: Filters) -> None:
        self._graph = Graph()
        assert first.time_base is not None  # noqa: S101 - `_timed` has set it
        node = self._graph.add_buffer(
            width=first.width,
            height=first.height,
            format=first.format,
            time_base=first.time_base,
        )
        for name, arguments in (*filters, ("buffersink", "")):
            following = self._graph.add(name, arguments or None)
            node.link_to(following)
            node = following
        self._graph.configure()

    def __call__(self, frame: VideoFrame | None) -> Iterator[VideoFrame]:
        """What comes out when a frame, or None for the end, goes in."""
        self._graph.push(frame)
        while True:
            try:
                pulled = self._graph.pull()
            except (BlockingIOError, av.error.EOFError):
                return
            assert isinstance(pulled, VideoFrame)  # noqa: S101 - the graph ends in a video sink
            yield pulled


class _Copy:
    """One file in the making."""

    def __init__(
        self, file: Path, disturbance: Disturbance, first: VideoFrame, rate: Fraction
    ) -> None:
        self._chain = _Chain(first, disturbance.filters(first.width, first.height))
        self._options = _CODING | {"crf": str(disturbance.crf)}
        self._rate = rate.limit_denominator(1001)
        self._container = av.open(str(file), "w")
        self._stream: VideoStream | None = None
        self._durations: dict[int, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def add(self, frame: VideoFrame | None) -> None:
        for changed in self._chain(frame):
            stream = self._stream or self._begin(changed)
            changed.pict_type = 0  # the source's choice of key frames is not the copy's
            if changed.pts is not None and changed.duration:
                self._durations[changed.pts] = changed.duration
            self._mux(stream.encode(changed))

    def finish(self) -> None:
        """Write what is still under way. To be called once, after the last frame."""
        self.add(None)
        if self._stream is not None:
            self._mux(self._stream.encode(None))

    def _mux(self, packets: "list[Packet[VideoStream]]") -> None:
        for packet in packets:
            if packet.pts is not None:  # the encoder would guess how long the last frame stands
                packet.duration = self._durations.pop(packet.pts, packet.duration)
            self._container.mux(packet)

    def _begin(self, first: VideoFrame) -> VideoStream:
        stream = self._container.add_stream("libx264", self._rate, self._options)
        context = stream.codec_context
        assert isinstance(context, VideoCodecContext)  # noqa: S101 - by the codec's name
        context.width, context.height, context.pix_fmt = first.width, first.height, "yuv420p"
        context.colorspace = context.color_primaries = context.color_trc = _BT601
        context.color_range = 1
        assert first.time_base is not None  # noqa: S101 - filters keep or set it
        context.time_base = first.time_base
        self._stream = stream
        return stream


def _upright(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """The frames as they are shown: YUV 4:2:0 of one even size."""
    size: tuple[int, int] | None = None
    chain: _Chain | None = None
    kind: tuple[object, ...] = ()
    for frame, turns in _timed(container, stream):
        size = size or _size(frame, float(stream.sample_aspect_ratio or 1))
        now = (frame.width, frame.height, frame.format.name, frame.colorspace, frame.color_range)
        if chain is None or now != kind:
            chain, kind = _Chain(frame, [*_scaling(frame, size), *_TURNS[turns]]), now
        yield from chain(frame)


def _timed(container: InputContainer, stream: VideoStream) -> Iterator[tuple[VideoFrame, int]]:
    """Opaque frames, at times that rise from 0, and the quarter turns that set them upright."""
    rate = stream.average_rate or Fraction(25)
    first = latest = None
    for packet in container.demux(stream):
        try:
            frames = packet.decode()
        except av.error.FFmpegError:
            continue  # lost, as for the classifier
        for frame in frames:
            pts, time_base, turns = frame.pts, frame.time_base, round(frame.rotation / 90) % 4
            if pts is None or time_base is None:  # raw streams know no times
                pts, time_base = (0 if latest is None else latest + 1), 1 / rate
            if latest is not None and pts <= latest:
                continue
            first, latest = (pts if first is None else first), pts
            opaque = frame
            if has_alpha(frame):
                rgba = frame.to_ndarray(format="rgba").astype(np.uint8, copy=False)
                pixels = on_background(rgba)
                opaque = VideoFrame.from_ndarray(pixels, format="rgb24")
                opaque.duration = frame.duration
            opaque.pts, opaque.time_base = pts - first, time_base
            yield opaque, turns


def _size(frame: VideoFrame, aspect: float) -> tuple[int, int]:
    """Even width and height, with square pixels, as the file stores it (not yet turned)."""
    width, height = frame.width * aspect, float(frame.height)
    factor = min(LARGEST / min(width, height), 1.0)
    return max(round(width * factor / 2) * 2, 16), max(round(height * factor / 2) * 2, 16)


def _scaling(frame: VideoFrame, size: tuple[int, int]) -> Filters:
    scale = f"{size[0]}:{size[1]}:flags=bicubic+accurate_rnd+full_chroma_int:interl=-1"
    scale += ":out_range=limited:out_color_matrix=bt601"
    if not frame.format.is_rgb:
        scale += f":in_range={color_range(frame)}:in_color_matrix={color_matrix(frame)}"
    return [("scale", scale), ("format", "pix_fmts=yuv420p"), ("setsar", "1")]
