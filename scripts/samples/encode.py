"""Frames in, an H.264 mp4 out."""

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Rgb = npt.NDArray[np.uint8]
"""One picture, `[height, width, 3]`, full-range RGB."""


class Mp4Writer:
    """Writes RGB frames; the file appears under its name only when it is complete."""

    def __init__(self, path: Path, size: tuple[int, int], fps: int, crf: int = 20) -> None:
        self.path = path
        self.frames = 0
        self._part = path.with_name(f".{path.stem}.part.mp4")
        self._container = av.open(str(self._part), "w")
        self._stream: Any = self._container.add_stream("libx264", rate=fps)
        self._stream.width, self._stream.height = size
        self._stream.pix_fmt = "yuv420p"
        self._stream.options = {"preset": "veryfast", "crf": str(crf)}

    def add(self, rgb: Rgb) -> None:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
        self._container.mux(self._stream.encode(frame))
        self.frames += 1

    def close(self) -> None:
        """Finish the file. A writer that is never closed leaves only a hidden `.part` file."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        self._part.replace(self.path)


def write_mp4(path: Path, frames: Iterable[Rgb], fps: int) -> None:
    """Encode all frames, whose size must be even, at a constant frame rate."""
    pictures = iter(frames)
    first = next(pictures)
    writer = Mp4Writer(path, (first.shape[1], first.shape[0]), fps)
    for rgb in itertools.chain([first], pictures):
        writer.add(rgb)
    writer.close()
