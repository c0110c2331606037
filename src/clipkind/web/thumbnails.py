"""Small pictures of the data set's videos, made when they are first looked at, and kept."""

import math
import os
import threading
import time
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Self

from clipkind.contract import Contract
from clipkind.errors import ClipkindError, Reason, VideoError
from clipkind.files import write_file
from clipkind.video.isolation import DecodeWorker, End, Pictures
from clipkind.video.picture import Picture
from clipkind.video.probe import VideoInfo

SIDE = 320
"""Pixels of the longer side."""
KEPT = 5000
"""Pictures kept at most, about 15 kB each; the oldest go first."""
WAITING = 6
"""Requests that may wait for the one decoder: each of them takes a thread of the server."""
TIMEOUT_S = 15.0
AGAIN_S = 60.0
"""Seconds until a video is tried again whose trouble may pass; others are not, as they are."""
_PASSING = frozenset({Reason.TIMEOUT, Reason.DECODER_CRASHED, Reason.MISSING, Reason.PERMISSION})
"""Reasons that need not be the video's: the machine was busy, or the file not to be had."""
# of a contract nothing counts here but which picture is taken, and its size
_VIEW = Contract(
    backbone="",
    weights_sha256="",
    feature_dim=1,
    multi_scale="single",
    num_frames=1,
    window=(0.25, 0.55),
    resize=SIDE,
    crop=SIDE,
)


class Busy(ClipkindError):
    """Too many pictures are being made; ask again in a second."""


class Thumbnails:
    """Pictures in a folder. One process decodes, with the limits of `DecodeWorker`; it is started
    on first use. For use from several threads."""

    def __init__(self, folder: Path, *, kept: int = KEPT, timeout_s: float = TIMEOUT_S) -> None:
        self._folder, self._kept = folder, kept
        self._worker = DecodeWorker(threads=1, timeout_s=timeout_s, whole=True)
        self._turn = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)
        self._unreadable: dict[str, float] = {}
        """Until when (by `time.monotonic`) no picture is tried of what."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the decoding process."""
        self._worker.close()

    def get(self, video_id: str, path: Path) -> bytes | None:
        """A JPEG of a video, its longer side `SIDE` pixels; None where none can be made.

        A video that changed gets another. Raises Busy where too many are being made.
        """
        key = _key(video_id, path)
        if key is None or time.monotonic() < self._unreadable.get(key, 0.0):
            return None
        file = self._folder / f"{key}.jpg"
        if (kept := _read(file)) is not None:
            return kept
        if not self._places.acquire(blocking=False):
            raise Busy("too many pictures are being made; try again in a second")
        try:
            with self._turn:
                # while this request waited, another may have made it
                return _read(file) or self._make(key, path, file)
        finally:
            self._places.release()

    def _make(self, key: str, path: Path, file: Path) -> bytes | None:
        try:
            picture = self._picture(path)
        except VideoError as error:
            passing = error.reason in _PASSING
            self._unreadable[key] = time.monotonic() + AGAIN_S if passing else math.inf
            return None
        with suppress(OSError):  # a full disk must not take the picture away
            self._folder.mkdir(parents=True, exist_ok=True)
            write_file(file, picture)
            self._trim()
        return picture

    def _picture(self, path: Path) -> bytes:
        pictures: list[Picture] = []
        for message in self._worker.read(path, _VIEW):
            if isinstance(message, Pictures):
                pictures.extend(message.new)
            elif isinstance(message, End):
                return _jpeg(pictures[0], message.info)
        raise AssertionError("a video without an end")

    def _trim(self) -> None:
        files = sorted(self._folder.glob("*.jpg"), key=lambda file: file.stat().st_mtime_ns)
        for file in files[: -self._kept]:
            file.unlink(missing_ok=True)


def _jpeg(picture: Picture, info: VideoInfo) -> bytes:
    """The square picture in the video's own shape."""
    from clipkind.video.jpeg import jpegs

    shape = info.width * info.sample_aspect / info.height
    shape = 1 / shape if info.rotation in (90, 270) else shape
    width, height = (SIDE, SIDE / shape) if shape > 1 else (SIDE * shape, SIDE)
    width, height = (max(round(side / 2) * 2, 16) for side in (width, height))
    (found,) = jpegs([picture], width=width, height=height)
    return found


def _key(video_id: str, path: Path) -> str | None:
    """Of the video as it is now: its bytes are others when size or time of change are."""
    try:
        found = os.stat(path)  # noqa: PTH116 - names may hold bytes that are not UTF-8
    except OSError:
        return None
    content = f"{video_id} {found.st_size} {found.st_mtime_ns}"
    return blake2b(content.encode(), digest_size=16).hexdigest()


def _read(file: Path) -> bytes | None:
    try:
        return file.read_bytes()
    except OSError:  # it is not there yet, or not any more to be read: made again
        return None
