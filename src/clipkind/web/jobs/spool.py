"""Files of jobs: what was received, and pictures of it. No name that a client chose gets here.

FOLDER/<id>/video          what was uploaded or fetched
FOLDER/<id>/video.part     the same on its way
FOLDER/<id>/frame-<k>.jpg  pictures that the model saw
"""

import errno
import io
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from clipkind.files import sync_folder
from clipkind.web.jobs.failures import QuotaFull

ID = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII)
"""The whole of a job's id."""
PART = "video.part"
"""How names of what is on its way begin."""
STALE_S = 3600.0
"""Seconds after which files that belong to no job are not on their way to one."""
RECOUNT_S = 10.0
"""Seconds for which this process may not know what others put there."""


def valid_id(id: str) -> bool:
    """Whether an id has the form of one of ours: only such may become part of a path."""
    return ID.fullmatch(id) is not None


class Spool:
    """A folder with files of jobs, of which all together may have `quota` bytes.

    The server and its workers use one folder; each sees what the others put there. For use from
    several threads.
    """

    def __init__(self, folder: Path, quota: int) -> None:
        self.folder, self.quota = folder, quota
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = threading.Lock()
        self._sizes: dict[str, tuple[int, int]] = {}
        """Of folders: time of change in nanoseconds (0: to be looked at again), bytes."""
        self._expected: dict[str, int] = {}
        """Bytes of the videos that are on their way to this process."""
        self._counted = (0.0, 0)
        """When the folders were looked at (0: never), and their bytes, kept up since."""

    @staticmethod
    def new_id() -> str:
        """An id for a job, which nobody can guess: 128 random bits."""
        return secrets.token_urlsafe(16)

    def video(self, id: str) -> Path:
        """Where a job's video lies, without suffix. Raises ValueError for what is no id."""
        return self._folder(id) / "video"

    def part(self, id: str) -> Path:
        """Where a job's video is written to until `accept`; the folder is made."""
        folder = self._folder(id)
        folder.mkdir(exist_ok=True)
        return folder / PART

    def accept(self, id: str) -> Path:
        """What was written to `part` is the job's video, on the disk when this returns."""
        part, video = self.part(id), self.video(id)
        with part.open("rb") as file:
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        part.replace(video)
        sync_folder(video.parent)
        with self._lock:
            self._expected.pop(id, None)
            self._counted = self._counted[0], self._counted[1] + size
            self._sizes[id] = 0, size
        return video

    @contextmanager
    def receive(self, id: str) -> Iterator["Incoming"]:
        """A file to write a job's video to; it is the job's when the block ends.

        Raises QuotaFull where it does not fit, as writing does. On any error, nothing stays of it.
        """
        try:
            with full_disk_is_full_quota():
                with Incoming(self, id) as file:
                    yield file
                self.accept(id)
        except BaseException:
            self.drop(id)
            raise

    def expect(self, id: str, size: int) -> None:
        """Count so many bytes, in all, for a job's video that is on its way, until `accept` or
        `drop`. Raises QuotaFull where they do not fit."""
        with self._lock:
            more = size - self._expected.get(id, 0)
            if more > 0 and self._used() + more > self.quota:
                raise QuotaFull(
                    f"the {self.quota / 1e6:g} MB for videos are taken; try again in a while"
                )
            self._expected[id] = size

    def frame(self, id: str, k: int) -> Path:
        """Where picture `k`, from 0, of a job lies. Raises ValueError for what is no id."""
        return self._folder(id) / f"frame-{int(k):02d}.jpg"

    def keep_frames(self, id: str, jpegs: Sequence[bytes]) -> None:
        """Keep pictures of a job, as files of JPEG."""
        folder = self._folder(id)
        folder.mkdir(exist_ok=True)
        for k, jpeg in enumerate(jpegs):
            self.frame(id, k).write_bytes(jpeg)

    def drop(self, id: str) -> None:
        """Delete all files of a job, if there are any."""
        shutil.rmtree(self._folder(id), ignore_errors=True)
        with self._lock:
            self._expected.pop(id, None)
            _, size = self._sizes.pop(id, (0, 0))
            self._counted = self._counted[0], self._counted[1] - size

    def used(self) -> int:
        """Bytes of all files: of those on their way to this process all that are expected, of
        those on their way to others what is there."""
        with self._lock:
            return self._used()

    def _used(self) -> int:
        now = time.monotonic()
        counted, size = self._counted
        if not counted or now - counted > RECOUNT_S:
            size = self._count()
            self._counted = now, size
        return size + sum(self._expected.values())

    def sweep(self, known: Collection[str], *, stale_s: float = STALE_S) -> list[str]:
        """Delete what belongs to none of the `known` jobs and is older than `stale_s`; its ids.

        When a server starts nothing is on its way, so 0 is right then; parts of downloads go too.
        """
        gone = []
        for entry in list(os.scandir(self.folder)):
            with suppress(FileNotFoundError):
                age_s = time.time() - entry.stat(follow_symlinks=False).st_mtime
                if entry.name in known:
                    for part in Path(entry.path).glob(f"{PART}*") if not stale_s else ():
                        _remove(part)
                elif valid_id(entry.name) and (not stale_s or age_s >= stale_s):
                    self.drop(entry.name)
                    gone.append(entry.name)
        return gone

    def _folder(self, id: str) -> Path:
        if not valid_id(id):
            raise ValueError("that is no id of a job")
        return self.folder / id

    def _count(self) -> int:
        """Bytes of all files but those on their way to this process; of folders that did not
        change, as last time."""
        sizes: dict[str, tuple[int, int]] = {}
        for entry in os.scandir(self.folder):
            with suppress(FileNotFoundError, NotADirectoryError):
                changed = entry.stat(follow_symlinks=False).st_mtime_ns
                seen = self._sizes.get(entry.name)
                if seen is None or seen[0] != changed:
                    kept, coming = _sizes(Path(entry.path))
                    ours = entry.name in self._expected
                    # what grows does not change its folder
                    seen = 0 if coming or ours else changed, kept + (0 if ours else coming)
                sizes[entry.name] = seen
        self._sizes = sizes
        return sum(size for _, size in sizes.values())


class Incoming(io.FileIO):
    """A file that counts what is written to it, against the spool's quota. Can be read back."""

    def __init__(self, spool: Spool, id: str) -> None:
        super().__init__(spool.part(id), "w+")
        self._spool, self._id = spool, id
        self.size = 0
        """Bytes written."""

    def write(self, data: "bytes | bytearray | memoryview") -> int:  # type: ignore[override]
        """Write all of it. Raises QuotaFull where it does not fit, or the disk is full."""
        self._spool.expect(self._id, self.size + len(data))
        self.size += len(data)
        rest = memoryview(data)
        with full_disk_is_full_quota():
            while rest:
                rest = rest[super().write(rest) or 0 :]
        return len(data)


@contextmanager
def full_disk_is_full_quota() -> Iterator[None]:
    """Raises QuotaFull where the block finds the disk full."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise QuotaFull("the disk for videos is full; try again in a while") from error
        raise


def _sizes(folder: Path) -> tuple[int, int]:
    """Bytes of the files in a job's folder that are kept, and of those that are on their way."""
    kept = coming = 0
    for entry in os.scandir(folder):
        if not entry.name.startswith(PART):
            kept += entry.stat(follow_symlinks=False).st_size
        elif entry.is_dir(follow_symlinks=False):  # of what fetches a link
            coming += sum(_sizes(Path(entry.path)))
        else:
            coming += entry.stat(follow_symlinks=False).st_size
    return kept, coming


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
