"""Copies of a video as they turn up in collections: coded again, cut, cropped, marked, turned.

Used by the tests of `clipkind dataset check` and by `benchmarks/duplicates.py`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from yuv import Pixels


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is done to a video, in this order: cut, speed, crop, mirror, logo, scale, code."""

    crf: int = 25
    cut: tuple[float, float] = (0.0, 1.0)
    """Part kept, as shares of the duration."""
    speed: float = 1.0
    crop: tuple[float, float, float] = (1.0, 0.0, 0.0)
    """Share of both sides kept, and where it lies: 0, 0 top left; 1, 1 bottom right."""
    mirror: bool = False
    logo: bool = False
    short_side: int = 0
    """Pixels to scale the shorter side to; 0: as it is."""


KINDS: dict[str, Change] = {
    "coded again (CRF 35)": Change(crf=35),
    "scaled to 144p": Change(short_side=144),
    "cropped to 80 %, centre": Change(crop=(0.8, 0.5, 0.5)),
    "cropped to 80 %, corner": Change(crop=(0.8, 0.0, 1.0)),
    "first half": Change(cut=(0.0, 0.5)),
    "middle half": Change(cut=(0.25, 0.75)),
    "speed 0.8": Change(speed=0.8),
    "speed 1.25": Change(speed=1.25),
    "logo": Change(logo=True),
    "mirrored": Change(mirror=True),
    "mirrored, cropped to 80 %, CRF 35": Change(mirror=True, crop=(0.8, 0.5, 0.5), crf=35),
    "second half, speed 1.25, logo, 144p": Change(
        cut=(0.5, 1.0), speed=1.25, logo=True, short_side=144
    ),
}
"""Every kind of copy by its name."""


def plant(source: Path, change: Change, target: Path) -> Path:
    """Write the changed copy of `source` to `target` as H.264. Returns `target`."""
    frames, rate = _read(source)
    kept = frames[round(change.cut[0] * len(frames)) : round(change.cut[1] * len(frames))]
    count = max(round(len(kept) / change.speed), 1)
    chosen = [kept[min(int(i * change.speed), len(kept) - 1)] for i in range(count)]
    with av.open(str(target), "w") as output:
        options = {"crf": str(change.crf), "preset": "veryfast", "threads": "1"}
        stream = output.add_stream("libx264", rate, options)
        stream.pix_fmt = "yuv420p"
        for number, pixels in enumerate(_changed(chosen, change)):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            width, height = _size(pixels, change.short_side)
            if not number:
                stream.width, stream.height = width, height
            scaled = frame.reformat(width, height, "yuv420p", interpolation="BICUBIC")
            scaled.pts, scaled.time_base = number, 1 / rate
            output.mux(stream.encode(scaled))
        output.mux(stream.encode(None))
    return target


def _read(source: Path) -> tuple[list[Pixels], Fraction]:
    with av.open(str(source), metadata_errors="replace") as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return frames, Fraction(stream.average_rate or 25).limit_denominator(1000)


def _changed(frames: list[Pixels], change: Change) -> Iterator[Pixels]:
    share, right, down = change.crop
    for pixels in frames:
        height, width = pixels.shape[:2]
        top, left = round((1 - share) * height * down), round((1 - share) * width * right)
        cut = pixels[top : top + round(share * height), left : left + round(share * width)]
        if change.mirror:
            cut = cut[:, ::-1]
        yield _marked(cut) if change.logo else np.ascontiguousarray(cut)


def _marked(pixels: Pixels) -> Pixels:
    """With a bright disc on a dark plate in the top right corner, as channels mark their clips."""
    marked = pixels.copy()
    height, width = pixels.shape[:2]
    side = min(height, width) // 5
    gap = side // 4
    plate = marked[gap : gap + side, width - gap - side * 3 // 2 : width - gap]
    plate[:] = (plate.astype(np.uint16) * 15 // 100 + (17, 42, 68)).astype(np.uint8)
    rows, columns = np.ogrid[: plate.shape[0], : plate.shape[1]]
    middle = side / 2
    plate[(rows - middle) ** 2 + (columns - middle) ** 2 < (0.4 * side) ** 2] = (255, 196, 0)
    return marked


def _size(pixels: Pixels, short_side: int) -> tuple[int, int]:
    """Width and height to code: even, and of the shorter side asked for."""
    height, width = pixels.shape[:2]
    factor = short_side / min(height, width) if short_side else 1.0
    return tuple(max(round(side * factor / 2) * 2, 2) for side in (width, height))  # type: ignore[return-value]
