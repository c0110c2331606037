"""Files of jobs that need them no more: they go, and the store learns of it."""

from collections.abc import Sequence

from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore


def drop(store: JobStore, spool: Spool, ids: Sequence[str]) -> None:
    """Delete the files of jobs that are over. Raises StorageError."""
    for id in ids:
        spool.drop(id)
    store.forget(ids)


def drop_cancelled(store: JobStore, spool: Spool, ids: Sequence[str]) -> None:
    """Delete the files of those jobs that were cancelled: nobody waits for an answer from them.

    Raises StorageError.
    """
    jobs = [job for id in ids if (job := store.get(id)) is not None]
    drop(store, spool, [job.id for job in jobs if job.state == "cancelled" and job.kept])
