"""A small file that takes seconds to decode: many frames of huge pictures with nothing on them."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream

SIZE = (3840, 2160)


def slow_video(path: Path, frames: int = 100, pictures: int = 1) -> Path:
    """The same few packets again and again, but a decoder cannot know. Returns `path`."""
    with av.open(str(path), "w", format="mov") as output:
        stream = output.add_stream("png", rate=25)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = SIZE
        stream.pix_fmt = "rgb24"
        data = [bytes(packet) for n in range(pictures) for packet in stream.encode(_grey(60 + n))]
        for number in range(frames):
            packet = av.Packet(data[number % pictures])
            packet.pts = packet.dts = number
            packet.time_base = Fraction(1, 25)
            packet.is_keyframe = True
            packet.stream = stream
            output.mux(packet)
    return path


def _grey(level: int) -> av.VideoFrame:
    pixels = np.full((SIZE[1], SIZE[0], 3), level, dtype=np.uint8)
    return av.VideoFrame.from_ndarray(pixels, format="rgb24")
