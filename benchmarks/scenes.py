"""Moving pictures for the test clips, from a seed: what a codec meets in real footage.

Pure noise does not compress and flat shapes cost nothing; both would give decoding times that say
little. Here every scene has a textured background that is zoomed and panned, a middle layer that
moves at another speed and covers part of it, a few objects on paths of their own, and the grain of
a camera. Scenes are cut after 5 to 8 seconds. All is drawn in the planes of yuv420p.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from PIL import Image

Plane = npt.NDArray[np.uint8]
Rng = np.random.Generator
Size = tuple[int, int]
"""Width and height in pixels, both even."""

SCENE_S = (5.0, 8.0)
"""Shortest and longest scene, in seconds."""
ROOM = 1.6
"""A layer's texture over the picture, each way: the room it has to move in."""
OBJECTS = 4
GRAIN = 3.0
"""Standard deviation of the camera's noise, in steps of luma."""
_GRAIN_ROOM = 64


def pictures(seed: int, size: Size, fps: int, frames: int) -> Iterator[Plane]:
    """`frames` pictures as yuv420p: luma, then the two chroma planes, in one flat array."""
    rng = np.random.default_rng(seed)
    width, height = size
    noise_shape = (height + _GRAIN_ROOM, width + _GRAIN_ROOM)
    grain = rng.normal(0, GRAIN, noise_shape).round().astype(np.int16)
    for start, end in pairwise(_cuts(rng, fps, frames)):
        scene = _Scene(rng, size)
        for number in range(start, end):
            luma, *chroma = scene.draw((number - start) / (SCENE_S[1] * fps))
            top, left = rng.integers(0, _GRAIN_ROOM, 2)
            noisy = luma + grain[top : top + height, left : left + width]
            planes = (np.clip(noisy, 16, 235).astype(np.uint8), *chroma)
            yield np.concatenate([plane.ravel() for plane in planes])


def _cuts(rng: Rng, fps: int, frames: int) -> list[int]:
    cuts = [0]
    while cuts[-1] < frames:
        cuts.append(min(cuts[-1] + int(rng.uniform(*SCENE_S) * fps), frames))
    return cuts


def _field(rng: Rng, height: int, width: int, power: float) -> npt.NDArray[np.float32]:
    """Random waves whose amplitude falls with frequency as in photographs (power 1) or faster."""
    vertical, horizontal = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)
    radius = np.hypot(vertical, horizontal)
    radius[0, 0] = 1
    spectrum = rng.normal(size=radius.shape) + 1j * rng.normal(size=radius.shape)
    spectrum /= radius**power
    spectrum[0, 0] = 0
    field = np.fft.irfft2(spectrum, (height, width))
    scaled: npt.NDArray[np.float32] = (field / field.std()).astype(np.float32)
    return scaled


def _texture(rng: Rng, height: int, width: int) -> tuple[Plane, Plane, Plane]:
    """Surfaces with edges between them (a smooth field in steps) and fine detail upon them."""
    surfaces = np.round(_field(rng, height, width, 1.8) * 1.5) / 1.5
    detail = _field(rng, height, width, 1.1)
    luma = rng.uniform(80, 160) + 32 * surfaces + 9 * detail
    tint = surfaces[::2, ::2]
    blue, red = (128 + rng.uniform(-14, 14) * tint + rng.uniform(-20, 20) for _ in range(2))
    y, cb, cr = (np.clip(plane, 16, 235).astype(np.uint8) for plane in (luma, blue, red))
    return y, cb, cr


@dataclass(frozen=True, slots=True)
class _Object:
    """A textured disc on a closed path; size and paths in shares of the picture's height."""

    planes: tuple[Plane, Plane, Plane]
    inside: npt.NDArray[np.bool_]
    speed: npt.NDArray[np.float64]
    phase: npt.NDArray[np.float64]

    @classmethod
    def make(cls, rng: Rng, height: int) -> "_Object":
        side = int(height * rng.uniform(0.12, 0.3)) // 2 * 2
        across = np.linspace(-1, 1, side)
        inside = np.hypot(across[:, None], across) < 1
        return cls(
            _texture(rng, side, side), inside, rng.uniform(4, 12, 2), rng.uniform(0, 2 * np.pi, 2)
        )

    def paint(self, picture: list[Plane], when: float) -> None:
        side = len(self.inside)
        height, width = picture[0].shape
        share = 0.5 + 0.5 * np.sin(self.phase + self.speed * when)
        top, left = (int(v) // 2 * 2 for v in share * (height - side, width - side))
        for number, (plane, own) in enumerate(zip(picture, self.planes, strict=True)):
            step = 2 if number else 1
            y, x, n = top // step, left // step, side // step
            inside = self.inside[::step, ::step]
            np.copyto(plane[y : y + n, x : x + n], own, where=inside)


class _Scene:
    """One shot: `draw(when)` gives its picture, `when` from 0 to 1."""

    def __init__(self, rng: Rng, size: Size) -> None:
        self._size = size
        width, height = size
        room = (int(height * ROOM) // 2 * 2, int(width * ROOM) // 2 * 2)
        self._background = [Image.fromarray(plane) for plane in _texture(rng, *room)]
        self._middle = _texture(rng, *room)
        self._covered = _field(rng, *room, 2.2) > rng.uniform(0.5, 1.0)
        self._zoom = rng.uniform(1.0, ROOM, 2)
        self._track = rng.uniform(0, 1, (2, 2))
        self._pan = rng.uniform(0, 1, (2, 2))
        self._objects = [_Object.make(rng, height) for _ in range(OBJECTS)]

    def draw(self, when: float) -> list[Plane]:
        """Luma, Cb and Cr planes; the caller owns them."""
        picture = self._zoomed(when)
        self._cover(picture, when)
        for thing in self._objects:
            thing.paint(picture, when)
        return picture

    def _zoomed(self, when: float) -> list[Plane]:
        width, height = self._size
        zoom = self._zoom[0] + (self._zoom[1] - self._zoom[0]) * when
        left, top = (self._track[0] + (self._track[1] - self._track[0]) * when) * (ROOM - zoom)
        box = np.array([left * width, top * height, (left + zoom) * width, (top + zoom) * height])
        planes = []
        for number, image in enumerate(self._background):
            step = 2 if number else 1
            limits = np.array([*image.size, *image.size])
            place = np.minimum(box / step, limits).tolist()
            how = Image.Resampling.BILINEAR
            planes.append(
                np.array(image.resize((width // step, height // step), how, box=tuple(place)))
            )
        return planes

    def _cover(self, picture: list[Plane], when: float) -> None:
        width, height = self._size
        room = np.array(self._covered.shape) - (height, width)
        share = self._pan[0] + (self._pan[1] - self._pan[0]) * when
        top, left = (int(v) // 2 * 2 for v in share * room)
        for number, (plane, own) in enumerate(zip(picture, self._middle, strict=True)):
            step = 2 if number else 1
            rows = slice(top // step, top // step + plane.shape[0])
            columns = slice(left // step, left // step + plane.shape[1])
            covered = self._covered[::step, ::step][rows, columns]
            np.copyto(plane, own[rows, columns], where=covered)
