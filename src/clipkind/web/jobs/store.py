"""Jobs and their answers on disk: what was accepted is neither lost nor running for ever.

    queued → running → done | failed | cancelled

A running job goes back to queued when its worker dies or ends, and when a link's video has been
fetched and waits for its turn. No job leaves the last three states.
"""

# ruff: noqa: S608 - statements are put together from texts of this file only, values are bound

import json
import sqlite3
import time
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

from clipkind.text import composed, folded
from clipkind.web.jobs.database import Database
from clipkind.web.jobs.failures import Failure, QueueFull
from clipkind.web.jobs.job import Job, NewJob, Source, State, Step

DEATHS = 2
"""Of workers, after which their common job is taken for the cause and fails."""
STARTS = 5
"""How often a job is begun, over restarts of the server, before it is taken for their cause."""
RECENT = 20
"""Finished jobs that tell how long one takes."""
_ASKED = tuple(field.name for field in fields(NewJob))
_COLUMNS = ", ".join(field.name for field in fields(Job))
_DIED = "the processes that worked on it died; re-encode the video, or try again later"
_WANTED = "id = ? AND state = 'running' AND NOT stop"
# numbers and times of creation have one order
_BEFORE = (
    "number < coalesce((SELECT number FROM jobs WHERE created_at >= ? ORDER BY created_at LIMIT 1),"
    " 9e18)"
)
_END = (
    "UPDATE jobs SET finished_at = max(?, created_at), step = 'finished', worker = NULL, "
    "state = {} WHERE {}"
)
"""Ends the jobs of the second place in the state of the first; the first value is the time."""
_FAILED = _END.format("'failed', reason = ?, message = ?", "{}")
_CANCELLED = _END.format("'cancelled'", "id = ? AND state = 'running' AND stop")
_BACK = (
    "UPDATE jobs SET state = 'queued', step = 'waiting', done = 0, total = 0, worker = NULL, "
    "started_at = NULL"
)
_FETCHED_FOR_CLIENT = (
    "(SELECT count(*) FROM jobs AS other WHERE other.state = 'running' AND NOT other.here "
    "AND other.client = jobs.client)"
)


class JobStore:
    """The jobs in a file. For use from several threads and processes at a time.

    Every call may raise StorageError, where the disk is full or gone.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """Open the store at `path`, or make it. For `durable` see `Database`."""
        self._database = Database(path, durable=durable)

    def close(self) -> None:
        """Let go of the file."""
        self._database.close()

    def version(self) -> int:
        """A number that changes whenever any job changed; cheap enough to ask all the time."""
        return self._database.version()

    # What clients do

    def add(self, new: NewJob, limit: int) -> Job:
        """Accept a job: on return it is on the disk. Raises QueueFull where `limit` jobs wait."""
        with self._writing() as db:
            (waiting,) = db.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
            if waiting >= limit:
                raise QueueFull(f"{waiting} videos are waiting already; try again in a while")
            (newest,) = db.execute("SELECT max(created_at) FROM jobs").fetchone()
            # each has a time of its own, later than all before: lists are paged by it
            created = max(time.time(), (newest or 0.0) + 1e-6)
            values = [getattr(new, name) for name in _ASKED]
            row = db.execute(
                f"INSERT INTO jobs ({', '.join(_ASKED)}, created_at, here) "
                f"VALUES ({', '.join('?' * len(_ASKED))}, ?, ?) RETURNING {_COLUMNS}",
                (*values, created, new.source != "link"),
            ).fetchone()
        return _job(row)

    def get(self, id: str) -> Job | None:
        """The job, if there is one."""
        found = self._select("WHERE id = ?", (id,))
        return found[0] if found else None

    def find(
        self,
        *,
        state: State | None = None,
        label: str | None = None,
        text: str | None = None,
        source: Source | None = None,
        before: float | None = None,
        limit: int = 50,
    ) -> list[Job]:
        """Jobs, newest first, that meet all that is given.

        `text` is somewhere in the name or the link, whatever its case; `before` is the
        `created_at` of the last job of the page before.
        """
        terms: list[tuple[str, Any]] = []
        if state is not None:
            terms.append(("state = ?", state))
        if label is not None:
            terms.append(("label = ?", composed(label)))
        if source is not None:
            terms.append(("source = ?", source))
        if before is not None:
            terms.append((_BEFORE, before))
        if text:
            terms.append(("instr(fold(name || ' ' || coalesce(url, '')), ?)", folded(text)))
        where = " AND ".join(term for term, _ in terms)
        return self._select(
            f"{'WHERE ' + where if where else ''} ORDER BY number DESC LIMIT ?",
            (*(value for _, value in terms), limit),
        )

    def places(self, ids: Iterable[str]) -> dict[str, int]:
        """Where those among `ids` that are queued stand, from 1."""
        found, place, last = {}, 0, 0
        with self._database.reading() as db:
            for number, id in db.execute(
                "SELECT number, id FROM jobs WHERE id IN (SELECT value FROM json_each(?)) "
                "AND state = 'queued' ORDER BY number",
                (json.dumps(list(ids)),),
            ).fetchall():
                (between,) = db.execute(
                    "SELECT count(*) FROM jobs WHERE state = 'queued' AND number > ? "
                    "AND number <= ?",
                    (last, number),
                ).fetchone()
                place, last = place + between, number
                found[id] = place
        return found

    def cancel(self, id: str) -> Job | None:
        """End a queued job, and ask a running one to stop; it never comes to be done after that.

        Without effect on a job that is over. The job as it is then, None where there is none.
        """
        with self._writing() as db:
            db.execute(_END.format("'cancelled'", "id = ? AND state = 'queued'"), _ended(id))
            db.execute("UPDATE jobs SET stop = 1 WHERE id = ? AND state = 'running'", (id,))
        return self.get(id)

    def delete(self, id: str) -> bool:
        """Forget a job that is over, answer and all. False where there is none."""
        with self._writing() as db:
            row = db.execute(
                "DELETE FROM jobs WHERE id = ? AND finished_at IS NOT NULL RETURNING id", (id,)
            ).fetchone()
        return row is not None

    def counts(self) -> dict[State, int]:
        """How many jobs there are in every state."""
        with self._database.reading() as db:
            rows = db.execute("SELECT state, count(*) AS n FROM jobs GROUP BY state").fetchall()
        return dict.fromkeys(get_args(State), 0) | {row["state"]: row["n"] for row in rows}

    def seconds_per_job(self) -> float | None:
        """What the last jobs took from their start to their end, on average; None without any."""
        with self._database.reading() as db:
            (mean,) = db.execute(
                "SELECT avg(finished_at - started_at) FROM (SELECT finished_at, started_at "
                "FROM jobs WHERE state = 'done' ORDER BY number DESC LIMIT ?)",
                (RECENT,),
            ).fetchone()
        return None if mean is None else float(mean)

    # What workers do

    def claim(self, worker: str, *, links: bool = False) -> Job | None:
        """Begin the oldest job that waits for an answer, or for its link to be fetched: of those
        first of a client with the fewest under way, as a link may be slow.

        No two calls get the same job. `worker` must be unlike that of any other process.
        """
        which = "WHERE state = 'queued' AND here = ?"
        with self._database.reading() as db:  # idle workers must not keep others from writing
            if db.execute(f"SELECT 1 FROM jobs {which} LIMIT 1", (not links,)).fetchone() is None:
                return None
        which += f" ORDER BY {_FETCHED_FOR_CLIENT + ', ' if links else ''}number LIMIT 1"
        with self._writing() as db:
            row = db.execute(
                "UPDATE jobs SET state = 'running', worker = ?, attempts = attempts + 1, "
                f"started_at = ? WHERE number = (SELECT number FROM jobs {which}) "
                f"RETURNING {_COLUMNS}",
                (worker, time.time(), not links),
            ).fetchone()
        return None if row is None else _job(row)

    def progress(self, id: str, step: Step, done: int, total: int) -> bool:
        """Tell how far a running job is. False: nobody wants it any more; stop."""
        with self._writing() as db:
            row = db.execute(
                "UPDATE jobs SET step = ?, done = ?, total = ? "
                "WHERE id = ? AND state = 'running' AND NOT stop RETURNING id",
                (step, done, total, id),
            ).fetchone()
        return row is not None

    def wanted(self, id: str) -> bool:
        """Whether a job is running and not cancelled."""
        return bool(self._ids(_WANTED, (id,)))

    def fetched(self, id: str, name: str) -> None:
        """A running job's link is fetched: its video waits for its turn, under this name."""
        with self._writing() as db:
            # decoding it is another thing: what fetching it cost is not to be added to that
            db.execute(
                f"{_BACK}, here = 1, name = ?, attempts = 0, deaths = 0 WHERE {_WANTED}", (name, id)
            )
            db.execute(_CANCELLED, _ended(id))

    def finish(self, id: str, result: dict[str, Any]) -> None:
        """The answer of a running job. Without effect on one that is not."""
        answer = (json.dumps(result), result.get("label"))
        with self._writing() as db:
            db.execute(
                _END.format("'done', result = ?, label = ?", _WANTED), (time.time(), *answer, id)
            )
            db.execute(_CANCELLED, _ended(id))

    def fail(self, id: str, reason: str, message: str) -> None:
        """Why a running job has no answer. Without effect on one that is not."""
        with self._writing() as db:
            db.execute(_FAILED.format(_WANTED), (time.time(), reason, message, id))
            db.execute(_CANCELLED, _ended(id))

    def cancelled(self, id: str) -> None:
        """A running job has stopped, as `cancel` asked. Without effect on one that is not."""
        with self._writing() as db:
            db.execute(_CANCELLED, _ended(id))

    def release(self, worker: str, *, died: bool = True, guilty: str | None = None) -> list[str]:
        """What a worker had that is no longer there goes back to its place in the queue.

        That includes what was claimed as `<worker>-…`, by its threads. Without `died`, nothing of
        it was begun. With it, the death is laid on the job that was claimed as `guilty`, or on the
        only one there was; who did it among several is not known. A job on which `DEATHS` are laid
        fails. Returns the jobs' ids.
        """
        theirs, values = "(worker = ? OR worker GLOB ? || '-*')", (worker, worker)
        if not died:
            return self._put_back(theirs, values, "attempts = attempts - 1")
        alone = f"(SELECT count(*) = 1 FROM jobs WHERE state = 'running' AND {theirs})"
        change = f"deaths = deaths + (worker IS ? OR (? IS NULL AND {alone}))"
        return self._put_back(theirs, values, change, (guilty, guilty, *values))

    def recover(self) -> list[str]:
        """What any worker had goes back, when a server starts: none can be there.

        A job that was begun `STARTS` times fails: it is taken for what ended the servers.
        """
        return self._put_back("1", (), "deaths = deaths")

    def _put_back(
        self, whose: str, values: Sequence[Any], change: str, changed: Sequence[Any] = ()
    ) -> list[str]:
        theirs = f"state = 'running' AND {whose}"
        guilty = f"{theirs} AND (deaths >= {DEATHS} OR attempts >= {STARTS})"
        with self._writing() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE {theirs}", values).fetchall()
            db.execute(_END.format("'cancelled'", f"{theirs} AND stop"), (time.time(), *values))
            db.execute(f"UPDATE jobs SET {change} WHERE {theirs}", (*changed, *values))
            failed = (time.time(), Failure.WORKER_CRASHED, _DIED, *values)
            db.execute(_FAILED.format(guilty), failed)
            db.execute(f"{_BACK} WHERE {theirs}", values)
        return [row["id"] for row in rows]

    # What the server's housekeeping does

    def expired(self, before: float) -> list[str]:
        """Jobs that were over before that time and of which files are kept; those first that were
        over first."""
        return self._ids("kept AND finished_at < ? ORDER BY finished_at", (before,))

    def forget(self, ids: Iterable[str]) -> None:
        """The files of these jobs are gone."""
        with self._writing() as db:
            db.executemany("UPDATE jobs SET kept = 0 WHERE id = ?", [(id,) for id in ids])

    def trim(self, keep_jobs: int) -> list[str]:
        """Forget all jobs that are over but the newest `keep_jobs`; their ids."""
        with self._writing() as db:
            rows = db.execute(
                "DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE finished_at "
                "IS NOT NULL ORDER BY number DESC LIMIT -1 OFFSET ?) RETURNING id",
                (keep_jobs,),
            ).fetchall()
        return [row["id"] for row in rows]

    def known(self) -> set[str]:
        """The jobs that have files, or may get them."""
        return set(self._ids("kept", ()))

    def _ids(self, where: str, values: Sequence[Any]) -> list[str]:
        with self._database.reading() as db:
            rows = db.execute(f"SELECT id FROM jobs WHERE {where}", values).fetchall()
        return [row["id"] for row in rows]

    def _select(self, clauses: str, values: Sequence[Any]) -> list[Job]:
        with self._database.reading() as db:
            rows = db.execute(f"SELECT {_COLUMNS} FROM jobs {clauses}", values).fetchall()
        return [_job(row) for row in rows]

    def _writing(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._database.writing()


def _ended(id: str) -> tuple[float, str]:
    return time.time(), id


def _job(row: sqlite3.Row) -> Job:
    values = dict(row)
    for name in ("tta", "kept"):
        values[name] = bool(values[name])
    if values["result"] is not None:
        values["result"] = json.loads(values["result"])
    return Job(**values)
