"""The job store's file: its tables, and connections to it.

SQLite in WAL mode: readers and the one writer do not wait for each other, several processes may
have it open, and whatever is killed, what was committed stays.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipkind.text import folded, printable
from clipkind.web.jobs.failures import StorageError

VERSION = 1
BUSY_S = 10.0
"""Seconds to wait for another writer."""
_SCHEMA = f"""
CREATE TABLE jobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT NOT NULL,
    tta INTEGER NOT NULL,
    risk REAL,
    video_id TEXT,
    url TEXT,
    truth TEXT,
    client TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    step TEXT NOT NULL DEFAULT 'waiting',
    done INTEGER NOT NULL DEFAULT 0,
    total INTEGER NOT NULL DEFAULT 0,
    created_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    result TEXT,
    reason TEXT,
    message TEXT NOT NULL DEFAULT '',
    kept INTEGER NOT NULL DEFAULT 1,
    here INTEGER NOT NULL,    -- whether the video can be decoded: a link's must be fetched first
    worker TEXT,              -- who has it, while it is running
    deaths INTEGER NOT NULL DEFAULT 0,  -- of workers that had it
    stop INTEGER NOT NULL DEFAULT 0,    -- cancelled while it was running
    label TEXT                -- of the result
);
CREATE INDEX by_state ON jobs (state, number);
CREATE INDEX waiting ON jobs (here, number) WHERE state = 'queued';
CREATE INDEX by_creation ON jobs (created_at);
CREATE INDEX by_label ON jobs (label, number) WHERE label IS NOT NULL;
CREATE INDEX by_end ON jobs (finished_at) WHERE kept AND finished_at IS NOT NULL;
PRAGMA user_version = {VERSION};
"""


class Database:
    """A file with the table `jobs`, made where it is absent. For use from several threads.

    `durable`: what was committed outlives a loss of power too, not only a kill of the process.
    Raises StorageError where the file is of a newer clipkind, no job store, or cannot be opened.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path, self._durable = path, durable
        self._lock = threading.Lock()
        self._free: list[sqlite3.Connection] = []
        self._watching: sqlite3.Connection | None = None
        with self._trouble():
            path.parent.mkdir(parents=True, exist_ok=True)
            with self.writing() as db:
                self._prepare(db)

    def close(self) -> None:
        """Close all connections that are not in use. The database may be used again afterwards."""
        with self._lock:
            for connection in self._free:
                connection.close()
            self._free.clear()
            if self._watching is not None:
                self._watching.close()
                self._watching = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """A connection, for statements on their own."""
        with self._trouble():
            with self._lock:
                connection = self._free.pop() if self._free else None
            connection = connection or self._open()
            try:
                yield connection
            finally:
                with self._lock:
                    self._free.append(connection)

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction, which nobody else writes in; rolled back on errors."""
        with self.reading() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def version(self) -> int:
        """A number that changes with every commit of anyone, process or thread."""
        with self._trouble(), self._lock:
            if self._watching is None:  # it must never write: it would not see its own changes
                self._watching = self._open()
            (number,) = self._watching.execute("PRAGMA data_version").fetchone()
            return int(number)

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=BUSY_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.create_function("fold", 1, folded, deterministic=True)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'NORMAL'}")
            connection.execute("PRAGMA journal_size_limit = 16777216")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version > VERSION:
            raise StorageError(
                f"{self._name} was written by a newer clipkind (version {version}, this one knows "
                f"{VERSION}); use that one, or give another --state folder"
            )
        (tables,) = db.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if version == 0 and tables:
            raise StorageError(f"{self._name} is no job store; give another --state folder")
        if version == 0:
            for statement in _SCHEMA.split(";\n"):
                if statement.strip():
                    db.execute(statement)

    @property
    def _name(self) -> str:
        return printable(str(self._path))

    @contextmanager
    def _trouble(self) -> Iterator[None]:
        """SQLite's errors, and the folder's, as one line."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except (sqlite3.Error, OSError) as error:
            raise StorageError(
                f"the job store {self._name} cannot be used: {error}; check its disk and rights"
            ) from error
