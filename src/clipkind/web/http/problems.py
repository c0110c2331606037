"""What goes wrong between a client and the server: programs get RFC 9457, people a page.

Nobody gets a trace: an internal error is told by an id, under which the server's log has it.
"""

import json
import secrets
import sys
import time
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from clipkind.web.jobs.failures import QueueFull, QuotaFull, StorageError

MEDIA_TYPE = "application/problem+json"
FOR_PROGRAMS = ("/api/v1/", "/healthz", "/readyz", "/metrics")
DOCUMENTED = ("/api/videos", "/api/classify")
"""Paths of the documented app, whose errors look as they did there."""
_CODES = {413: "too_large", 415: "unsupported_media_type", 416: "no_such_range"}
_DETAILS = {
    404: "there is nothing here by that name",
    405: "this address does not answer to that method",
    413: "the request is larger than this server takes",
    416: "the file does not reach that far",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemDetails:
    """A problem as programs get it (RFC 9457)."""

    type: str = "about:blank"
    title: str
    """What the status means."""
    status: int
    detail: str
    """What happened, with the way out."""
    code: str
    """A stable name of the problem, which programs may match on."""
    id: str | None = None
    """Of an internal error: what to look for in the server's log."""


class Problem(HTTPException):
    """Ends a request. `code` is a stable name that programs may match on, `detail` one line."""

    def __init__(
        self, status: int, code: str, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, code, detail
        self.code = status  # werkzeug's word for the status
        self.headers = dict(headers or {})
        self.id: str | None = None


def install(app: Flask) -> None:
    """Answer every error of `app` in the words of who asks."""
    app.register_error_handler(HTTPException, _answer_http)
    app.register_error_handler(Exception, _answer_other)


def problem_body(status: int, code: str, detail: str, id: str | None = None) -> dict[str, Any]:
    """`ProblemDetails` as JSON, without an id that it has not."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
    }
    return body | ({"id": id} if id else {})


def for_programs(path: str) -> bool:
    """Whether errors at that path are for programs."""
    return path.startswith(FOR_PROGRAMS) or path in DOCUMENTED


def _answer_http(error: HTTPException) -> Response:
    if isinstance(error, RequestRedirect) or error.code is None:
        return error.get_response()  # type: ignore[return-value]  # of werkzeug, as Flask takes it
    if isinstance(error, Problem):
        return _told(error)
    status = error.code if error.code in HTTPStatus._value2member_map_ else 400
    code = _CODES.get(status, HTTPStatus(status).phrase.lower().replace(" ", "_"))
    detail = _DETAILS.get(status) or (error.description or HTTPStatus(status).phrase).lower()
    kept = {k: v for k, v in error.get_headers() if k in ("Allow", "Content-Range")}
    return _told(Problem(status, code, detail, kept))


def problem_of(error: Exception) -> Problem:
    """What clients are told of an error of the current request; one inside the server is logged."""
    if isinstance(error, QueueFull):
        return Problem(503, "queue_full", str(error), {"Retry-After": "30"})
    if isinstance(error, QuotaFull):
        return Problem(507, "quota_full", str(error), {"Retry-After": "600"})
    words = "an error inside the server; whoever runs it finds it in its log under this id"
    if isinstance(error, StorageError):
        problem = Problem(503, "storage", words, {"Retry-After": "30"})
    else:
        problem = Problem(500, "internal", words)
    problem.id = secrets.token_hex(8)
    log("error", id=problem.id, path=request.path, method=request.method, error=error)
    return problem


def _answer_other(error: Exception) -> Response:
    return _told(problem_of(error))


def log(event: str, error: BaseException | None = None, **facts: Any) -> None:
    """One line of JSON on stderr; an error comes with its trace.

    Where it cannot be written it is lost: no full disk and no reader that went away is to end what
    had something to tell, such as the thread that hears all clients.
    """
    line: dict[str, Any] = {"time": round(time.time(), 3), "event": event, **facts}
    if error is not None:
        line["error"] = f"{type(error).__name__}: {error}"
        line["trace"] = "".join(traceback.format_exception(error))
    with suppress(OSError, ValueError, AttributeError):  # full, closed, never there (None)
        sys.stderr.write(json.dumps(line) + "\n")
        sys.stderr.flush()


def _told(problem: Problem) -> Response:
    status = problem.status
    if request.path in DOCUMENTED:
        return _json({"success": False, "error": problem.detail}, "application/json", problem)
    if for_programs(request.path):
        body = problem_body(status, problem.kind, problem.detail, problem.id)
        return _json(body, MEDIA_TYPE, problem)
    page = render_template(
        "problem.html",
        status=status,
        title=HTTPStatus(status).phrase,
        detail=problem.detail,
        code=problem.kind,
        error_id=problem.id,
    )
    return Response(page, status, problem.headers, content_type="text/html; charset=utf-8")


def _json(body: dict[str, Any], media_type: str, problem: Problem) -> Response:
    return Response(json.dumps(body), problem.status, problem.headers, content_type=media_type)
