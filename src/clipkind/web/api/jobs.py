"""Jobs over HTTP: asking, listing, following, ending."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from flask import Response, request, url_for

from clipkind.web.api import events
from clipkind.web.api.describe import JSON, Answer, Operation, describes, read_query
from clipkind.web.api.shapes import JobPage
from clipkind.web.asking import Asked, Options, accept_form, accept_json
from clipkind.web.ending import end_job, get_job
from clipkind.web.http.limits import Held
from clipkind.web.http.problems import Problem
from clipkind.web.http.uploads import takes_video
from clipkind.web.jobs.job import Job, Source, State
from clipkind.web.services import Services, services
from clipkind.web.telling import JobInfo, tell, tell_one

PAGE = 500
"""Jobs read at a time for a download."""
_CSV_COLUMNS = (
    "id", "name", "source", "url", "video_id", "state", "label", "confidence", "calibrated",
    "decision", "truth", "right", "model", "tta", "risk", "created_at", "finished_at", "reason",
    "message",
)  # fmt: skip
_IDS = ("id", "video_id")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True, kw_only=True)
class JobQuery:
    """Which jobs to list."""

    state: State | None = None
    label: Annotated[str | None, {"maxLength": 200}] = None
    """Of the answer."""
    text: Annotated[str | None, {"maxLength": 200}] = None
    """Somewhere in the name or the link, whatever its case."""
    source: Source | None = None
    before: Annotated[float | None, {"minimum": 0, "maximum": 1e12}] = None
    """`next` of the page before."""
    limit: Annotated[int, {"minimum": 1, "maximum": 500}] = 50
    format: Literal["json", "csv"] = "json"
    """CSV has all jobs that meet the rest, not only `limit` of them."""
    download: bool = False
    """JSON with all of them too, as a file."""


@takes_video
@describes(
    Operation(
        summary="Ask what kind of content a video is: send it, or say where it is",
        body=Asked,
        form=Options,
        answers={
            202: Answer("The job that answers.", JobInfo, headers={"Location": "Of the job."})
        },
        problems=(403, 413, 415, 422, 429, 503, 507),
    )
)
def add_job() -> tuple[dict[str, Any], int, dict[str, str]]:
    """One job for one video."""
    if request.mimetype == "multipart/form-data":
        job = accept_form()
    elif request.mimetype == JSON:
        job = accept_json()
    else:
        raise Problem(
            415, "unsupported_media_type", "send multipart/form-data with a file, or JSON"
        )
    return tell_one(services(), job), 202, {"Location": url_for("api.show_job", id=job.id)}


@describes(
    Operation(
        summary="Jobs, the newest first",
        query=JobQuery,
        answers={200: Answer("A page of jobs.", JobPage, ("text/csv",))},
        problems=(422, 503),
    )
)
def list_jobs() -> Response | dict[str, Any]:
    """Those that meet all of the query."""
    known, query = services(), read_query(JobQuery)
    if query.format == "csv":
        rows = _csv_lines(_all(known, query))
        return _attachment(known, rows, "text/csv; charset=utf-8", "jobs.csv")
    if query.download:
        return _attachment(known, _json_lines(known, _all(known, query)), JSON, "jobs.json")
    # one more than asked for, to know whether there is a next page
    jobs = _find(known, replace(query, limit=query.limit + 1))
    more = len(jobs) > query.limit
    jobs = jobs[: query.limit]
    return {"jobs": tell(known, jobs), "next": jobs[-1].created_at if more else None}


@describes(
    Operation(
        summary="A job, with its answer once it is done",
        answers={200: Answer("The job.", JobInfo)},
        problems=(404,),
    )
)
def show_job(id: str) -> dict[str, Any]:
    """One job."""
    return tell_one(services(), get_job(id))


@describes(
    Operation(
        summary="Cancel a job that is not over; delete one that is, with its video and pictures",
        answers={
            202: Answer("It is cancelled, or will be as soon as the worker hears of it.", JobInfo),
            204: Answer("It is deleted."),
        },
        problems=(403, 404),
    )
)
def remove_job(id: str) -> tuple[dict[str, Any] | str, int]:
    """One job."""
    job = end_job(id)
    return (tell_one(services(), job), 202) if job is not None else ("", 204)


@describes(
    Operation(
        summary="Follow a job: server-sent events `job` with the job as JSON, until it is over",
        answers={200: Answer("The events.", media_types=("text/event-stream",))},
        problems=(404, 503),
    )
)
def job_events(id: str) -> Response:
    """One job."""
    return events.stream(services(), get_job(id))


def _find(known: Services, query: JobQuery) -> list[Job]:
    return known.store.find(
        state=query.state,
        label=query.label,
        text=query.text,
        source=query.source,
        before=query.before,
        limit=query.limit,
    )


def _all(known: Services, query: JobQuery) -> Iterator[Job]:
    query = replace(query, limit=PAGE)
    while jobs := _find(known, query):
        yield from jobs
        query = replace(query, before=jobs[-1].created_at)


def _attachment(known: Services, lines: Iterator[str], content_type: str, name: str) -> Response:
    """A file that is written as the client reads it, which holds a thread. Raises Problem (503)."""
    headers = {"Content-Disposition": f'attachment; filename="clipkind-{name}"'}
    held = Held(lines, known.limits.streams)
    return Response(held, content_type=content_type, headers=headers)


def _json_lines(known: Services, jobs: Iterator[Job]) -> Iterator[str]:
    opening = '{"jobs": [\n'
    for job in jobs:
        yield opening + json.dumps(tell_one(known, job))
        opening = ",\n"
    yield ('{"jobs": [' if opening[0] == "{" else "\n") + '], "next": null}\n'


def _csv_lines(jobs: Iterator[Job]) -> Iterator[str]:
    yield ",".join(_CSV_COLUMNS) + "\r\n"
    for job in jobs:
        line = io.StringIO()
        cells = zip(_CSV_COLUMNS, _row(job), strict=True)
        csv.writer(line).writerow([_cell(column, value) for column, value in cells])
        yield line.getvalue()


def _row(job: Job) -> list[Any]:
    result = job.result or {}
    label = result.get("label")
    values = job.to_json() | {key: result.get(key) for key in ("label", "confidence", "calibrated")}
    values["decision"] = result.get("decision")
    values["right"] = None if not label or not job.truth else label == job.truth
    return [values[column] for column in _CSV_COLUMNS]


def _cell(column: str, value: Any) -> Any:
    """Spreadsheets run a cell that begins like a formula; whoever names a file could write one.

    An id may begin so too, but it is ours, and has to stay one.
    """
    if isinstance(value, str) and column not in _IDS and value.startswith(_FORMULA):
        return f"'{value}"
    return value
