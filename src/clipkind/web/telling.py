"""Jobs as clients are told of them: with their place in the queue and the time left."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from clipkind.web.jobs.job import Job
from clipkind.web.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class JobInfo(Job):
    """`Job.to_json`, for the schema of the API."""

    place: int | None = None
    """How many jobs are before it in the queue, plus one; null unless it is queued."""
    eta_s: float | None = None
    """Seconds left, going by the frames decoded so far, before that by the last jobs; null where
    nothing tells."""


NOT_TOLD = ("client", "attempts")
"""Fields of a job that stay with the server."""


def tell(known: Services, jobs: Sequence[Job]) -> list[dict[str, Any]]:
    """The JSON of each job."""
    queued = [job.id for job in jobs if job.state == "queued"]
    places = known.store.places(queued) if queued else {}
    running = any(job.state == "running" for job in jobs)
    mean = known.store.seconds_per_job() if queued or running else None
    workers, now = known.settings.workers, time.time()
    return [
        job.to_json(places.get(job.id), _eta_s(job, places.get(job.id), mean, workers, now))
        for job in jobs
    ]


def tell_one(known: Services, job: Job) -> dict[str, Any]:
    """The JSON of a job."""
    return tell(known, [job])[0]


def _eta_s(
    job: Job, place: int | None, mean: float | None, workers: int, now: float
) -> float | None:
    """Seconds until the job is over. Of one whose frames are not yet, or all, decoded and that
    takes longer than most, none can tell."""
    if job.step == "decoding" and job.done and job.started_at is not None:
        return round((now - job.started_at) * (job.total - job.done) / job.done, 1)
    if mean is None:
        return None
    if job.state == "queued" and place is not None and job.source != "link":
        return round(mean * -(-place // workers), 1)
    if job.state == "running" and job.step != "fetching" and job.started_at is not None:
        left = mean - (now - job.started_at)
        return round(left, 1) if left > 0 else None
    return None
