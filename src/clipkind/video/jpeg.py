"""Pictures as JPEG files, by FFmpeg: the package needs no other picture library."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter

from clipkind.video.picture import Picture

_QUALITY = "5"
"""FFmpeg's quantiser, 2 (best) to 31."""


def jpeg(picture: Picture) -> bytes:
    """An RGB picture [height, width, 3] as a JPEG file."""
    (file,) = jpegs([picture], width=picture.shape[1], height=picture.shape[0])
    return file


def jpegs(pictures: Iterable[Picture], *, width: int, height: int) -> Iterator[bytes]:
    """RGB pictures [H, W, 3] as JPEG files of one size, each as soon as its picture is there."""
    context = av.CodecContext.create("mjpeg", "w")
    assert isinstance(context, VideoCodecContext)  # noqa: S101 - by the codec's name
    context.width, context.height = width, height
    context.pix_fmt = "yuvj420p"
    context.time_base = Fraction(1, 25)
    context.thread_count = 1  # with more, files would come later than their pictures
    context.options = {"qmin": _QUALITY, "qmax": _QUALITY}
    reformatter = VideoReformatter()  # each frame's own would set up its tables again
    for number, picture in enumerate(pictures):
        frame = reformatter.reformat(
            VideoFrame.from_ndarray(picture, format="rgb24"),
            width,
            height,
            format="yuvj420p",
            dst_colorspace=Colorspace.ITU601,
            dst_color_range=ColorRange.JPEG,
            interpolation="AREA",
        )
        frame.pts = number
        (packet,) = context.encode(frame)
        yield bytes(packet)
