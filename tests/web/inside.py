"""A server's inside without HTTP: its store, spool and workers, and what tests ask of them."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipkind.model.bundle import load_bundle
from clipkind.web.jobs.job import Job, NewJob
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.jobs.supervisor import Supervisor
from clipkind.web.settings import Settings

WAIT_S = 120.0
"""Until a test gives up; nothing should take a tenth of it."""


def until(condition: Callable[[], Any]) -> None:
    """Wait for something to come true."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    """The processes that a process started and that have not ended."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        found += map(int, task.read_text().split())
    return found


def alive(pid: int) -> bool:
    """Whether a process still does something; zombies do not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass(frozen=True, slots=True)
class Inside:
    """The parts that share a state folder."""

    settings: Settings
    store: JobStore
    spool: Spool
    supervisor: Supervisor
    model: str
    """The bundled one, which jobs ask unless told otherwise."""

    def send(self, video: Path | bytes | None = None, **more: Any) -> str:
        """Accept a job; an upload where a video is given. Returns its id."""
        id = self.spool.new_id()
        what: dict[str, Any] = {
            "source": "upload",
            "name": "clip",
            "model": self.model,
        } | more
        if video is not None:
            with self.spool.receive(id) as file:
                file.write(video if isinstance(video, bytes) else video.read_bytes())
        self.store.add(NewJob(id=id, **what), 1000)
        return id

    def job(self, id: str) -> Job:
        job = self.store.get(id)
        assert job is not None
        return job

    def ended(self, id: str) -> Job:
        """The job when it is over."""
        until(lambda: self.job(id).over)
        return self.job(id)

    def running(self, id: str, attempt: int = 1) -> None:
        """Wait for a worker to have it, for the so-manyth time."""
        until(lambda: self.job(id).state == "running" and self.job(id).attempts == attempt)

    @property
    def answerer(self) -> int:
        """The first worker that answers, when there is one."""
        until(self.supervisor.ready)
        return self.supervisor.pids[0]

    @property
    def fetcher(self) -> int:
        """The worker that fetches links, when there is one."""
        until(lambda: len(self.supervisor.pids) > self.settings.workers)
        return self.supervisor.pids[-1]

    @property
    def decoder(self) -> int:
        """The decoding process of that worker."""
        until(lambda: children(self.answerer))
        return children(self.answerer)[0]


def prepared(settings: Settings) -> Inside:
    """The parts, workers not yet started."""
    store = JobStore(settings.database)
    spool = Spool(settings.files, settings.quota)
    model = load_bundle().name
    return Inside(settings, store, spool, Supervisor(settings, store, spool), model)


@contextmanager
def serving(state: Path, **more: Any) -> Iterator[Inside]:
    """The parts with their workers, which are ready."""
    inside = prepared(Settings(state=state, **more))
    try:
        with inside.supervisor:
            until(inside.supervisor.ready)
            yield inside
    finally:
        inside.store.close()
