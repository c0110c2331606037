"""What is asked of a large request by its head, before its body is received."""

from collections.abc import Callable
from typing import Any

from flask import Flask

from clipkind.errors import ClipkindError
from clipkind.web.asking import check_room
from clipkind.web.http.problems import Problem, problem_of
from clipkind.web.http.security import check_request, settle_host
from clipkind.web.http.uploads import FORM_MEMORY, may_bring_video
from clipkind.web.services import services


def gate(app: Flask) -> Callable[[dict[str, Any]], Problem | None]:
    """A function from a WSGI environment to why that request is refused; None: it is not."""

    def refuse(environ: dict[str, Any]) -> Problem | None:
        settle_host(environ)
        services(app).proxies.settle(environ)
        with app.request_context(environ):
            try:
                return _refusal()
            except Problem as problem:
                return problem
            except ClipkindError as error:
                return problem_of(error)

    return refuse


def _refusal() -> Problem | None:
    if check_request() is not None:
        return Problem(401, "token_needed", "sign in first")
    if not may_bring_video():
        return Problem(
            413, "too_large", f"at most {FORM_MEMORY} bytes are taken here, videos aside"
        )
    check_room(services())
    return None
