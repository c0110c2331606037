"""Decode just the frames a contract asks for: each once, in order, never seeking backwards.

From each key frame on, packets are fed only up to the last one needed; then the decoder is drained
instead of being pushed on. Frames that no other frame depends on are not even decoded.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Self

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipkind.contract import Contract
from clipkind.errors import Reason, VideoError
from clipkind.video.picture import Picture, PictureMaker
from clipkind.video.probe import VideoInfo, describe
from clipkind.video.sampling import Run, plan_samples
from clipkind.video.source import open_video
from clipkind.video.table import read_table

SEEK_GAP = 64
"""Packets worth skipping by a seek; fewer are read over."""
_SKIPPABLE = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs whose disposable frames are never referenced, so that skipping them changes nothing."""


class ClipReader:
    """One video opened under a contract: `with ClipReader(path, contract) as clip`.

    `clip.plan` says what will come; `clip.frames()` gives it, once; after that `clip.info`,
    `clip.decoded` and `clip.lost` are final. `threads` is the decoder's (0: all cores);
    with `whole`, pictures show all of the frame, squeezed.
    Raises VideoError on entering (not a video) and from `frames()` (nothing decodes).
    """

    def __init__(
        self, path: Path | str, contract: Contract, *, threads: int = 0, whole: bool = False
    ) -> None:
        self._path, self._threads = Path(path), threads
        self._stack = ExitStack()
        with self._stack:
            self._open()
            self.table = read_table(self._container, self._stream)
            self._restart()
            self.plan = plan_samples(self.table, contract)
            self._picture = PictureMaker(contract, self._stream.sample_aspect_ratio, whole=whole)
            self._stack = self._stack.pop_all()
        self._seekable = True
        self.restarts = 0
        """Times the file was read from its start again, because it cannot seek."""
        self._rotation = 0
        self.decoded = 0
        """Frames that came out of the decoder."""
        self.lost = 0
        """Wanted frames that did not decode cleanly; the nearest one stands in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def info(self) -> VideoInfo:
        """The file's description; its rotation is known once the first frame is decoded."""
        return describe(self._container, self._stream, self.table, self._rotation)

    def frames(self) -> Iterator[tuple[int, Picture]]:
        """(position in `plan.targets`, [crop, crop, 3] uint8) of every wanted frame, ascending."""
        picture: Picture | None = None
        early = position = 0
        for run in self.plan.runs:
            for frame in self._matched(run):
                if frame is not None:
                    picture = self._picture(frame)
                    self._rotation = frame.rotation % 360
                if picture is None:
                    early += 1
                    continue
                yield from ((i, picture) for i in range(position, position + early + 1))
                position, early = position + early + 1, 0
        if picture is None:
            raise VideoError(Reason.UNDECODABLE, "cannot be decoded: no picture came out")

    def _matched(self, run: Run) -> Iterator[VideoFrame | None]:
        """For each of the run's targets its frame, the nearest where it is missing, else None."""
        todo = list(reversed(run.targets))
        previous: VideoFrame | None = None
        previous_pts = 0
        for pts, frame in self._decoded(run):
            while todo and pts >= todo[-1]:
                target = todo.pop()
                self.lost += pts != target or frame.is_corrupt
                nearer = previous is not None and target - previous_pts < pts - target
                yield previous if nearer else frame
            previous, previous_pts = frame, pts
        self.lost += len(todo)
        yield from [previous] * len(todo)

    def _decoded(self, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """(time, frame) in display order: feed the run's packets, then drain the decoder."""
        wanted = frozenset(run.targets)
        skippable = self._context.name in _SKIPPABLE and self.table.timestamped
        for packet in self._packets(run):
            if skippable:
                self._context.skip_frame = "DEFAULT" if packet.pts in wanted else "NONREF"
            yield from self._output(packet)
        yield from self._output(None)
        self._context.flush_buffers()

    def _output(self, packet: "Packet[VideoStream] | None") -> Iterator[tuple[int, VideoFrame]]:
        try:
            frames = self._context.decode(packet)
        except av.error.FFmpegError:
            return  # the frames that do not come are counted as lost
        for frame in frames:
            self.decoded += 1
            if not self.table.timestamped:
                yield self.decoded - 1, frame
            elif frame.pts is not None:
                yield frame.pts, frame

    def _packets(self, run: Run) -> "Iterator[Packet[VideoStream]]":
        """The packets at the run's places in the file."""
        if run.first - self._place > SEEK_GAP and self._seekable and not self._seek(run):
            self._seekable = False  # MPEG-PS, say: from here on everything is read in turn
            self.restarts += 1
            self._restart()
        try:
            while self._place <= run.last:
                packet = next(self._demux)
                if packet.size:
                    self._place += 1
                    if self._place > run.first:
                        yield packet
        except (StopIteration, av.error.FFmpegError, OSError):
            return

    def _open(self) -> None:
        """Open the file, at its first packet."""
        self._container, self._stream = self._stack.enter_context(open_video(self._path))
        self._context = self._stream.codec_context
        self._context.thread_type = "AUTO"
        self._context.thread_count = self._threads
        self._demux: Iterator[Packet[VideoStream]] = self._container.demux(self._stream)
        self._place = 0

    def _restart(self) -> None:
        """Back to the first packet; where the container cannot seek, by opening the file anew."""
        start = min(int(self.table.entry_dts.min()), 0)
        try:
            self._container.seek(start, stream=self._stream, backward=True)
        except (av.error.FFmpegError, OSError):
            self._open()
        else:
            self._demux, self._place = self._container.demux(self._stream), 0

    def _seek(self, run: Run) -> bool:
        """Jump to the run's key frame; False where the container lands past it."""
        dts = int(self.table.entry_dts[run.key])
        try:
            self._container.seek(dts, stream=self._stream, backward=True)
            demux = self._container.demux(self._stream)
            for packet in demux:
                time = packet.pts if packet.dts is None else packet.dts
                if time is not None and time >= dts:
                    self._demux, self._place = chain([packet], demux), run.first
                    return time == dts and packet.is_keyframe
        except (av.error.FFmpegError, OSError):
            return False
        return False
