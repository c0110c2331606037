"""What the first bytes of a packet tell and its container does not: IDR, hidden, packed frames."""

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream

_START_CODE = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)
_VOP = re.compile(rb"\x00\x00\x01\xb6")
"""Where an MPEG-4 picture begins (ISO/IEC 14496-2)."""
_PICTURES = {"h264": (range(1, 6), (5,)), "hevc": (range(32), (19, 20))}
"""NAL unit types that hold a picture, and those of IDR pictures (ITU-T H.264, H.265, table 7-1)."""
_LENGTH_SIZE = {"h264": 4, "hevc": 21}
"""Where the decoder's configuration in MP4 and Matroska tells the bytes of a NAL unit's length."""
_PLACEHOLDER = 19
"""Most bytes of a packet that only fills the place of a frame packed into another's, as FFmpeg's
filter mpeg4_unpack_bframes has it."""


class Bitstream:
    """Looks into the packets of one stream, in file order."""

    def __init__(self, context: VideoCodecContext) -> None:
        self.codec = context.name
        self._length_size = _length_size(self.codec, context.extradata or b"")
        self._stored = False

    @property
    def tells_idr(self) -> bool:
        """Whether `is_idr` knows this codec."""
        return self.codec in _PICTURES

    def is_idr(self, packet: "Packet[VideoStream]") -> bool:
        """Whether decoding can begin here and gives every frame whose packet follows."""
        if not self.tells_idr:
            return False
        pictures, idr = _PICTURES[self.codec]
        headers = self._headers(memoryview(packet))
        units = (n & 31 if self.codec == "h264" else n >> 1 & 63 for n in headers)
        return next((unit in idr for unit in units if unit in pictures), False)

    def _headers(self, data: memoryview) -> Iterator[int]:
        """The first byte of each NAL unit of an access unit."""
        if not self._length_size:
            yield from (match[1][0] for match in _START_CODE.finditer(data))
            return
        at = 0
        while at + self._length_size < len(data):
            yield data[at + self._length_size]
            at += self._length_size + int.from_bytes(data[at : at + self._length_size])

    def is_reference_only(self, packet: "Packet[VideoStream]") -> bool:
        """VP8's alternate reference frames are packets of their own, VP9's can be.

        By show_frame and show_existing_frame: RFC 6386, 9.1, and the VP9 specification, 6.2.
        """
        if self.codec not in ("vp8", "vp9"):
            return False
        data = memoryview(packet)
        if self.codec == "vp8":
            return not data[0] & 0x10
        superframe = data[-1] & 0xE0 == 0xC0
        return not superframe and data[0] & 0x30 != 0x30 and not data[0] & 0x0A

    def is_unpacked(self, packet: "Packet[VideoStream]") -> bool:
        """Whether an MPEG-4 packet gives the B-frame packed into one before it, as XviD does."""
        if self.codec != "mpeg4":
            return False
        pictures = len(_VOP.findall(memoryview(packet)))
        unpacked = self._stored and pictures == 1
        if pictures > 1 or (unpacked and packet.size <= _PLACEHOLDER):
            self._stored = pictures > 1
        return unpacked


def unpacked_times(
    pts: npt.NDArray[np.int64], dts: npt.NDArray[np.int64], unpacked: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Presentation times where B-frames are packed: FFmpeg takes their places for other frames.

    A B-frame is shown when it is decoded; any other when the next of its kind is. Shapes [N].
    """
    others = np.flatnonzero(~unpacked & (pts != dts))
    times = dts.copy()
    times[others[:-1]] = dts[others[1:]]
    if len(others):
        times[others[-1]] = dts[-1] + 1
    return times


def _length_size(codec: str, configuration: bytes) -> int:
    """Bytes of the lengths before NAL units; 0 where start codes stand between them."""
    at = _LENGTH_SIZE.get(codec, 0)
    if len(configuration) <= at or configuration[0] != 1:
        return 0
    return (configuration[at] & 3) + 1
