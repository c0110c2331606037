"""A job's way to its answer as server-sent events: one at once, then one at every change."""

import json
import time
from collections.abc import Callable, Iterator

from flask import Response, request

from clipkind.web.http.limits import Held
from clipkind.web.jobs.job import Job
from clipkind.web.services import Services
from clipkind.web.telling import tell_one

POLL_S = 0.2
"""Between looks at the store: one number, unless something changed."""
HEARTBEAT_S = 10.0
"""Between signs of life where nothing changes; a client that went away is found out by them."""
LONGEST_S = 3600.0
"""After which a stream ends; browsers then ask anew by themselves."""
RETRY_MS = 2000


def stream(known: Services, job: Job) -> Response:
    """The stream of a job. It holds a thread: raises Problem (503) where too many do."""
    return Response(
        Held(_events(known, job.id, client_gone()), known.limits.streams),
        content_type="text/event-stream; charset=utf-8",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def client_gone() -> Callable[[], bool]:
    """Tells whether the client of the current request went away; to be asked from anywhere."""
    gone: Callable[[], bool] = request.environ.get("waitress.client_disconnected", lambda: False)
    return gone


def wait_until_over(
    known: Services, id: str, seconds: float, gone: Callable[[], bool] = lambda: False
) -> Job | None:
    """The job when it is over; None where that takes longer, the client is `gone`, or the server
    ends."""
    end = time.monotonic() + seconds
    seen = None
    while time.monotonic() < end and not gone():
        version = known.store.version()
        if version != seen and ((job := known.store.get(id)) is None or job.over):
            return job
        seen = version
        if known.closing.wait(POLL_S):
            return None
    return None


def _events(known: Services, id: str, gone: Callable[[], bool]) -> Iterator[bytes]:
    yield f"retry: {RETRY_MS}\n\n".encode()
    told, began = "", time.monotonic()
    seen: int | None = None
    sent = began
    while not gone() and time.monotonic() - began < LONGEST_S:
        version = known.store.version()
        if version != seen:
            seen, job = version, known.store.get(id)
            if job is None:
                yield b"event: gone\ndata: {}\n\n"
                return
            if (text := json.dumps(tell_one(known, job))) != told:
                told, sent = text, time.monotonic()
                yield f"event: job\ndata: {text}\n\n".encode()
            if job.over:
                return
        if time.monotonic() - sent > HEARTBEAT_S:
            sent = time.monotonic()
            yield b": still there\n\n"
        if known.closing.wait(POLL_S):
            return
