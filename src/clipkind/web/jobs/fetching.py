"""A worker's part in a job with a link: fetching its video, which then waits for its turn."""

import logging
import time

from clipkind.web.jobs.failures import Failure, QuotaFull
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.leftovers import drop, drop_cancelled
from clipkind.web.jobs.spool import Spool, full_disk_is_full_quota
from clipkind.web.jobs.store import JobStore
from clipkind.web.settings import Settings

_LOG = logging.getLogger(__name__)
TELL_S = 0.25
"""Seconds between two words on how far a job is."""


class Fetcher:
    """Fetches links. For use from several threads."""

    def __init__(self, settings: Settings, store: JobStore, spool: Spool) -> None:
        self._settings, self._store, self._spool = settings, store, spool

    def fetch(self, job: Job) -> None:
        """Do a claimed job's part and store what came of it."""
        from clipkind.web.links import LinkReason, LinkRefused

        try:
            with full_disk_is_full_quota():
                name = self._fetch(job)
        except LinkRefused as error:
            self._fail(job, error.reason, str(error))
        except QuotaFull as error:
            self._fail(job, Failure.QUOTA_FULL, str(error))
        except OSError as error:  # the others' videos need not suffer from it
            _LOG.error("a link cannot be fetched: %s", error)
            message = "the server cannot keep what the link leads to; try again later"
            self._fail(job, LinkReason.CRASHED, message)
        else:
            self._store.fetched(job.id, name)
            drop_cancelled(self._store, self._spool, [job.id])

    def _fetch(self, job: Job) -> str:
        from clipkind.web.links import fetch

        fetched = fetch(
            job.url or "",
            self._spool.part(job.id),
            settings=self._settings,
            progress=_Progress(self._store, self._spool, job),
        )
        self._spool.accept(job.id)
        return fetched.name

    def _fail(self, job: Job, reason: str, message: str) -> None:
        # first: a job that goes back to the queue without its files would lose them once more
        self._store.fail(job.id, reason, message)  # cancelled, where that was why
        drop(self._store, self._spool, [job.id])


class _Progress:
    """Tells how much there is, and whether to go on."""

    def __init__(self, store: JobStore, spool: Spool, job: Job) -> None:
        self._store, self._spool, self._job = store, spool, job
        self._told = 0.0

    def __call__(self, done: int, total: int) -> bool:
        """Raises QuotaFull."""
        now = time.monotonic()
        if now - self._told < TELL_S:
            return True
        self._told = now
        self._spool.expect(self._job.id, max(done, total))
        return self._store.progress(self._job.id, "fetching", done, total)
