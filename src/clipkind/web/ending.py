"""Jobs that nobody wants any more, and jobs that are not there."""

from clipkind.web.http.problems import Problem
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.leftovers import drop_cancelled
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
        known.spool.drop(id)  # first: on a full disk it makes the room that the store needs
        known.store.delete(id)
        return None
    return cancel_job(id)


def cancel_job(id: str) -> Job:
    """Cancel a job, and return it as it is then: one that was over stays as it was.

    Raises Problem (404).
    """
    known = services()
    after = known.store.cancel(id)
    if after is None:
        raise _unknown()
    drop_cancelled(known.store, known.spool, [id])  # a worker that has it does so soon
    return after


def _unknown() -> Problem:
    return Problem(404, "unknown_job", "there is no such job; it may have been deleted")
