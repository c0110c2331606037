"""Video files made by FFmpeg's command line, by the bytes of others, or by a patch of an MP4."""

import shlex
import shutil
import struct
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media import numbered_frames

Patch = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Row:
    """A file of the table: how to make it, and what a player shows of it."""

    name: str
    """Its file name; the suffix tells the container."""
    args: str = ""
    """FFmpeg's arguments before the output, of several runs with `&&` between them; `@name` is
    another file, see `Files`."""
    parts: tuple[str, ...] = ()
    """Instead of `args`: files whose bytes are joined."""
    patch: Patch | None = None
    """What is done to its bytes afterwards."""
    stream: int = 0
    """The video stream a player shows, counted among the video streams."""
    even: float = 0.0
    """Seconds between frames where FFmpeg only guesses their times, badly; else 0."""
    slack: int = 0
    """Frames by which a pause may be misplaced, where a container has no presentation times
    (docs/limits.md)."""
    good: bool = True
    """Whether nothing is missing: no frame may be called lost, no end cut off."""


def numbers(size: str = "96x64", *, seconds: float = 3, rate: float = 25, first: int = 0) -> str:
    """FFmpeg's arguments for an input of numbered pictures, counted from `first`."""
    return (
        f"-f rawvideo -pix_fmt gray -s {size} -r {rate} -ss {first / rate} -t {seconds} "
        f"-i @numbers-{size}.gray"
    )


def coded(name: str, codec: str, raw: str | None = None, **more: Any) -> Row:
    """Numbered pictures, encoded."""
    return Row(name, f"{raw or numbers()} {codec}", **more)


def twice_coded(name: str, codec: str) -> Row:
    """The same in two passes, without which VP8 and VP9 have no frames that are never shown."""
    passes = (f"{numbers()} {codec} -passlogfile {name} -pass {number}" for number in (1, 2))
    return Row(name, " && ".join(passes))


def copied(name: str, source: str, after: str = "", before: str = "", **more: Any) -> Row:
    """Another file's video, as it is; `after` are options of the output, `before` of the input."""
    return Row(name, f"{before} -i @{source} -map 0:v -c copy {after}", **more)


class Files:
    """Makes the files of a table, each once, and those they are made of.

    `numbers-96x64.gray` is made of a thousand raw numbered pictures of that size, grey.
    """

    def __init__(self, folder: Path, rows: Sequence[Row]) -> None:
        self._folder, self._rows = folder, {row.name: row for row in rows}

    def __call__(self, name: str) -> Path:
        """Path of a file of the table. Raises RuntimeError where FFmpeg cannot make it."""
        path = self._folder / name
        if not path.exists():
            unfinished = path.with_name(f"unfinished-{name}")
            if name.endswith(".gray"):
                _write_numbers(unfinished)
            else:
                self._make(self._rows[name], unfinished)
            unfinished.rename(path)
        return path

    def _make(self, row: Row, path: Path) -> None:
        if row.parts:
            path.write_bytes(b"".join(self(part).read_bytes() for part in row.parts))
        else:
            for args in row.args.split("&&"):
                words = [str(self(w[1:])) if w[0] == "@" else w for w in shlex.split(args)]
                run("ffmpeg", "-y", *words, str(path), folder=self._folder)
        if row.patch:
            path.write_bytes(row.patch(path.read_bytes()))


def run(program: str, *args: str, folder: Path | None = None) -> str:
    """What `ffmpeg` or `ffprobe` prints, started in `folder`.

    Raises RuntimeError with what it says where it fails.
    """
    command = [shutil.which(program) or program, "-v", "error", *args]
    done = subprocess.run(
        command, capture_output=True, check=False, stdin=subprocess.DEVNULL, cwd=folder
    )
    if done.returncode:
        raise RuntimeError(f"{shlex.join(command)}: {done.stderr.decode()[:2000]}")
    return done.stdout.decode()


def _write_numbers(path: Path) -> None:
    width, height = map(int, path.stem.rpartition("-")[2].split("x"))
    count = 1000 if width < 120 else 600
    with path.open("wb") as file:
        for pixels in numbered_frames(count, (width, height)):
            file.write(pixels[..., 0].tobytes())


def with_edits(*parts: tuple[float, float]) -> Patch:
    """A patch that gives an MP4's first track an edit list.

    Each part is (seconds, seconds in the track at which it starts, or -1 for nothing to show).
    The file's index must be at its end.
    """

    def patch(data: bytes) -> bytes:
        moov = data.index(b"moov") - 4
        trak = data.index(b"trak", moov) - 4
        after = trak + _size(data, trak)
        track = data[trak + 8 : after]
        movie_scale, media_scale = _scale(data, b"mvhd", moov), _scale(data, b"mdhd", trak)
        first = 0
        if b"elst" in track:
            first = struct.unpack_from(">i", track, track.index(b"elst") + 16)[0]
            old = track.index(b"edts") - 4
            track = track[:old] + track[old + _size(track, old) :]
        entries = [struct.pack(">II", 0, len(parts))]
        for seconds, start in parts:
            at = -1 if start < 0 else first + round(start * media_scale)
            entries.append(struct.pack(">IiI", round(seconds * movie_scale), at, 0x10000))
        edits = _box(b"edts", _box(b"elst", b"".join(entries)))
        header = _size(track, 0)
        track = _box(b"trak", track[:header] + edits + track[header:])
        return data[:moov] + _box(b"moov", data[moov + 8 : trak] + track + data[after:])

    return patch


def _size(data: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", data, at)[0])


def _scale(data: bytes, kind: bytes, after: int) -> int:
    """Ticks a second by a `mvhd` or `mdhd` box of version 0."""
    return _size(data, data.index(kind, after) + 16)


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content) + 8) + kind + content
