"""Two answers side by side."""

from dataclasses import dataclass
from typing import Any

from flask import render_template, request

from clipkind.web.jobs.job import Job
from clipkind.web.jobs.spool import valid_id
from clipkind.web.pages.answers import Answer, answer_of
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.job import picture_url
from clipkind.web.pages.words import SPACE, moment, spaced, whole_percent
from clipkind.web.services import Services, services

CHOICES = 100
"""Of the latest answers, to choose from."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two."""

    job: Job
    answer: Answer
    asked: str
    """How it was asked."""
    decisive: tuple[tuple[Any, str], ...]
    """The frames that are marked, with the addresses of their pictures."""


@dataclass(frozen=True, slots=True)
class Row:
    """One class in both answers; None where a model does not know it."""

    label: str
    a: float | None
    b: float | None

    @property
    def difference(self) -> str:
        """In percentage points."""
        if self.a is None or self.b is None:
            return "not known"
        return f"{(self.b - self.a) * 100:+.1f}{SPACE}points"


@blueprint.get("/compare")
def compare() -> str:
    """The jobs `a` and `b`, or both as `id`; what is missing may be chosen on the page."""
    known = services()
    ticked = request.args.getlist("id")
    ids = [request.args.get("a") or "", request.args.get("b") or ""]
    ids = [*ticked, "", ""][:2] if ticked else ids
    sides = [_side(known, id) for id in ids]
    problem = ""
    if len(ticked) > 2:
        problem = f"{len(ticked)} videos were ticked; these are the first two of them."
    elif any(id and side is None for id, side in zip(ids, sides, strict=True)):
        problem = "One of the two has no answer, or was deleted. Choose another."
    both = None
    if sides[0] and sides[1]:
        both = {"words": _in_words(sides[0], sides[1]), "rows": _rows(sides[0], sides[1])}
    choices = _choices(known, [side.job for side in sides if side])
    return render_template("compare.html", sides=sides, choices=choices, both=both, problem=problem)


def _side(known: Services, id: str) -> Side | None:
    job = known.store.get(id) if valid_id(id) else None
    answer = answer_of(job) if job else None
    if job is None or answer is None:
        return None
    marked = sorted((frame for frame in answer.frames if frame.rank), key=lambda frame: frame.rank)
    pictures = [(frame, picture_url(job, frame.picture)) for frame in marked]
    return Side(job, answer, _asked(job), tuple((f, url) for f, url in pictures if url))


def _choices(known: Services, chosen: list[Job]) -> list[tuple[Job, str]]:
    jobs = {job.id: job for job in (*known.store.find(state="done", limit=CHOICES), *chosen)}
    answers = ((job, answer_of(job)) for job in jobs.values())
    return [
        (job, f"{_short(job.name)}, {moment(job.created_at)}: {a.headline}, {_asked(job)}")
        for job, a in answers
        if a
    ]


def _short(name: str) -> str:
    """A name of at most 48 characters: a menu would cut off what follows a longer one."""
    return name if len(name) <= 48 else f"{name[:30]}…{name[-17:]}"


def _asked(job: Job) -> str:
    parts = [job.model]
    if job.tta:
        parts.append("four ways")
    if job.risk is not None:
        parts.append(f"risk {whole_percent(job.risk)}")
    return ", ".join(parts)


def _in_words(a: Side, b: Side) -> str:
    if a.answer.headline != b.answer.headline:
        return f"The answers differ: {a.answer.headline}, and {b.answer.headline}."
    if a.answer.confidence is None or b.answer.confidence is None:
        return f"Both answers are the same: {a.answer.headline}."
    points = (b.answer.confidence - a.answer.confidence) * 100
    if abs(points) < 0.05:
        return f"Both answers are {a.answer.headline}, and as sure as each other."
    more = "surer" if points > 0 else "less sure"
    return f"Both answers are {a.answer.headline}; the second is {abs(points):.1f} points {more}."


def _rows(a: Side, b: Side) -> list[Row]:
    shares = [{bar.label: bar.share for bar in side.answer.bars} for side in (a, b)]
    labels = dict.fromkeys((*a.answer.classes, *b.answer.classes))
    return [Row(spaced(name), shares[0].get(name), shares[1].get(name)) for name in labels]
