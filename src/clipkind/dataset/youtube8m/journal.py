"""What became of every id: one JSON line each, on the disk before the next one is tried."""

import fcntl
import io
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

from clipkind.dataset.youtube8m.plan import PlanRow
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.text import printable


class Status(StrEnum):
    """What became of an id in a row of the plan."""

    DOWNLOADED = "downloaded"
    DUPLICATE = "skipped_duplicate"
    """An earlier row has the video: it is multi-label, and the first come keeps it."""
    UNAVAILABLE = "unavailable"
    FAILED = "failed"
    TIMEOUT = "timeout"
    TOO_LONG = "too_long"
    TOO_LARGE = "too_large"
    REMOVED = "removed"
    """It was downloaded, and its file is no longer there: somebody weeded it out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One id in one row of the plan."""

    category: str
    label: str
    subcategory: str
    short_id: str
    status: Status
    youtube_id: str = ""
    reason: str = ""
    file: str = ""
    """Relative to the output folder."""
    group: str = ""
    """The channel, as far as it is known: what must not be on both sides of a split."""
    title: str = ""
    duplicate_of: str = ""
    """The file of the row that has the video."""
    at: str = ""
    """When, in UTC."""

    @property
    def key(self) -> tuple[str, str, str]:
        return (self.category, self.label, self.subcategory)


class Journal:
    """The records of a folder, and the only one who may add to them while it is open.

    A line torn by a kill is cut off on opening: its id is tried again.
    """

    def __init__(self, folder: Path) -> None:
        """Raises ClipkindError when another process has it, FileFormatError where it is damaged."""
        self._folder = folder
        self._path = folder / "journal.jsonl"
        self._rows: dict[tuple[str, str, str], dict[str, Record]] = {}
        self._known: dict[str, Record] = {}
        self._videos: dict[str, Record] = {}
        # Unbuffered: after a failed write nothing may linger and reach the file later.
        self._file = io.FileIO(self._path, "a+")
        try:
            self._lock()
            for record in self._read():
                self._take(record)
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def row(self, row: PlanRow) -> dict[str, Record]:
        """The records of a row of the plan, by short id."""
        return self._rows.get((row.category, row.label, row.subcategory), {})

    def known(self, short_id: str) -> Record | None:
        """What became of an id when it was last tried, for whichever row."""
        return self._known.get(short_id)

    def video(self, youtube_id: str) -> Record | None:
        """Which record has a video, if one has."""
        return self._videos.get(youtube_id)

    def videos(self) -> list[Record]:
        """All that is downloaded and still there, in order of file."""
        return sorted(self._videos.values(), key=lambda record: record.file)

    def append(self, record: Record) -> None:
        """Add a record; on return it is on the disk."""
        data = {name: value for name, value in asdict(record).items() if value}
        rest = memoryview(json.dumps(data).encode() + b"\n")
        while rest:
            rest = rest[self._file.write(rest) :]
        os.fsync(self._file.fileno())
        self._take(record)

    def _take(self, record: Record) -> None:
        self._rows.setdefault(record.key, {})[record.short_id] = record
        if record.status is not Status.DUPLICATE:
            self._known[record.short_id] = record
        if record.status is Status.DOWNLOADED:
            self._videos[record.youtube_id] = record

    def _read(self) -> Iterator[Record]:
        # not by its path: closing another handle of the file would give up the lock
        self._file.seek(0)
        data = self._file.readall()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            self._file.truncate(whole)
        for number, line in enumerate(data[:whole].splitlines(), 1):
            try:
                fields = json.loads(line)
                record = Record(**fields | {"status": Status(fields["status"])})
            except (ValueError, TypeError, KeyError):
                raise FileFormatError(
                    f"{printable(str(self._path))}, line {number}: is damaged; delete that line, "
                    "its id will be tried again"
                ) from None
            gone = record.status is Status.DOWNLOADED and not (self._folder / record.file).exists()
            yield replace(record, status=Status.REMOVED) if gone else record

    def _lock(self) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):
            raise ClipkindError(
                f"{printable(str(self._path))}: another process is downloading to this folder: "
                "wait for it to end or choose another --out"
            ) from None
