"""Where a job is, for the pages that show it under way."""

from collections.abc import Sequence
from dataclasses import dataclass

from flask import url_for

from clipkind.web.jobs.job import Job
from clipkind.web.pages.answers import Answer, answer_of
from clipkind.web.pages.words import bytes_, span
from clipkind.web.services import Services
from clipkind.web.telling import tell

SOURCES = (("upload", "uploaded"), ("link", "a link"), ("dataset", "the data set"))
STATES = (
    ("queued", "waiting"),
    ("running", "running"),
    ("done", "answered"),
    ("failed", "no answer"),
    ("cancelled", "cancelled"),
)
_TITLES = {
    "waiting": "Wait",
    "fetching": "Fetch",
    "decoding": "Look at frames",
    "network": "Ask the network",
    "finished": "Answer",
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One of the steps to an answer."""

    name: str
    title: str
    kind: str
    """past, now or next."""


@dataclass(frozen=True, slots=True)
class Live:
    """A job and what to say of it. The page's script says the same (static/progress.js)."""

    job: Job
    words: str
    share: float | None
    """Of the step, 0 to 1; None: not known."""
    left: str
    steps: tuple[Stage, ...]
    answer: Answer | None
    picture: str | None
    """Address of a picture of the video."""
    source: str


def live_jobs(known: Services, jobs: Sequence[Job]) -> list[Live]:
    """All of them, asked for in one go."""
    told = tell(known, jobs)
    return [live_of(job, one["place"], one["eta_s"]) for job, one in zip(jobs, told, strict=True)]


def live_of(job: Job, place: int | None, eta_s: float | None) -> Live:
    """The job with its place in the queue and the seconds left."""
    answer = answer_of(job)
    return Live(
        job=job,
        words=_words(job, place),
        share=job.done / job.total if job.total else (0.0 if job.state == "queued" else None),
        left="" if eta_s is None else f"About {span(eta_s)} left",
        steps=_steps(job),
        answer=answer,
        picture=_picture(job, answer),
        source=dict(SOURCES)[job.source],
    )


def _words(job: Job, place: int | None) -> str:
    if job.state == "queued":
        return f"Waiting, number {place} in the queue" if place else "Waiting"
    if job.step == "fetching":
        of = f" of {bytes_(job.total)}" if job.total else ""
        return f"Fetching: {bytes_(job.done)}{of}"
    if job.step == "decoding":
        return f"Looking at frame {job.done} of {job.total}" if job.total else "Opening the video"
    return "Asking the network" if job.step == "network" else "Starting"


def _steps(job: Job) -> tuple[Stage, ...]:
    names = [name for name in _TITLES if name != "fetching" or job.source == "link"]
    now = names.index(job.step) if job.step in names else 0
    kinds = ["past"] * now + ["now"] + ["next"] * (len(names) - now - 1)
    return tuple(Stage(n, _TITLES[n], kind) for n, kind in zip(names, kinds, strict=True))


def _picture(job: Job, answer: Answer | None) -> str | None:
    if answer is not None and job.kept and (frames := answer.frames):
        best = min(frames, key=lambda frame: frame.rank or 9)
        if best.picture is not None:
            return url_for("api.job_frame", id=job.id, k=best.picture)
    if job.source == "dataset" and job.video_id:
        return url_for("api.video_thumbnail", id=job.video_id)
    return None
