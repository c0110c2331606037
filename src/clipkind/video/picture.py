"""From a decoded frame to the square RGB picture a backbone sees.

FFmpeg's own filters do the work: the centre square is cut out of the source first and only that
is scaled, which gives the documented geometry (shorter side to `resize`, centre crop `crop`) at a
quarter of the cost of scaling the whole frame.
"""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange

from clipkind.contract import Contract

Picture = npt.NDArray[np.uint8]
"""Full-range RGB, shape [crop, crop, 3]."""

BACKGROUND = 255
"""Transparent pixels are shown on white, as browsers and FFmpeg's GIF decoder do."""
HD_HEIGHT = 720
"""Untagged video this tall or taller is taken as BT.709, below as BT.601, as players do."""
_MATRICES = {
    1: "bt709",
    4: "fcc",
    5: "bt601",
    6: "bt601",
    7: "smpte240m",
    9: "bt2020",
    10: "bt2020",
}
"""swscale's names of the matrix coefficients numbered in ISO/IEC 23091-2 (ITU-T H.273)."""


class PictureMaker:
    """Turns frames into pictures; keeps its filter graph while the frames' format stays.

    With `whole`, the whole frame is squeezed into the square instead of cropping it.
    """

    def __init__(
        self, contract: Contract, sample_aspect: Fraction | None, *, whole: bool = False
    ) -> None:
        self._contract = contract
        self._whole = whole
        self._aspect = float(sample_aspect or 1)
        self._key: tuple[object, ...] = ()
        self._graph = Graph()

    def __call__(self, frame: VideoFrame) -> Picture:
        """One picture. Rotation from the file's display matrix is applied."""
        fmt = frame.format.name
        key = (frame.width, frame.height, fmt, frame.colorspace, frame.color_range)
        if key != self._key:
            self._graph, self._key = self._build(frame), key
        self._graph.push(frame)
        pulled = self._graph.pull()
        assert isinstance(pulled, VideoFrame)  # noqa: S101 - the graph ends in a video sink
        picture: Picture = pulled.to_ndarray().astype(np.uint8, copy=False)
        if picture.shape[2] == 4:
            picture = on_background(picture)
        turns = round(frame.rotation / 90) % 4
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture

    def _build(self, frame: VideoFrame) -> Graph:
        width, height = self._square(frame.width, frame.height)
        size, how = self._contract.crop, self._contract.interpolation
        scale = f"{size}:{size}:flags={how}+accurate_rnd+full_chroma_int:interl=-1:out_range=full"
        if not frame.format.is_rgb:
            scale += f":in_range={color_range(frame)}:in_color_matrix={color_matrix(frame)}"
        output = "rgba" if has_alpha(frame) else "rgb24"
        graph = Graph()
        node = graph.add_buffer(
            width=frame.width,
            height=frame.height,
            format=frame.format,
            time_base=frame.time_base or Fraction(1, 1000),
        )
        for name, args in (
            ("crop", f"{width}:{height}:exact=1"),
            ("scale", scale),
            ("format", f"pix_fmts={output}"),
            ("buffersink", None),
        ):
            following = graph.add(name, args)
            node.link_to(following)
            node = following
        graph.configure()
        return graph

    def _square(self, width: int, height: int) -> tuple[int, int]:
        """Source pixels that show as the centre square of crop/resize of the shorter side."""
        if self._whole:
            return width, height
        shown_width = width * self._aspect
        side = min(shown_width, height) * self._contract.crop / self._contract.resize
        return (
            min(max(round(side / self._aspect), 1), width),
            min(max(round(side), 1), height),
        )


def color_range(frame: VideoFrame) -> str:
    """swscale's name of a YUV frame's range."""
    full = frame.color_range == ColorRange.JPEG or "yuvj" in frame.format.name
    return "full" if full else "limited"


def color_matrix(frame: VideoFrame) -> str:
    """swscale's name of a YUV frame's matrix, guessed by its height where it is not tagged."""
    guess = "bt709" if frame.height >= HD_HEIGHT else "bt601"
    return _MATRICES.get(int(frame.colorspace), guess)


def has_alpha(frame: VideoFrame) -> bool:
    """Whether its pixels can be transparent."""
    return any(component.is_alpha for component in frame.format.components)


def on_background(rgba: Picture) -> Picture:
    """[height, width, 4] as it is seen on BACKGROUND: [height, width, 3]."""
    alpha = rgba[..., 3:].astype(np.uint16)
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    blended = rgba[..., :3] * alpha + BACKGROUND * (255 - alpha)
    return ((blended + 127) // 255).astype(np.uint8)
