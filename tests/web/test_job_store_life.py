"""The job store against a model of it: whatever is done in whatever order."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from clipkind.web.jobs.failures import QueueFull
from clipkind.web.jobs.job import NewJob, State
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import DEATHS, STARTS, JobStore

LIMIT = 3
WORKERS = ("a", "a-1", "b")


@dataclass
class Known:
    """What a job should be."""

    id: str
    here: bool
    state: State = "queued"
    worker: str = ""
    stop: bool = False
    deaths: int = 0
    starts: int = 0
    label: str | None = None

    def end(self, state: State) -> None:
        self.state = "cancelled" if self.stop else state
        self.worker = ""


class Life(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.open()
        self.jobs: list[Known] = []

    def open(self) -> None:
        self.store = JobStore(self.folder / "jobs.sqlite3", durable=False)

    def teardown(self) -> None:
        self.store.close()
        shutil.rmtree(self.folder)

    def of(self, *states: State) -> list[Known]:
        return [job for job in self.jobs if job.state in states]

    def one(self, data: st.DataObject, *states: State) -> Known:
        """Any job, but rather one in these states: there more can happen."""
        likely = self.of(*states)
        among = likely if likely and data.draw(st.booleans()) else self.jobs
        return data.draw(st.sampled_from(among))

    @rule(link=st.booleans())
    def add(self, link: bool) -> None:
        source = "link" if link else "upload"
        new = NewJob(id=Spool.new_id(), source=source, name="n", model="m")  # type: ignore[arg-type]
        full = len(self.of("queued")) >= LIMIT
        try:
            self.store.add(new, LIMIT)
        except QueueFull:
            assert full
        else:
            assert not full
            self.jobs.append(Known(new.id, here=not link))

    @precondition(lambda self: self.of("queued"))
    @rule(worker=st.sampled_from(WORKERS), links=st.booleans())
    def claim(self, worker: str, links: bool) -> None:
        waiting = [job for job in self.of("queued") if job.here is not links]
        got = self.store.claim(worker, links=links)
        assert (got.id if got else None) == (waiting[0].id if waiting else None)
        if waiting:
            waiting[0].state, waiting[0].worker = "running", worker
            waiting[0].starts += 1

    @precondition(lambda self: self.jobs)
    @rule(data=st.data(), what=st.sampled_from(["progress", "finish", "fail", "hear", "fetched"]))
    def work(self, data: st.DataObject, what: str) -> None:
        job = self.one(data, "running")
        running = job.state == "running"
        if what == "progress":
            assert self.store.progress(job.id, "decoding", 1, 2) == (running and not job.stop)
        elif what == "finish":
            self.store.finish(job.id, {"label": "Gaming"})
            if running:
                job.end("done")
                job.label = "Gaming" if job.state == "done" else None
        elif what == "fail":
            self.store.fail(job.id, "empty", "it is empty")
            if running:
                job.end("failed")
        elif what == "hear":
            self.store.cancelled(job.id)
            if running and job.stop:
                job.end("cancelled")
        else:
            self.store.fetched(job.id, "n")
            if running and job.stop:
                job.end("cancelled")
            elif running:
                job.state, job.worker, job.here = "queued", "", True
                job.starts = job.deaths = 0

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = self.one(data, "running")
        self.store.cancel(job.id)
        if job.state == "queued":
            job.state = "cancelled"
        job.stop = job.stop or job.state == "running"

    @precondition(lambda self: self.of("running"))
    @rule(
        worker=st.sampled_from(WORKERS),
        died=st.booleans(),
        guilty=st.sampled_from((None, *WORKERS)),
    )
    def release(self, worker: str, died: bool, guilty: str | None) -> None:
        theirs = [job for job in self.of("running") if f"{job.worker}-".startswith(f"{worker}-")]
        put_back = self.store.release(worker, died=died, guilty=guilty)
        assert put_back == [job.id for job in theirs]
        for job in theirs:
            job.deaths += died and (job.worker == guilty if guilty else len(theirs) == 1)
            job.starts -= not died and not job.stop  # a cancelled one stays as it was
            self.put_back(job)

    @precondition(lambda self: self.of("running"))
    @rule()
    def restart(self) -> None:
        self.store.close()
        self.open()
        assert self.store.recover() == [job.id for job in self.of("running")]
        for job in self.of("running"):
            self.put_back(job)

    def put_back(self, job: Known) -> None:
        if job.stop or job.deaths >= DEATHS or job.starts >= STARTS:
            job.end("failed")
        else:
            job.state, job.worker = "queued", ""

    @precondition(lambda self: self.jobs)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        job = self.one(data)
        over = job.state not in ("queued", "running")
        assert self.store.delete(job.id) == over
        if over:
            self.jobs.remove(job)

    @precondition(lambda self: self.of("done", "failed", "cancelled"))
    @rule(keep=st.integers(0, 3))
    def trim(self, keep: int) -> None:
        over = self.of("done", "failed", "cancelled")
        gone = over[: len(over) - keep] if keep < len(over) else []
        assert sorted(self.store.trim(keep)) == sorted(job.id for job in gone)
        self.jobs = [job for job in self.jobs if job not in gone]

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        found = self.store.find(limit=1000)
        assert [job.id for job in reversed(found)] == [job.id for job in self.jobs]
        for job, known in zip(reversed(found), self.jobs, strict=True):
            assert (job.state, job.attempts) == (known.state, known.starts)
            assert job.over == (job.finished_at is not None) == (job.step == "finished")
            assert (job.result is None) == (known.label is None)
            assert (job.reason is None) == (job.state != "failed")
        queued = self.of("queued")
        places = self.store.places(job.id for job in self.jobs)
        assert places == {job.id: k + 1 for k, job in enumerate(queued)}
        assert self.store.counts()["queued"] == len(queued)


Life.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLife = Life.TestCase
