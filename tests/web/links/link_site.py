"""Web servers on loopback addresses, of which one stands for the public network.

A test opens `PUBLIC` by the allow-list; `PRIVATE` is every other address. Names are resolved by a
table (`fetch(names=…)`), so that nothing is ever sent elsewhere.
"""

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

import pytest

from clipkind.web.links import Fetched, LinkReason, LinkRefused, fetch
from clipkind.web.settings import Settings

PUBLIC = "127.0.0.1"
PRIVATE = "127.0.0.2"

Handler = BaseHTTPRequestHandler
Answer = Callable[[Handler], None]


class Site:
    """A server; `answers` by path are functions that speak for themselves."""

    def __init__(
        self, address: str = PUBLIC, port: int = 0, context: ssl.SSLContext | None = None
    ) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[tuple[str, str]] = []
        """Path and Host header of each."""
        self.callers = 0
        """Connections that were opened."""
        self.closing = threading.Event()
        self.reached = threading.Event()
        """Somebody waits for an answer that never comes."""
        self.left = threading.Event()
        """Somebody who waits for it, or for the end of what is sent for ever, has hung up."""
        site = self

        class Speaker(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append((self.path, self.headers["Host"]))
                site.answers.get(self.path, status(404))(self)

            def log_message(self, *_: object) -> None: ...

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def get_request(self) -> tuple[Any, Any]:
                connection, caller = super().get_request()
                site.callers += 1
                if context:
                    connection = context.wrap_socket(
                        connection, server_side=True, do_handshake_on_connect=False
                    )
                return connection, caller

            def handle_error(self, *_: object) -> None: ...  # they hang up

        self._server = Server((address, port), Speaker)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.port = self._server.server_port
        self.url = f"{'https' if context else 'http'}://{address}:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def drip(self, first: bytes = b"HTTP/1.1 200 OK\r\n\r\n", piece: bytes = b"x") -> Answer:
        """Send a little ten times a second, for ever."""

        def answer(handler: Handler) -> None:
            try:
                handler.wfile.write(first)
                while not self.closing.wait(0.1):
                    handler.wfile.write(piece)
            except OSError:
                self.left.set()

        return answer

    def silence(self, handler: Handler) -> None:
        """Say nothing until the other side hangs up."""
        self.reached.set()
        with suppress(OSError):
            handler.connection.settimeout(30)
            if not handler.connection.recv(1):
                self.left.set()

    def endless(self, chunked: bool) -> Answer:
        """Zeros for ever, without saying how many."""

        def answer(handler: Handler) -> None:
            size = 1 << 16
            piece = bytes(size)
            handler.protocol_version = "HTTP/1.1"
            handler.send_response(200)
            if chunked:
                handler.send_header("Transfer-Encoding", "chunked")
                piece = b"%x\r\n" % size + piece + b"\r\n"
            handler.end_headers()
            with suppress(OSError):
                while not self.closing.is_set():
                    handler.wfile.write(piece)
            self.left.set()

        return answer


def body(content: bytes, kind: str = "video/mp4", code: int = 200, **headers: str) -> Answer:
    """An honest answer; `headers` with underscores for dashes."""

    def answer(handler: Handler) -> None:
        handler.send_response(code)
        given = {"Content-Type": kind, "Content-Length": str(len(content))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in given.items():
            handler.send_header(name, value)
        handler.end_headers()
        with suppress(OSError):
            handler.wfile.write(content)

    return answer


def status(code: int) -> Answer:
    return body(b"no", "text/plain", code)


def redirect(to: str, code: int = 302) -> Answer:
    return body(b"", "text/html", code, Location=to)


def page(*videos: dict[str, Any]) -> Answer:
    """A page that describes videos as search engines want it."""
    scripts = "".join(
        f'<script type="application/ld+json">{json.dumps(describe(each))}</script>'
        for each in videos
    )
    return body(f"<html><title>A page</title>{scripts}</html>".encode(), "text/html")


def describe(video: dict[str, Any]) -> dict[str, Any]:
    return {"@context": "https://schema.org", "@type": "VideoObject", **video}


class Client:
    """Fetches into a folder of its own, with the public stand-in opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "spool"
        self.folder.mkdir()
        self.target = self.folder / "job"
        self.progress: list[tuple[int, int]] = []
        self.go_on: Callable[[], bool] = lambda: True

    def fetch(
        self,
        url: str,
        names: dict[str, list[list[str]]] | None = None,
        *,
        allowed: tuple[str, ...] = (f"{PUBLIC}/32",),
        max_size: int = 10_000_000,
        timeout_s: float = 60.0,
        system: bool = False,
    ) -> Fetched:
        """With `system` names are the system's affair, else those of the table and no others."""
        settings = Settings(
            state=self.folder,
            allowed_addresses=allowed,
            max_upload=max_size,
            fetch_timeout_s=timeout_s,
        )

        def progress(done: int, total: int) -> bool:
            self.progress.append((done, total))
            return self.go_on()

        table = None if system else names or {}
        return fetch(url, self.target, settings=settings, progress=progress, names=table)

    @contextmanager
    def refused(self, reason: LinkReason) -> Iterator[None]:
        """What is fetched inside must be refused so, in one line, and leave nothing behind."""
        with pytest.raises(LinkRefused) as refused:
            yield
        assert refused.value.reason == reason, str(refused.value)
        assert str(refused.value).isprintable()
        assert ":" in str(refused.value)  # the way out follows
        assert list(self.folder.iterdir()) == []
