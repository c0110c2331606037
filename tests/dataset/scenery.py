"""Drawn footage that looks like something: a textured place, and things that move through it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from media import write_video
from yuv import Pixels

SIZE = (256, 144)
RATE = 12


def scene(place: int, story: int, seconds: float = 4.0) -> Iterator[Pixels]:
    """Frames of place number `place`, in which `story` decides what moves and how."""
    background = _texture(place)
    random = np.random.default_rng(1000 + story)
    count = 5
    start = random.uniform((0, 0), SIZE, (count, 2))
    speed = random.uniform(25, 70, (count, 1)) * _directions(random, count)
    color = random.uniform(0, 255, (count, 3))
    radius = random.uniform(8, 20, count)
    rows, columns = np.mgrid[: SIZE[1], : SIZE[0]]
    for number in range(round(seconds * RATE)):
        pixels = background.copy()
        for place_, step, paint, reach in zip(start, speed, color, radius, strict=True):
            x, y = (place_ + step * number / RATE) % SIZE
            pixels[(columns - x) ** 2 + (rows - y) ** 2 < reach**2] = paint
        yield pixels.astype(np.uint8)


def write_scene(path: Path, place: int, story: int, seconds: float = 4.0) -> Path:
    """The same as a video file. Returns `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"preset": "veryfast", "threads": "1"}
    return write_video(path, scene(place, story, seconds), fps=RATE, options=options)


def _directions(random: np.random.Generator, count: int) -> np.ndarray:
    angle = random.uniform(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _texture(seed: int) -> np.ndarray:
    """Patches of all sizes in all colours, [height, width, 3]."""
    random = np.random.default_rng(seed)
    pixels = np.full((SIZE[1], SIZE[0], 3), random.uniform(60, 200, 3))
    for reach in np.linspace(70, 6, 60):
        x, y = random.uniform((0, 0), SIZE)
        width, height = random.uniform(0.4, 1, 2) * reach
        top, left = max(int(y - height / 2), 0), max(int(x - width / 2), 0)
        pixels[top : int(y + height / 2), left : int(x + width / 2)] = random.uniform(0, 255, 3)
    return pixels
