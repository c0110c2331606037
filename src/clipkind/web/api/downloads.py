"""Many jobs as one file: JSON, or CSV for spreadsheets."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from flask import Response

from clipkind.web.api.describe import JSON
from clipkind.web.http.limits import Held
from clipkind.web.jobs.job import Job
from clipkind.web.services import Services
from clipkind.web.telling import tell_one

_JOB = (
    "id", "name", "source", "url", "video_id", "state", "truth", "right", "model", "tta", "risk",
    "created_at", "finished_at", "reason", "message",
)  # fmt: skip
_ANSWER = ("status", "label", "labels", "decision", "confidence", "calibrated", "strangeness")
"""Columns from `clipkind classify --json`; a `p_` and a class each come after them."""
_IDS = ("id", "video_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def json_file(known: Services, jobs: Iterator[Job]) -> Response:
    """What a page of the list has, with all of them. Raises Problem (503)."""
    return _attachment(known, _json_lines(known, jobs), JSON, "jobs.json")


def csv_file(known: Services, jobs: Iterator[Job]) -> Response:
    """A header and a line for each. Raises Problem (503)."""
    lines = _csv_lines(jobs, _classes(known))
    return _attachment(known, lines, "text/csv; charset=utf-8", "jobs.csv")


def _attachment(known: Services, lines: Iterator[str], content_type: str, name: str) -> Response:
    """A file that is written as the client reads it, which holds a thread."""
    headers = {"Content-Disposition": f'attachment; filename="clipkind-{name}"'}
    held = Held(lines, known.limits.streams)
    return Response(held, content_type=content_type, headers=headers)


def _json_lines(known: Services, jobs: Iterator[Job]) -> Iterator[str]:
    opening = '{"jobs": [\n'
    for job in jobs:
        yield opening + json.dumps(tell_one(known, job))
        opening = ",\n"
    yield ('{"jobs": [' if opening[0] == "{" else "\n") + '], "next": null}\n'


def _classes(known: Services) -> list[str]:
    """Of all models there are, in their order."""
    models = known.models
    return list(
        dict.fromkeys(c for name in models.names for c in models.bundle(name).contract.class_names)
    )


def _csv_lines(jobs: Iterator[Job], classes: list[str]) -> Iterator[str]:
    yield _line([*_JOB, *_ANSWER, *(f"p_{name}" for name in classes)])
    for job in jobs:
        yield _line(_row(job, classes))


def _line(cells: list[Any]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()


def _row(job: Job, classes: list[str]) -> list[Any]:
    result = job.result or {}
    label, shares = result.get("label"), result.get("probabilities") or {}
    of_job = job.to_json() | {"right": label == job.truth if label and job.truth else None}
    of_answer = result | {"labels": ";".join(result.get("labels") or ())}
    return [
        *(_cell(column, of_job[column]) for column in _JOB),
        *(_cell(column, of_answer.get(column)) for column in _ANSWER),
        *(shares.get(name) for name in classes),
    ]


def _cell(column: str, value: Any) -> Any:
    """Spreadsheets run a cell that begins like a formula; whoever names a file could write one.

    An id may begin so too, but it is ours, and has to stay one.
    """
    if isinstance(value, str) and column not in _IDS and value.startswith(_FORMULA):
        return f"'{value}"
    return value
