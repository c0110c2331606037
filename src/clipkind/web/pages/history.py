"""All jobs, with a filter, and their answers as files."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for

from clipkind.web.jobs.job import Job, State
from clipkind.web.models import Models
from clipkind.web.pages.answers import Answer, answer_of
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.live import SOURCES, STATES, live_jobs
from clipkind.web.services import Services, services

PAGE = 50
SCAN = 2000
"""Jobs that one page looks through, at most, for those that fit."""
_BATCH = 200
KINDS = (
    ("single", "one label"),
    ("several", "several labels"),
    ("unsure", "unsure"),
    ("partial", "of part of a video"),
    ("right", "right"),
    ("wrong", "wrong"),
    ("refused", "no answer"),
)
_CHOICES = {"state": STATES, "source": SOURCES, "kind": KINDS}
_FITS: dict[str, Callable[[Answer], bool]] = {
    "partial": lambda answer: answer.partial,
    "right": lambda answer: True in (answer.right, answer.among),
    "wrong": lambda answer: False in (answer.right, answer.among),
}


@dataclass(frozen=True, slots=True)
class Found:
    """Jobs that fit."""

    jobs: list[Job]
    """At most `PAGE`, the newest first."""
    before: float | None
    """Where to go on; None: there are no more."""
    looked: int
    """Jobs that were looked at, where that was not all there are; else 0."""


@blueprint.get("/jobs")
def history() -> str:
    """The jobs that fit `text`, `label`, `kind`, `state` and `source`, older ones `before`."""
    known = services()
    asked, problem = _asked()
    before = request.args.get("before", type=float)
    found = _find(known, asked, before)
    link = found.before is not None
    older = url_for("pages.history", **asked, before=repr(found.before)) if link else None
    files = {name: value for name, value in asked.items() if name != "kind"}
    if asked["kind"] == "refused":
        files["state"] = "failed"
    counts = known.store.counts()
    return render_template(
        "history.html",
        rows=live_jobs(known, found.jobs),
        looked=found.looked,
        asked=asked,
        problem=problem,
        filtered=any(asked.values()) or before is not None,
        labels=list(dict.fromkeys([*class_names(known.models), *filter(None, [asked["label"]])])),
        choices=_CHOICES,
        counts=counts,
        total=sum(counts.values()),
        older=older,
        newest=url_for("pages.history", **asked) if before is not None else None,
        files_note=_files_note(asked),
        downloads={
            "csv": url_for("api.list_jobs", **files, format="csv"),
            "json": url_for("api.list_jobs", **files, format="json", download="true"),
        },
    )


def class_names(models: Models) -> list[str]:
    """The classes of all models, each once."""
    names = (name for model in models.names for name in models.bundle(model).contract.class_names)
    return list(dict.fromkeys(names))


def _find(known: Services, asked: dict[str, Any], before: float | None) -> Found:
    """What the store can tell it looks for; labels and kinds of answers are read in the answers."""
    label, kind = asked["label"], asked["kind"]
    state: State | None = asked["state"]
    if state is None and (label or kind):
        state = "failed" if kind == "refused" else "done"
    jobs: list[Job] = []
    looked = 0
    while looked < SCAN:
        batch = known.store.find(
            state=state, text=asked["text"], source=asked["source"], before=before, limit=_BATCH
        )
        for job in batch:
            if _fits(job, label, kind):
                if len(jobs) == PAGE:
                    return Found(jobs, jobs[-1].created_at, 0)
                jobs.append(job)
        looked += len(batch)
        if len(batch) < _BATCH:
            return Found(jobs, None, 0)
        before = batch[-1].created_at
    return Found(jobs, before, looked)


def _fits(job: Job, label: str | None, kind: str | None) -> bool:
    if kind == "refused":
        return job.state == "failed" and not label
    if not label and not kind:
        return True
    answer = answer_of(job)
    if answer is None or (label and not any(b.chosen and b.label == label for b in answer.bars)):
        return False
    fits = _FITS.get(kind or "")
    return fits(answer) if fits else kind in (None, answer.decision)


def _files_note(asked: dict[str, Any]) -> str:
    """What the files hold, where that is not what the page shows."""
    notes = []
    if asked["label"]:
        notes.append("only answers of this one label")
    if asked["kind"] and asked["kind"] != "refused":
        notes.append("answers of every kind")
    return f"The files hold {', and '.join(notes)}." if notes else ""


def _asked() -> tuple[dict[str, Any], str]:
    """What of the address makes sense, and a line about the rest, which counts as not given."""
    asked: dict[str, Any] = {
        "text": request.args.get("text", "").strip()[:200] or None,
        "label": request.args.get("label", "")[:200] or None,
    }
    unknown = []
    for name, choices in _CHOICES.items():
        value = request.args.get(name) or None
        if value is not None and value not in dict(choices):
            unknown.append(f"{name} “{value[:40]}”")
            value = None
        asked[name] = value
    problem = f"There is no {' and no '.join(unknown)}: that part of the filter is left out."
    return asked, problem if unknown else ""
