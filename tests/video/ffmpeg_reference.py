"""What FFmpeg's command line shows of a file, to compare clipkind with."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from media import read_number
from video.made_files import run

_SIZE = (96, 64)
"""Width and height to which pictures are scaled before their numbers are read."""
_ROUNDING = 0.0021
"""Seconds by which two steps of a regular rate may differ, as containers round times."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The frames FFmpeg shows of a video stream."""

    size: tuple[int, int]
    """Coded width and height."""
    numbers: tuple[int, ...]
    """The number each frame shows (see `number`), in order."""
    times: npt.NDArray[np.float64]
    """Seconds from the first frame to each, shape [frames]."""
    step: float
    """Seconds a frame usually stays."""
    duration_s: float
    """Seconds from the first frame to the end of the last."""

    def between(self, start: float, stop: float, slack: int = 0) -> set[int]:
        """Numbers of the frames on screen at some moment from `start` to `stop`, in seconds, and
        of `slack` frames before and after."""
        first = max(int(np.searchsorted(self.times, start, "right")) - 1 - slack, 0)
        after = max(int(np.searchsorted(self.times, stop, "right")) + slack, 1)
        return set(self.numbers[first:after])


def shown(path: Path, stream: int, even: float = 0.0) -> Shown:
    """FFmpeg's decode of a file's video stream, counted among those, on the clock it makes of it.

    Frames that show nothing, as they build on what came before the file, do not count. `even` are
    the seconds between frames where FFmpeg's times are not to be trusted.
    """
    chosen = ("-map", f"0:v:{stream}", "-fps_mode", "passthrough")
    clock, pictures = path.with_name(f"{path.name}.times"), path.with_name(f"{path.name}.gray")
    run(
        *("ffmpeg", "-y", "-threads", "1", "-i", str(path)),
        *(*chosen, "-enc_time_base", "-1", "-f", "framecrc", str(clock)),
        *(*chosen, "-pix_fmt", "gray", "-s", "{}x{}".format(*_SIZE), "-f", "rawvideo"),
        str(pictures),
    )
    rows = [line.split() for line in clock.read_text().replace(",", "").splitlines()]
    about = {row[0]: row[-1] for row in rows if row[0][0] == "#"}
    raw = np.frombuffer(pictures.read_bytes(), dtype=np.uint8).reshape(-1, *_SIZE[::-1])
    clock.unlink()
    pictures.unlink()
    numbers = [number(picture) for picture in raw]
    first = next(i for i, n in enumerate(numbers) if 0 <= n < 0xFFFF)
    ticks = np.array([int(row[2]) for row in rows if row[0][0] != "#"])[first:]
    times = (ticks - ticks[0]) * float(Fraction(about["#tb"]))
    if even:
        times = np.arange(len(ticks)) * even
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    regular = step and (abs(steps - step) < _ROUNDING).all()
    last = step if regular else _last_duration(path, stream) or step
    width, height = map(int, about["#dimensions"].split("x"))
    return Shown((width, height), tuple(numbers[first:]), times, step or last, times[-1] + last)


def _last_duration(path: Path, stream: int) -> float:
    """Seconds the last frame stays; 0 where that is not known."""
    text = run(
        *("ffprobe", "-select_streams", f"v:{stream}", "-of", "csv=p=0"),
        *("-show_entries", "frame=pkt_duration_time", str(path)),
    )
    last = text.split()[-1].strip(",")
    return 0.0 if last == "N/A" else float(last)


def number(picture: npt.NDArray[np.uint8]) -> int:
    """The number a grey picture [height, width] shows, -1 where none can be read."""
    try:
        return read_number(picture[..., None])
    except ValueError:
        return -1
