"""What FFmpeg's command line shows of a file, to compare clipkind with."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from media import read_number
from video.made_files import run

_SIZE = (96, 64)
"""Width and height to which pictures are scaled before their numbers are read."""


@dataclass(frozen=True)
class Shown:
    """The frames FFmpeg shows of a video stream."""

    size: tuple[int, int]
    """Coded width and height."""
    numbers: tuple[int, ...]
    """The number each frame shows (see `number`), in order."""
    times: npt.NDArray[np.float64]
    """Seconds from the first frame to each, shape [frames]."""
    last: float
    """Seconds the last frame stays, 0 where FFmpeg does not say."""

    @cached_property
    def step(self) -> float:
        """Seconds a frame usually stays."""
        return float(np.median(np.diff(self.times))) if len(self.times) > 1 else self.last

    @property
    def duration_s(self) -> float:
        """Seconds from the first frame to the end of the last."""
        return float(self.times[-1]) + (self.last or self.step)

    def between(self, start: float, stop: float) -> set[int]:
        """Numbers of the frames on screen at some moment from `start` to `stop`, in seconds."""
        first = max(int(np.searchsorted(self.times, start, "right")) - 1, 0)
        after = max(int(np.searchsorted(self.times, stop, "right")), 1)
        return set(self.numbers[first:after])


def shown(path: Path, stream: int, even: float = 0.0) -> Shown:
    """FFmpeg's decode of a file's video stream, counted among those, on the clock it makes of it.

    `even` are the seconds between frames where FFmpeg's times are not to be trusted.
    """
    chosen = ("-map", f"0:v:{stream}", "-fps_mode", "passthrough")
    times, pictures = path.with_name(f"{path.name}.times"), path.with_name(f"{path.name}.gray")
    run(
        *("ffmpeg", "-y", "-i", str(path)),
        *(*chosen, "-enc_time_base", "-1", "-f", "framecrc", str(times)),
        *(*chosen, "-pix_fmt", "gray", "-s", "{}x{}".format(*_SIZE), "-f", "rawvideo"),
        str(pictures),
    )
    lines = [line.split() for line in times.read_text().replace(",", "").splitlines()]
    base = next(Fraction(line[2]) for line in lines if line[0] == "#tb")
    ticks = np.array([int(line[2]) for line in lines if line[0][0] != "#"])
    raw = np.frombuffer(pictures.read_bytes(), dtype=np.uint8).reshape(-1, *_SIZE[::-1])
    times.unlink()
    pictures.unlink()
    width, height, last = _about(path, stream)
    return Shown(
        size=(width, height),
        numbers=tuple(number(picture) for picture in raw),
        times=np.arange(len(raw)) * even if even else (ticks - ticks[0]) * float(base),
        last=even or last,
    )


def _about(path: Path, stream: int) -> tuple[int, int, float]:
    """Width, height and seconds of the last frame, 0 where they are not known."""
    text = run(
        *("ffprobe", "-select_streams", f"v:{stream}", "-of", "default=noprint_wrappers=1"),
        *("-show_entries", "stream=width,height:frame=pkt_duration_time", str(path)),
    )
    values = dict(line.split("=") for line in text.splitlines())
    last = values.get("pkt_duration_time", "N/A")
    return int(values["width"]), int(values["height"]), 0.0 if last == "N/A" else float(last)


def number(picture: npt.NDArray[np.uint8]) -> int:
    """The number a grey picture [height, width] shows, -1 where none can be read."""
    try:
        return read_number(picture[..., None])
    except ValueError:
        return -1
