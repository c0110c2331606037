"""Jobs over HTTP: asking, listing, following, ending."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

from flask import Response, request, url_for

from clipkind.web.api import events
from clipkind.web.api.describe import JSON, Answer, Operation, describes, read_query
from clipkind.web.api.downloads import csv_file, json_file
from clipkind.web.api.shapes import JobPage
from clipkind.web.asking import Asked, Options, accept_form, accept_json
from clipkind.web.ending import end_job, get_job
from clipkind.web.http.problems import Problem
from clipkind.web.http.uploads import takes_video
from clipkind.web.jobs.job import Job, Source, State
from clipkind.web.services import Services, services
from clipkind.web.telling import JobInfo, tell, tell_one

PAGE = 500
"""Jobs read at a time for a download."""


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
        return csv_file(known, _all(known, query))
    if query.download:
        return json_file(known, _all(known, query))
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
