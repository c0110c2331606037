"""waitress, held to what it does not ask of clients by itself.

It receives requests in one thread and gives them to others when they are whole, so a slow client
costs a socket and not a thread. Here such a client has a deadline, and so has one that does not
read its answer; a request with a large body is looked at before the body is read; all bodies on
their way together have a bound, and those of one client another; lengths that a proxy may read in
another way are refused; and errors in the HTTP itself are told as problems, as all others are.
"""

import json
import re
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO
from typing import Any
from urllib.parse import unquote_to_bytes

from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import Error

from clipkind.web.http.limits import neighbourhood
from clipkind.web.http.problems import MEDIA_TYPE, Problem, problem_body, problem_of
from clipkind.web.http.proxies import Proxies
from clipkind.web.http.uploads import FORM_MEMORY
from clipkind.web.jobs.failures import QuotaFull
from clipkind.web.jobs.spool import full_disk_is_full_quota
from clipkind.web.settings import Settings

CONNECTIONS = 900
"""Open at a time, at most; each may have a file besides."""
IDLE_S = 60.0
"""A connection may be silent."""
HEAD_S = 15.0
"""A client has to send a request's first bytes and its head, and to get its body going."""
SLOWEST = 16_000
"""Bytes a second of a body, on average, below which it is given up."""
STALLED_S = 60.0
"""A client may read nothing of an answer; a thread may be waiting to write the rest of it."""
CLIENTS_SHARE = 4
"""All that is on its way from one client may have the quota divided by this, or one body."""
_LENGTHS = re.compile(rb"(?im)^(?:content-length|transfer-encoding)[ \t]*:")
_CODES = {408: "too_slow", 413: "too_large", 431: "head_too_large", 501: "not_implemented"}

LINGER_S = 30.0
"""Refused bodies are received and thrown away, so that clients come to read why."""

Gate = Callable[[dict[str, Any]], Problem | None]


class Refused(Error):  # type: ignore[misc]  # waitress has no types
    """A request that is answered before its end."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.detail)
        self.code, self.name, self.headers = problem.status, problem.kind, problem.headers
        self.id = problem.id


class _Parser(HTTPRequestParser):  # type: ignore[misc]
    """Refuses requests whose length can be read in two ways: where a proxy in front took the other
    one, the rest of a request would be another request to us."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        old_chunks = self.version != "1.1" and "TRANSFER_ENCODING" in self.headers
        if old_chunks or len(_LENGTHS.findall(header_plus)) > 1:
            raise ParsingError("the length of the body is given in two ways")

    def close(self) -> None:
        """Free the body, also where what is not yet written of it finds the disk full."""
        with suppress(OSError):
            super().close()


class _ErrorTask(ErrorTask):  # type: ignore[misc]
    """Tells the parser's errors."""

    def execute(self) -> None:
        error = self.request.error
        if not isinstance(error, Refused):
            code = _CODES.get(error.code, "bad_request")
            error = Refused(Problem(error.code, code, f"{error.reason}: {error.body}".lower()))
        body = problem_body(error.code, error.name, error.body, error.id)
        text = json.dumps(body).encode()
        self.status = f"{error.code} {body['title']}"
        headers = {"Content-Type": MEDIA_TYPE, "X-Content-Type-Options": "nosniff", **error.headers}
        self.response_headers.extend(headers.items())
        self.set_close_on_finish()
        self.channel.refused = True
        self.content_length = len(text)
        self.write(text)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """One connection, with a deadline for what it is receiving and sending.

    Where a request is answered before its end, what still comes is thrown away for a while: were
    the connection closed at once, a client that is still sending would never see the answer.
    """

    error_task_class = _ErrorTask
    parser_class = _Parser
    request: Any
    """The one that is being received, None between two."""
    current: HTTPRequestParser | None = None
    """The request that is being received, since `began`."""
    began = 0.0
    looked_at = False
    refused = writes = False
    lingers_since: float | None = None
    active = stalls_since = 0.0
    """waitress's time of the last bytes, and since when it has been that with bytes to send."""

    def received(self, data: bytes) -> bool:
        if self.refused:
            return False
        try:
            with full_disk_is_full_quota():
                done: bool = super().received(data)
        except QuotaFull as error:  # of the disk where bodies lie until they are whole
            self.request.close()  # at once: others need the room
            self._refuse(self.request, problem_of(error))
            return True
        request = self.request
        if request is not self.current:  # it may have begun behind another one
            self.current, self.began, self.looked_at = request, time.monotonic(), False
        if request is not None and request.headers_finished and not self.looked_at:
            self.looked_at = True
            if request.chunked or request.content_length > FORM_MEMORY:
                self._look_at(request)
        return done

    def write_soon(self, data: Any) -> int:
        self.writes = True
        try:
            return int(super().write_soon(data))
        finally:
            self.writes = False

    def _flush_outbufs_below_high_watermark(self) -> None:
        """Wait for the client to read what was written for it, before more is.

        waitress waits here also where an answer is whole and a request stands behind it. Nobody is
        to hold a thread so: the connection ends with that answer, and who cares asks anew.
        """
        if self.writes:
            super()._flush_outbufs_below_high_watermark()
        elif self.total_outbufs_len > self.adj.outbuf_high_watermark:
            with self.requests_lock:
                for request in self.requests[1:]:
                    request.close()
                del self.requests[1:]
                self.close_when_flushed = True

    def client(self) -> str:
        """Whom the request that is being received comes from, proxies aside."""
        forwarded = self.request.headers.get("X_FORWARDED_FOR", "") if self.request else ""
        return str(self.server.proxies.client(self.addr[0], forwarded))

    def expected(self) -> int:
        """Bytes of the body on its way; as many as there may be where its length is not told."""
        request = self.request
        if request is None or not request.headers_finished:
            return 0
        most = self.adj.max_request_body_size - 1  # of which it is the first that is too large
        return int(most if request.chunked else request.content_length)

    def give_up_if_late(self, now: float) -> None:
        """Answer a request that takes too long to come; stop waiting for the rest of others, and
        for who reads nothing (waitress waits for that without end)."""
        if self.lingers_since is not None:
            if now - self.lingers_since > LINGER_S:
                self.handle_close()
            return
        if not self.total_outbufs_len or self.last_activity != self.active:
            self.active, self.stalls_since = self.last_activity, now
        elif now - self.stalls_since > STALLED_S:
            self.handle_close()
            return
        request = self.request
        if request is None or self.requests:
            return
        if now - self.began > HEAD_S + request.body_bytes_received / SLOWEST:
            self._refuse(request, Problem(408, "too_slow", "the request comes too slowly"))

    def readable(self) -> bool:
        return self.lingers_since is not None or bool(super().readable())

    def writable(self) -> bool:
        return self.lingers_since is None and bool(super().writable())

    def handle_close(self) -> None:
        if self.refused and self.connected and self.lingers_since is None:
            self.lingers_since = time.monotonic()
            try:
                self.socket.shutdown(socket.SHUT_WR)
            except OSError:
                super().handle_close()
        else:
            super().handle_close()

    def _look_at(self, request: HTTPRequestParser) -> None:
        problem = self.server.gate(environ_of(request, self.addr[0]))
        if problem is None and not self.server.has_room(self):
            problem = Problem(
                503, "too_many_uploads", "too much is being sent; wait", {"Retry-After": "30"}
            )
        if problem is not None:
            self._refuse(request, problem)

    def _refuse(self, request: HTTPRequestParser, problem: Problem) -> None:
        with self.requests_lock:
            request.error = Refused(problem)
            request.completed = True
            self.request = self.current = None
            self.requests.append(request)
            first = len(self.requests) == 1
        if first:
            self.server.add_task(self)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A listening socket and its connections."""

    channel_class = _Channel

    def __init__(self, app: Any, gate: Gate, quota: int, proxies: Proxies, **options: Any) -> None:
        """`quota`: bytes that all bodies on their way may have together."""
        self.gate, self.quota, self.proxies = gate, quota, proxies
        super().__init__(app, **options)

    def maintenance(self, now: float) -> None:
        super().maintenance(now)
        for channel in list(self.active_channels.values()):
            channel.give_up_if_late(time.monotonic())

    def has_room(self, channel: _Channel) -> bool:
        """Whether all that is on its way may be, that of this channel among it.

        It is not yet in the spool's count. No client may have all of the room: it can take hours
        over each body.
        """
        client = neighbourhood(channel.client())
        everyones = own = 0
        for other in self.active_channels.values():
            if expected := other.expected():
                everyones += expected
                own += expected if neighbourhood(other.client()) == client else 0
        share = max(self.quota // CLIENTS_SHARE, channel.expected())
        return everyones <= self.quota and own <= share


def adjustments(settings: Settings, max_body: int, connections: int = CONNECTIONS) -> Adjustments:
    """waitress's options."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return Adjustments(
        listen=f"{host}:{settings.port}",
        threads=settings.threads,
        connection_limit=connections,
        backlog=1024,
        channel_timeout=int(IDLE_S),
        cleanup_interval=1,
        channel_request_lookahead=1,  # so that a client that goes away during a stream is seen
        max_request_body_size=max_body + 1,
        max_request_header_size=32_768,
        asyncore_use_poll=True,
        log_socket_errors=False,
        ident=None,
        clear_untrusted_proxy_headers=False,  # `Proxies` and `over_tls` say which are believed
    )


def environ_of(request: HTTPRequestParser, client: str) -> dict[str, Any]:
    """The WSGI environment of a request of which only the head is there."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.command.upper(),
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": request.query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "0",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "SCRIPT_NAME": "",
        "REMOTE_ADDR": client,
        "wsgi.url_scheme": "http",
        "wsgi.input": BytesIO(),
        "CONTENT_LENGTH": "0",
    }
    for key, value in request.headers.items():
        if key == "CONTENT_TYPE":
            environ[key] = value
        elif key != "CONTENT_LENGTH":
            environ[f"HTTP_{key}"] = value
    return environ
