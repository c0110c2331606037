"""A file that survives a kill: an append-only journal.

A journal is a magic line, then records: payload length, CRC-32 of the payload, payload. Each is
on the disk before `append` returns, so only the last one can be torn; it is cut off on opening.
"""

import fcntl
import json
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.files import sync_folder
from clipkind.text import printable

MAGIC = b"clipkind-journal 1\n"
_FRAME = struct.Struct("<II")
_META = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its JSON part, and where its binary part lies in the journal."""

    meta: dict[str, Any]
    start: int
    size: int


class Journal:
    """An append-only file of records, each a JSON object and a block of bytes.

    One process at a time may hold it. Memory holds the JSON parts only.
    """

    def __init__(self, path: Path, header: dict[str, Any]) -> None:
        """Open the journal at `path`, or begin one with `header` where it holds no record yet.

        `header` and `records` are then what the file holds. Raises FileFormatError when the file
        is no journal or is damaged before its end, ClipkindError when another process has it.
        """
        self.path = path
        self.header = header
        self.records: list[Record] = []
        # Unbuffered: after a failed write nothing may linger and reach the file later.
        self._file = path.open("a+b", buffering=0)
        try:
            self._lock()
            found = self._scan()
            if len(found) > 1:
                self.header, self.records = found[0].meta, found[1:]
            else:
                self._file.truncate(0)
                self._append(header, b"", prefix=MAGIC)
                sync_folder(path.parent)
        except BaseException:
            self._file.close()
            raise

    def append(self, meta: dict[str, Any], block: bytes = b"") -> Record:
        """Add a record; on return it is on the disk. On OSError the journal is as before."""
        record = self._append(meta, block)
        self.records.append(record)
        return record

    def block(self, record: Record) -> bytes:
        """The binary part of one of `records`."""
        return os.pread(self._file.fileno(), record.size, record.start)

    def close(self) -> None:
        """Close and keep the file; a journal without records is removed."""
        if self._file.closed:
            return
        if not self.records:
            self.path.unlink(missing_ok=True)
        self._file.close()

    def discard(self) -> None:
        """Close and remove the file, its records being safe elsewhere."""
        # Removed before the lock goes, so that nobody can lock a file about to vanish.
        self.path.unlink(missing_ok=True)
        sync_folder(self.path.parent)
        self._file.close()

    def _lock(self) -> None:
        # lockf, not flock: a decoder process forked by a killed extraction must not inherit it.
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            held = os.path.samestat(os.fstat(self._file.fileno()), self.path.stat())
        except (BlockingIOError, PermissionError, FileNotFoundError):
            held = False
        if not held:
            raise ClipkindError(
                f"{self._name}: another process is writing here: "
                "wait for it to end or write somewhere else"
            )

    def _append(self, meta: dict[str, Any], block: bytes, prefix: bytes = b"") -> Record:
        text = json.dumps(meta).encode()
        payload = b"".join((_META.pack(len(text)), text, block))
        data = b"".join((prefix, _FRAME.pack(len(payload), zlib.crc32(payload)), payload))
        start = os.fstat(self._file.fileno()).st_size
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[self._file.write(rest) :]
            os.fsync(self._file.fileno())
        except BaseException:
            # Half a record (disk full, Ctrl-C) would hide every record after it.
            self._file.truncate(start)
            raise
        return Record(meta, start + len(data) - len(block), len(block))

    def _scan(self) -> list[Record]:
        """All whole records, the header's first; a torn tail is cut off the file."""
        file = self._file.fileno()
        size = os.fstat(file).st_size
        if not MAGIC.startswith(os.pread(file, len(MAGIC), 0)):
            raise FileFormatError(f"{self._name}: not a clipkind journal: delete or move it")
        found: list[Record] = []
        start = len(MAGIC)
        while start + _FRAME.size <= size:
            length, crc = _FRAME.unpack(os.pread(file, _FRAME.size, start))
            end = start + _FRAME.size + length
            if length < _META.size or end > size:
                break
            payload = os.pread(file, length, start + _FRAME.size)
            if zlib.crc32(payload) != crc:
                if end < size:
                    raise FileFormatError(
                        f"{self._name}: damaged at byte {start} of {size}: "
                        "delete it to extract its videos again"
                    )
                break
            text_end = _META.size + _META.unpack_from(payload)[0]
            meta = json.loads(payload[_META.size : text_end])
            found.append(Record(meta, start + _FRAME.size + text_end, length - text_end))
            start = end
        if start < size:
            self._file.truncate(start)
        return found

    @property
    def _name(self) -> str:
        return printable(str(self.path))
