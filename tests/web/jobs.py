"""Jobs to put into a store."""

from typing import Any

from clipkind.web.jobs.job import Job, NewJob
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore


def new_job(**more: Any) -> NewJob:
    """A job as a client may send it."""
    what: dict[str, Any] = {"source": "upload", "name": "a.mp4", "model": "m"} | more
    return NewJob(id=Spool.new_id(), **what)


def add(store: JobStore, **more: Any) -> Job:
    """Accept such a job."""
    return store.add(new_job(**more), limit=1000)
