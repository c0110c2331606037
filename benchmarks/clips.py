"""The test clips: made by script once, kept in a cache folder.

H.264 as most files are: x264 `veryfast` at its default quality, groups of up to 250 pictures,
B-frames as x264 places them. To draw ten minutes would take long, so those clips show the minute's
clip ten times, each time mirrored, turned or tinted otherwise and all encoded anew: copied packets
would give the same key frames ten times over, and clipkind embeds equal pictures once only.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from scenes import Plane, Size, pictures

FPS = 25
REVISION = 1
"""Part of the files' names; a change of what is drawn must raise it."""
_OPTIONS = {"preset": "veryfast"}


@dataclass(frozen=True, slots=True)
class Clip:
    """One test clip, drawn from `seed`; or `copies` of the clip drawn from it, end to end."""

    name: str
    size: Size
    seconds: int
    seed: int
    copies: int = 1

    def path(self, folder: Path) -> Path:
        return folder / f"{self.name}-v{REVISION}.mp4"


def _family(name: str, size: Size, seed: int) -> tuple[Clip, ...]:
    return (
        Clip(f"{name}-10s", size, 10, seed),
        Clip(f"{name}-60s", size, 60, seed + 1),
        Clip(f"{name}-10min", size, 600, seed + 1, copies=10),
    )


_ALL = (*_family("480p", (854, 480), 1), *_family("1080p", (1920, 1080), 3))
CLIPS: dict[str, Clip] = {clip.name: clip for clip in _ALL}
QUICK = "480p-10s"
"""The cheapest clip: the warm-up of every measurement, and all that --quick runs."""


def ensure(clip: Clip, folder: Path) -> Path:
    """The clip's file, made first if it is not there yet."""
    path = clip.path(folder)
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    print(f"making {path.name} …", flush=True)
    part = path.with_name(f".{path.stem}.part.mp4")
    if clip.copies > 1:
        source = next(c for c in CLIPS.values() if c.seed == clip.seed and c.copies == 1)
        _encode(_varied(ensure(source, folder), clip.copies), clip.size, part)
    else:
        _encode(pictures(clip.seed, clip.size, FPS, clip.seconds * FPS), clip.size, part)
    return part.replace(path)


def _encode(frames: Iterable[Plane], size: Size, path: Path) -> None:
    width, height = size
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("libx264", rate=FPS, options=dict(_OPTIONS))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for number, flat in enumerate(frames):
            stacked = flat.reshape(height * 3 // 2, width)
            frame = av.VideoFrame.from_ndarray(stacked, format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))


def _varied(source: Path, copies: int) -> Iterator[Plane]:
    """The source's pictures `copies` times, no two alike: each copy has its own mirror and tint."""
    for copy in range(copies):
        with av.open(str(source)) as container:
            for frame in container.decode(container.streams.video[0]):
                luma, *chroma = _planes(frame)
                if copy & 4:
                    chroma.reverse()
                tinted = [luma, *(255 - p if copy & 8 else p for p in chroma)]
                turned = (p[:: -1 if copy & 1 else 1, :: -1 if copy & 2 else 1] for p in tinted)
                yield np.concatenate([plane.ravel() for plane in turned])


def _planes(frame: av.VideoFrame) -> list[Plane]:
    """Luma, Cb and Cr of a yuv420p frame."""
    flat = frame.to_ndarray().astype(np.uint8, copy=False).ravel()
    width, height = frame.width, frame.height
    luma, *chroma = np.split(flat, [width * height, width * height * 5 // 4])
    return [luma.reshape(height, width), *(p.reshape(height // 2, width // 2) for p in chroma)]


def describe(clip: Clip, path: Path) -> dict[str, Any]:
    """What the file is, for the results."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        packets = [p for p in container.demux(stream) if p.size]
        keys = [n for n, packet in enumerate(packets) if packet.is_keyframe]
    groups = np.diff([*keys, len(packets)])
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "width": clip.size[0],
        "height": clip.size[1],
        "seconds": clip.seconds,
        "frames": len(packets),
        "key_frames": len(keys),
        "frames_between_key_frames_median": int(np.median(groups)),
        "bytes": path.stat().st_size,
        "kbit_per_s": round(path.stat().st_size * 8 / clip.seconds / 1000),
        "sha256": digest,
    }
