"""Decode just the frames a contract asks for: each once, in order.

From each key frame on, packets are fed only until the last wanted frame comes out. Frames that no
other frame depends on are not even decoded. A frame is known by its packet's place in the file,
which travels through the decoder in place of the packet's time.
"""

from collections import deque
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Self

import av.error
import numpy as np
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from clipkind.contract import Contract
from clipkind.errors import Reason, VideoError
from clipkind.video.demux import Demuxer
from clipkind.video.picture import Picture, PictureMaker
from clipkind.video.probe import VideoInfo, describe
from clipkind.video.sampling import Run, group_runs, plan_samples

_CHANCES = 3
"""How often in a row decoding starts an entry earlier without a better frame, before that ends."""


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
        self._demuxer = Demuxer(Path(path), threads=threads)
        self.table = table = self._demuxer.table
        self.plan = plan_samples(table, contract)
        self.gone_s = self._demuxer.gone_s
        """Seconds in the middle of which the file has lost the frames."""
        aspect = self._demuxer.stream.sample_aspect_ratio
        self._picture = PictureMaker(contract, aspect, whole=whole)
        places = int(max(table.order.max(), table.entry_order.max())) + 1
        self._frame_at = np.full(places, -1)
        self._frame_at[table.order] = np.arange(len(table.order))
        self._rotation = 0
        self.decoded = 0
        """Frames that came out of the decoder."""
        self.lost = 0
        """Wanted frames that did not decode cleanly; the nearest one stands in."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._demuxer.close()

    @property
    def info(self) -> VideoInfo:
        """The file's description; its rotation is known once the first frame is decoded."""
        return describe(self._demuxer, self._rotation)

    @property
    def restarts(self) -> int:
        """Times the file was read from its start again, because it cannot seek."""
        return self._demuxer.restarts

    def frames(self) -> Iterator[tuple[int, Picture]]:
        """(position in `plan.targets`, [crop, crop, 3] uint8) of every wanted frame, ascending."""
        picture: Picture | None = None
        early = position = 0
        for clean, frame in self._wanted():
            self.lost += not clean
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

    def _wanted(self) -> Iterator[tuple[bool, VideoFrame | None]]:
        """For each target whether its frame is clean, and the frame or the nearest, if any.

        Where the first frame after a jump is not clean, the key frame may be none: with intra
        refresh the picture is whole only some time after it. Decoding then starts earlier.
        """
        targets, back, chances = self.plan.targets, 0, _CHANCES
        runs = deque(group_runs(self.table, targets))
        while runs:
            run = runs.popleft()
            found = self._matched(run)
            clean, frame = next(found)
            if not clean and run.entry and chances:
                rest = targets[targets >= run.targets[0]]
                earlier = deque(group_runs(self.table, rest, back + 1))
                run = earlier.popleft()
                found = self._matched(run)
                clean, frame = next(found)
                if clean:
                    runs, back, chances = earlier, back + 1, _CHANCES
                else:
                    rest = targets[targets > run.targets[-1]]
                    runs, chances = deque(group_runs(self.table, rest, back)), chances - 1
            yield clean, frame
            yield from found

    def _matched(self, run: Run) -> Iterator[tuple[bool, VideoFrame | None]]:
        """The same for the targets of a run."""
        todo = list(reversed(run.targets))
        previous: VideoFrame | None = None
        before = 0
        pts = self.table.pts
        for number, frame in self._decoded(run):
            while todo and number >= todo[-1]:
                target = todo.pop()
                nearer = pts[target] - pts[before] < pts[number] - pts[target]
                stands_in = previous if previous is not None and nearer else frame
                yield number == target and not frame.is_corrupt, stands_in
            if not todo:
                return
            previous, before = frame, number
        yield from [(False, previous)] * len(todo)

    def _decoded(self, run: Run) -> Iterator[tuple[int, VideoFrame]]:
        """(index into the table, frame) in display order: feed the run's packets, then drain."""
        table = self.table
        wanted = frozenset(table.order[list(run.targets)].tolist())
        number = int(table.entry_frames[run.entry])
        try:
            for place, packet in chain(self._demuxer.packets(run.entry, run.last), [(0, None)]):
                if packet is not None:
                    packet.pts = place
                    if table.skippable:
                        self._demuxer.decoder.skip_frame = (
                            "DEFAULT" if place in wanted else "NONREF"
                        )
                for frame in self._output(packet):
                    if not table.counted:
                        number = -1 if frame.pts is None else int(self._frame_at[frame.pts])
                    if 0 <= number < len(table.pts):
                        yield number, frame
                    number += 1
        finally:
            self._demuxer.decoder.flush_buffers()  # another one since, where the file began anew

    def _output(self, packet: "Packet[VideoStream] | None") -> list[VideoFrame]:
        try:
            frames = self._demuxer.decoder.decode(packet)
        except MemoryError:  # FFmpeg's, too
            raise
        except av.error.FFmpegError:
            return []  # the frames that do not come are counted as lost
        self.decoded += len(frames)
        return frames
