"""A worker's part in a job with a link: fetching its video, which then waits for its turn."""

import time

from clipkind.errors import ClipkindError
from clipkind.web.jobs.failures import Failure, QuotaFull
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.settings import Settings

TELL_S = 0.25
"""Seconds between two words on how far a job is."""


class Fetcher:
    """Fetches links. For use from several threads."""

    def __init__(self, settings: Settings, store: JobStore, spool: Spool) -> None:
        self._settings, self._store, self._spool = settings, store, spool

    def fetch(self, job: Job) -> None:
        """Do a claimed job's part and store what came of it."""
        from clipkind.web.links import LinkRefused, fetch

        try:
            fetched = fetch(
                job.url or "",
                self._spool.part(job.id),
                settings=self._settings,
                progress=_Progress(self._store, self._spool, job),
            )
            self._spool.accept(job.id)
        except LinkRefused as error:
            self._fail(job, error.reason, error)
        except QuotaFull as error:
            self._fail(job, Failure.QUOTA_FULL, error)
        else:
            self._store.fetched(job.id, fetched.name)

    def _fail(self, job: Job, reason: str, error: ClipkindError) -> None:
        self._spool.drop(job.id)
        self._store.forget([job.id])
        self._store.fail(job.id, reason, str(error))  # cancelled, where that was why


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
        self._spool.check_room(max(done, total))
        return self._store.progress(self._job.id, "fetching", done, total)
