"""A video's packets by their place in the file: read on, read over, or sought."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from typing import Self

import av.error
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipkind.video.gaps import seconds_gone
from clipkind.video.packets import Packets
from clipkind.video.source import open_video
from clipkind.video.table import REORDERED, frame_table

SEEK_GAP = 64
"""Packets worth skipping by a seek; fewer are read over."""
_OPENING = 300
"""Packets looked at for the first frame of a recording that was joined late."""


class Demuxer:
    """One open video: `with Demuxer(path) as demuxer`. `threads` is the decoder's (0: all cores).

    Raises VideoError on entering when it is no video.
    """

    def __init__(self, path: Path, *, threads: int = 0) -> None:
        self._path, self._threads = path, threads
        self.restarts = 0
        """Times the file was read from its start again, because it cannot seek."""
        with ExitStack() as stack:
            self._stack = stack
            self._open()
            packets = Packets(self.container, self.stream)
            if packets.joined_late:
                self._open()
                self._watch_opening(packets)
            self.table = frame_table(packets)
            self._seekable = self.table.seekable
            self._restart()
            with path.open("rb") as file:
                self.gone_s = seconds_gone(file, packets)
            """Seconds in the middle of which the file has lost the frames."""
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._stack.close()

    def packets(self, entry: int, last: int) -> "Iterator[tuple[int, Packet[VideoStream]]]":
        """(place, packet) from the table's `entry` on to the place `last`, as far as they come."""
        first = int(self.table.entry_order[entry])
        behind = first < self._place
        if self._seekable and first and (behind or first > self._place + SEEK_GAP):
            self._seekable = self._seek(entry)
            behind = not self._seekable  # MPEG-PS, say: from here on everything is read in turn
        if behind:
            self.restarts += 1
            self._restart()
        try:
            while self._place <= last:
                packet = next(self._demux)
                if packet.size:
                    self._place += 1
                    if self._place > first:
                        yield self._place - 1, packet
        except (StopIteration, av.error.FFmpegError, OSError):
            return

    def _open(self) -> None:
        """Open the file, at its first packet."""
        self._stack.close()
        self.container, self.stream = self._stack.enter_context(open_video(self._path))
        self.decoder = self.stream.codec_context
        self.decoder.thread_type = "AUTO"
        self.decoder.thread_count = self._threads
        self._demux: Iterator[Packet[VideoStream]] = self.container.demux(self.stream)
        self._place = 0

    def _restart(self) -> None:
        """Back to the first packet; where the container cannot seek, by opening the file anew."""
        if self._seekable and not self.table.entry_order[0]:
            try:
                start = min(int(self.table.entry_dts[0]), 0)
                self.container.seek(start, stream=self.stream, backward=True)
            except (av.error.FFmpegError, OSError):
                self._seekable = False
            else:
                self._demux, self._place = self.container.demux(self.stream), 0
                return
        self._open()

    def _seek(self, entry: int) -> bool:
        """Jump to an entry; False where the container lands past it."""
        dts = int(self.table.entry_dts[entry])
        try:
            self.container.seek(dts, stream=self.stream, backward=True)
            demux = self.container.demux(self.stream)
            for packet in demux:
                time = packet.pts if packet.dts is None else packet.dts
                if time is not None and time >= dts:
                    self._demux = chain([packet], demux)
                    self._place = int(self.table.entry_order[entry])
                    return time == dts and packet.is_keyframe
        except (av.error.FFmpegError, OSError):
            return False
        return False

    def _watch_opening(self, packets: Packets) -> None:
        """See what the decoder returns of a recording's first packets, as others may be missing."""
        came: list[int] = []
        fed = 0
        try:
            for packet in self._demux:
                packet.pts = fed
                fed += packet.size > 0
                came += _places(self.decoder.decode(packet))
                if fed >= (came[0] + 2 * REORDERED if came else _OPENING):
                    came += _places(self.decoder.decode(None))
                    break
        except (av.error.FFmpegError, OSError):
            return  # damaged rather than joined late
        finally:
            self.decoder.flush_buffers()
        if came:
            packets.begin(came, fed - REORDERED)


def _places(frames: list[VideoFrame]) -> list[int]:
    """Where in the file the packets of decoded frames are, which stands in the frames' times."""
    return [frame.pts for frame in frames if frame.pts is not None]
