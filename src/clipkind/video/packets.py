"""The packets of a video, read once and without decoding: times, key frames, what is not shown."""

from array import array
from fractions import Fraction

import av.error
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from clipkind.errors import Reason, VideoError
from clipkind.video.bitstream import Bitstream, unpacked_times
from clipkind.video.source import keeps_senders_clock

MAX_FRAMES = 20_000_000
"""Most packets read: four days at 60 frames a second. Some 50 bytes are kept of each."""
_FALLS_BACK_S = 0.5
"""Decoding times that fall back by more than this are a new clock: recordings joined end to end."""
_JUMPS_S = 10.0
"""A sender's clock that jumps forward by more than this is set anew, as FFmpeg has it."""
NO_TIME = -(1 << 63)
"""Stands for a time that the container does not tell."""
_LATEST = 1 << 60
"""Ticks; thirty years in the finest clock, nanoseconds. Sums of a few stay below 1 << 63."""
_SKIPPABLE = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})
"""Codecs whose disposable frames are never referenced."""
_FALSE_KEYS = frozenset({"gif", "apng"})
"""Formats that flag every packet as a key frame although pictures build on the ones before."""

IntArray = npt.NDArray[np.int64]


class Packets:
    """What is kept of each packet, in file order, which is decoding order. Times in ticks.

    Raises VideoError where they are encrypted or too many.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.base = stream.time_base or Fraction(1, 1000)
        """Seconds per tick."""
        self.rate = Fraction(stream.guessed_rate or stream.average_rate or 25)
        self.clock_may_jump = keeps_senders_clock(container)
        self.damaged = False
        """The container could not be read to its end."""
        self._bitstream = Bitstream(stream.codec_context)
        self._false_keys = container.format.name in _FALSE_KEYS
        rows = np.array(self._read(container, stream), copy=False).reshape(-1, 6)
        self.pts, self.dts, self.duration, self.position, self.size, flags = rows.T
        self.is_key = flags & 1 > 0
        self.is_idr = flags & 2 > 0
        """Decoding can begin here and gives every frame whose packet follows."""
        self.hidden = flags & 4 > 0
        """Decoded but not shown: cut off by an edit list, or made for reference only."""
        if (self.pts == NO_TIME).all() and (self.dts == NO_TIME).all():
            self.base, self.duration = 1 / self.rate, np.ones_like(self.duration)
        self._unpacked = flags & 8 > 0
        if self._unpacked.any():
            self.pts = unpacked_times(self.pts, self.dts, self._unpacked)
        self._reorders = self._bitstream.tells_idr and bool(stream.codec_context.has_b_frames)
        self.complete = 0 < stream.frames <= len(self.pts)
        """Every frame that the container lists is there."""

    @property
    def counted(self) -> bool:
        """The times do not tell which frame is shown when. AVI, ASF, MXF and raw streams give
        decoding times, or none, to frames that the decoder puts into another order."""
        pts = self.pts[~self.hidden]
        reordered = self._reorders and not (np.diff(pts) < 0).any()
        return bool((pts == NO_TIME).any() or reordered)

    @property
    def skippable(self) -> bool:
        """The decoder can pass over frames that no other depends on, and changes nothing else."""
        packed = self._unpacked.any()
        return self._bitstream.codec in _SKIPPABLE and not self.counted and not packed

    @property
    def joined_late(self) -> bool:
        """The first frames may need others that are not in the file."""
        if not len(self.pts):
            return False
        if self._bitstream.tells_idr:
            return not self.is_idr[0]
        shown = self.pts[~self.hidden]
        return not self.is_key[0] or bool((shown < self.pts[0]).any())

    def begin(self, came: list[int], fed: int) -> None:
        """Hide the frames that the decoder does not return, as it did those `came`, in its order,
        when it was fed the first `fed` packets."""
        opening = np.arange(len(self.pts)) < fed
        opening[came] = False
        self.hidden |= opening

    def _read(self, container: InputContainer, stream: VideoStream) -> "array[int]":
        """For each packet its times, duration, position and size in the file, and flags."""
        rows, number = array("q"), 0
        try:
            for packet in container.demux(stream):
                if not packet.size:
                    continue
                if number == MAX_FRAMES:
                    raise VideoError(
                        Reason.TOO_LARGE, f"has more than {MAX_FRAMES} frames; cut it into parts"
                    )
                if packet.has_sidedata("encryption_info"):
                    raise VideoError(Reason.ENCRYPTED, "is encrypted (DRM); decrypt it first")
                pts, dts = _sane(packet.pts), _sane(packet.dts)
                duration = max(_sane(packet.duration), 0)
                flags = self._flags(packet, first=not number)
                position = -1 if packet.pos is None else packet.pos
                rows.extend((pts, dts, duration, position, packet.size, flags))
                number += 1
        except (av.error.FFmpegError, OSError):
            self.damaged = True
        return rows

    def _flags(self, packet: "Packet[VideoStream]", first: bool) -> int:
        """1: key frame, 2: IDR, 4: hidden, 8: unpacked."""
        look = self._bitstream
        unpacked = look.is_unpacked(packet)
        key = packet.is_keyframe and not unpacked and (first or not self._false_keys)
        idr = key and look.is_idr(packet)
        hidden = packet.is_discard or look.is_reference_only(packet)
        return key + 2 * idr + 4 * hidden + 8 * unpacked

    def clock(self) -> tuple[IntArray, IntArray, bool]:
        """Presentation and decoding times, all known, shapes [packets]; whether a decoding time
        stands for one place in the file.

        Presentation times are without the jumps of a clock that was set anew.
        """
        told = self.dts if (self.dts != NO_TIME).any() else self.pts
        known = np.flatnonzero((told != NO_TIME) & ~self.hidden)
        steps = np.diff(told[known])
        even = steps[steps > 0] / np.diff(known)[steps > 0]
        step = round(np.median(even) if len(even) else 1 / (self.rate * self.base))
        jumps = steps < -round(_FALLS_BACK_S / self.base)
        if self.clock_may_jump:  # both clocks: a pause moves the one before the other
            far = round(_JUMPS_S / self.base)
            jumps |= (steps > far) & (np.diff(self.pts[known]) > far)
        dts = _filled(told, step)
        falls = np.diff(dts) < -round(_FALLS_BACK_S / self.base)
        partly = self.counted and (self.pts == NO_TIME).any()
        pts = _joined(told if partly else self.pts, known[:-1][jumps] + 1, step)
        return _filled(pts, step), dts, not falls.any()


def _sane(time: int | None) -> int:
    """A time, or NO_TIME where there is none or one that no clock shows."""
    return NO_TIME if time is None or abs(time) > _LATEST else time


def _joined(times: IntArray, places: IntArray, step: int) -> IntArray:
    """Times of recordings that begin at `places`, each moved to `step` after the one before.

    Raises VideoError where they are too long to count.
    """
    parts = np.split(times.copy(), places)
    end = NO_TIME
    for part in parts:
        told = part != NO_TIME
        if told.any():
            shift = 0 if end == NO_TIME else end + step - int(part[told].min())
            end = max(end, int(part[told].max()) + shift)
            if end > _LATEST:
                raise VideoError(Reason.UNDECODABLE, "has times no clock shows; re-encode it")
            part[told] += shift
    return np.concatenate(parts)


def _filled(times: IntArray, step: int) -> IntArray:
    """Times that are not told are put between their neighbours, or `step` after or before them."""
    places = np.arange(len(times))
    known = np.flatnonzero(times != NO_TIME)
    if not len(known):
        return places * step
    filled: IntArray = np.interp(places, known, times[known]).round().astype(np.int64)
    outside = np.minimum(places - known[0], 0) + np.maximum(places - known[-1], 0)
    filled += outside * step
    return filled
