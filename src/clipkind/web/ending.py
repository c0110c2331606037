"""Jobs that nobody wants any more, and jobs that are not there."""

from clipkind.web.http.problems import Problem
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.spool import valid_id
from clipkind.web.services import services


def get_job(id: str) -> Job:
    """The job. Raises Problem (404)."""
    job = services().store.get(id) if valid_id(id) else None
    if job is None:
        raise _unknown()
    return job


def end_job(id: str) -> Job | None:
    """Cancel a job that is not over, and return it; delete one that is, files and all.

    Raises Problem (404).
    """
    known, job = services(), get_job(id)
    if job.over:
        if known.store.delete(id):
            known.spool.drop(id)
        return None
    after = known.store.cancel(id)
    if after is None:
        raise _unknown()
    if after.state == "cancelled":  # else a worker has it, and lets go of it soon
        known.spool.drop(id)
        known.store.forget([id])
    return after


def _unknown() -> Problem:
    return Problem(404, "unknown_job", "there is no such job; it may have been deleted")
