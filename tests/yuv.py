"""From RGB to the pixels of a video frame, by the definitions of the colour matrices in numpy."""

from typing import Any, Literal

import av
import numpy as np
import numpy.typing as npt

Pixels = npt.NDArray[np.uint8]
"""A picture, `[height, width, 3]` RGB or `[height, width, 4]` RGB and alpha, full range."""
Matrix = Literal["bt601", "bt709", "bt2020"]

LUMA: dict[Matrix, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""Weights of red and blue in luma; green has the rest (ITU-R BT.601-7, BT.709-6, BT.2020-2)."""


def to_frame(pixels: Pixels, pix_fmt: str, matrix: Matrix, full_range: bool) -> av.VideoFrame:
    """A frame of FFmpeg's pixel format: `yuv...` by the definition, others by its own means."""
    if pix_fmt == "pal8":
        return _paletted(pixels)
    if not pix_fmt.startswith("yuv"):
        plain = "rgba" if pixels.shape[2] == 4 else "rgb24"
        return av.VideoFrame.from_ndarray(pixels, format=plain).reformat(format=pix_fmt)
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], pix_fmt)
    bits = frame.format.components[0].bits
    unit = 1 << (bits - 8)
    base, luma, chroma = (0, 255, 255) if full_range else (16, 219, 224)
    top = (1 << bits) - 1
    if full_range:
        base, luma, chroma, unit = 0, top, top, 1
    red_weight, blue_weight = LUMA[matrix]
    red, green, blue = (pixels[..., channel] / 255.0 for channel in range(3))
    y = red_weight * red + (1 - red_weight - blue_weight) * green + blue_weight * blue
    middle = 1 << (bits - 1)
    planes = [
        y * luma * unit + base * unit,
        (blue - y) / (2 - 2 * blue_weight) * chroma * unit + middle,
        (red - y) / (2 - 2 * red_weight) * chroma * unit + middle,
    ]
    if len(frame.planes) == 4:
        planes.append(pixels[..., 3] / 255.0 * top)
    for plane, values in zip(frame.planes, planes, strict=True):
        _fill(plane, np.clip(np.rint(_shrunk(values, plane.width, plane.height)), 0, top), bits)
    return frame


def _shrunk(values: npt.NDArray[np.float64], width: int, height: int) -> npt.NDArray[np.float64]:
    """Chroma at its own size: the mean of the pixels it stands for."""
    across, down = -(-values.shape[1] // width), -(-values.shape[0] // height)
    spare = ((0, height * down - values.shape[0]), (0, width * across - values.shape[1]))
    whole = np.pad(values, spare, mode="edge")
    mean: npt.NDArray[np.float64] = whole.reshape(height, down, width, across).mean((1, 3))
    return mean


def _fill(plane: Any, values: npt.NDArray[np.float64], bits: int) -> None:
    kind = np.dtype(np.uint8 if bits == 8 else "<u2")
    rows = np.zeros((plane.height, plane.line_size // kind.itemsize), dtype=kind)
    rows[:, : values.shape[1]] = values
    plane.update(rows.tobytes())


def _paletted(pixels: Pixels) -> av.VideoFrame:
    """Up to 256 colours, each exactly as it is; palette entries are ARGB words."""
    if pixels.shape[2] == 3:
        pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], 255)], axis=2)
    words = np.ascontiguousarray(pixels[..., [2, 1, 0, 3]]).view("<u4")[..., 0]
    words[words < 1 << 24] = 0  # GIF has one clear entry
    colors, index = np.unique(words, return_inverse=True)
    frame = av.VideoFrame(pixels.shape[1], pixels.shape[0], "pal8")
    _fill(frame.planes[0], index.reshape(words.shape).astype(np.float64), 8)
    palette = np.zeros(256, dtype="<u4")
    palette[: len(colors)] = colors
    frame.planes[1].update(palette.tobytes())
    return frame
