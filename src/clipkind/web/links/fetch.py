"""A link to a video file: plain HTTP to an address that was judged, redirects followed by hand."""

import http.client
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import unquote

from clipkind.text import printable
from clipkind.web.links.link import PORTS, Link, follow, parse
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.links.resolver import Resolver
from clipkind.web.names import shown_name

FILE = "video"
"""The name of the one file in the working folder, whatever it is called elsewhere."""
MAX_REDIRECTS = 5
SILENCE_S = 20.0
"""Seconds a server may say nothing."""
START_S = 60.0
"""Seconds a link may take before its speed counts: pages are read, redirects followed."""
SLOWEST = 16_000
"""Bytes a second, on average, below which a link is given up: it keeps others waiting."""
CHUNK = 1 << 16
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PAGES = frozenset({"text/html", "application/xhtml+xml"})
Report = Callable[[int, int], None]
"""Told bytes so far and in all (0: not known)."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one link may cost."""

    max_size: int
    """Bytes."""
    deadline: float
    """By `time.monotonic`."""
    began: float = field(default_factory=time.monotonic)

    def left_s(self) -> float:
        """Raises LinkRefused when time is up."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        return left

    def check_size(self, size: int) -> None:
        """Raises LinkRefused for more bytes than a video may have."""
        if size > self.max_size:
            raise too_large(self.max_size)

    def check_speed(self, size: int) -> None:
        """Raises LinkRefused where so many bytes are too few for the time they took."""
        if time.monotonic() - self.began > START_S + size / SLOWEST:
            raise LinkRefused(
                LinkReason.TIMEOUT,
                "the link's server sends too slowly: download the video yourself and upload it",
            )


def fetch_file(
    url: str, file: Path, resolver: Resolver, limits: Limits, report: Report
) -> str | None:
    """Fetch what a link leads to into `file`. Returns its name, or None where it is a web page.

    Raises LinkRefused; `file` may then hold a part of it.
    """
    link = parse(url)
    for _ in range(MAX_REDIRECTS + 1):
        with (
            closing(_Connection(link, resolver, limits)) as connection,
            closing(connection.ask()) as answer,
        ):
            if answer.status in _REDIRECTS:
                link = follow(link, _location(answer))
                continue
            _check(answer)
            if answer.headers.get_content_type() in _PAGES and "Content-Type" in answer.headers:
                return None
            with file.open("wb") as sink:
                _copy(connection, answer, sink.write, limits, report)
            return _name(answer, link)
    raise LinkRefused(
        LinkReason.REDIRECTS,
        f"the link is redirected more than {MAX_REDIRECTS} times: link to the file itself",
    )


def timed_out() -> LinkRefused:
    return LinkRefused(
        LinkReason.TIMEOUT,
        "the link took too long to fetch: try again later, or download the video and upload it",
    )


def too_large(max_size: int) -> LinkRefused:
    return LinkRefused(
        LinkReason.TOO_LARGE,
        f"the link leads to more than {max_size / 1e6:g} MB: link to a smaller version",
    )


class _Connection(http.client.HTTPConnection):
    """One request to the first permitted address that answers; the host's name stays the link's."""

    def __init__(self, link: Link, resolver: Resolver, limits: Limits) -> None:
        super().__init__(link.host, link.port)
        self.default_port = PORTS[link.scheme]  # which the Host header leaves out
        self._link = link
        self._limits = limits
        self._addresses = resolver.addresses(link.host, link.port)

    def connect(self) -> None:
        """Open the connection. Raises OSError where no address can be reached."""
        for ip in self._addresses[:-1]:
            try:
                self.sock = self._open(ip)
            except OSError:
                continue
            return
        self.sock = self._open(self._addresses[-1])

    def _open(self, ip: str) -> socket.socket:
        wait = min(SILENCE_S, self._limits.left_s())
        plain = socket.create_connection((ip, self._link.port), wait)
        if self._link.scheme == "http":
            return plain
        try:
            context = ssl.create_default_context()
            return context.wrap_socket(plain, server_hostname=self._link.host)
        except BaseException:
            plain.close()
            raise

    def ask(self) -> http.client.HTTPResponse:
        """The answer to GET, its body unread. Raises LinkRefused."""
        headers = {
            "User-Agent": "clipkind",
            "Accept": "*/*",
            "Accept-Encoding": "identity",
            "Connection": "close",
        }
        try:
            self.request("GET", self._link.target, headers=headers)
            return self.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise _trouble(error, self._link) from None

    def read(self, answer: http.client.HTTPResponse) -> bytes:
        """Some of the body; nothing at its end. Raises LinkRefused."""
        self._limits.left_s()
        try:
            return answer.read1(CHUNK)
        except (OSError, http.client.HTTPException) as error:
            raise _trouble(error, self._link) from None


def _location(answer: http.client.HTTPResponse) -> str:
    location = answer.headers.get("Location", "").strip()
    if not location:
        raise LinkRefused(LinkReason.STATUS, "the link redirects to nowhere: link to the file")
    # UTF-8 that came as bytes; letters that are not ASCII stay, and are quoted later
    return location.encode("latin-1", "replace").decode("utf-8", "replace").replace(" ", "%20")


def _check(answer: http.client.HTTPResponse) -> None:
    if answer.status != HTTPStatus.OK:
        phrase = printable(answer.reason or "")[:60]
        raise LinkRefused(
            LinkReason.STATUS,
            f"the link's server answers {answer.status} {phrase}".rstrip()
            + ": check that the link opens without signing in",
        )
    encoding = answer.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise LinkRefused(
            LinkReason.UNSUPPORTED,
            "the link's server compresses what it sends though asked not to: download the video "
            "yourself and upload it",
        )


def _copy(
    connection: _Connection,
    answer: http.client.HTTPResponse,
    write: Callable[[bytes], object],
    limits: Limits,
    report: Report,
) -> None:
    expected = answer.length or 0
    limits.check_size(expected)
    size = 0
    report(size, expected)
    while piece := connection.read(answer):
        size += len(piece)
        limits.check_size(size)
        limits.check_speed(size)
        write(piece)
        report(size, expected)
    if expected and size < expected:
        raise LinkRefused(
            LinkReason.INCOMPLETE,
            f"the link's server sent {size} of {expected} bytes: try again later",
        )


def _trouble(error: Exception, link: Link) -> LinkRefused:
    host = printable(link.host)[:80]
    if isinstance(error, ssl.SSLCertVerificationError):
        why = printable(error.verify_message)[:120]
        return LinkRefused(
            LinkReason.CERTIFICATE,
            f"{host} does not prove to be {host} ({why}): download the video yourself and upload "
            "it if you trust that server",
        )
    if isinstance(error, TimeoutError):
        return timed_out()
    if isinstance(error, http.client.IncompleteRead):
        return LinkRefused(
            LinkReason.INCOMPLETE, f"{host} broke off before the end: try again later"
        )
    why = printable(getattr(error, "strerror", None) or type(error).__name__)[:120]
    return LinkRefused(
        LinkReason.UNREACHABLE,
        f"{host} cannot be spoken to ({why}): check the link, or try again later",
    )


def _name(answer: http.client.HTTPResponse, link: Link) -> str:
    """What the server or the link calls the file: for people, never for the file system."""
    given = answer.headers.get_filename() or ""
    with suppress(UnicodeError):
        given = given.encode("latin-1").decode("utf-8")  # as many servers send it
    last = given or unquote(link.target.partition("?")[0])
    last = last.replace("\\", "/").rstrip("/").rpartition("/")[2]
    return shown_name(last) or link.host
