"""Slow, early and large clients of waitress as it is held here; bytes on a socket, no app."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from waitress import wasyncore
from waitress.task import ThreadedTaskDispatcher

from clipkind.web.http import listening
from clipkind.web.http.listening import Listener, adjustments
from clipkind.web.http.problems import Problem
from clipkind.web.settings import Settings

LARGE = 200_000
Talk = Callable[[], socket.socket]


def echo(environ: dict[str, Any], start: Any) -> list[bytes]:
    """Says how large the body was."""
    start("200 OK", [("Content-Type", "text/plain"), ("X-Thread", threading.current_thread().name)])
    return [str(len(environ["wsgi.input"].read())).encode()]


def closed_doors(environ: dict[str, str]) -> Problem | None:
    return Problem(401, "token_needed", "no") if environ["PATH_INFO"] == "/closed" else None


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Talk]:
    """Connects to a listener with one thread, room for three large bodies, and no patience."""
    monkeypatch.setattr(listening, "HEAD_S", 1.0)
    monkeypatch.setattr(listening, "SLOWEST", 1_000_000)
    settings = Settings(state=tmp_path, port=0, threads=1)
    sockets: dict[int, Any] = {}
    dispatcher = ThreadedTaskDispatcher()
    options = adjustments(settings, 10 * LARGE)
    (where,) = options.listen
    listener = Listener(
        echo,
        closed_doors,
        3 * LARGE,
        map=sockets,
        dispatcher=dispatcher,
        adj=options,
        sockinfo=where,
    )
    dispatcher.set_thread_count(1)
    ending = threading.Event()

    def run() -> None:
        while not ending.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, use_poll=True, count=1)

    thread = threading.Thread(target=run)
    thread.start()
    opened: list[socket.socket] = []

    def connect() -> socket.socket:
        opened.append(socket.create_connection(("127.0.0.1", int(listener.effective_port)), 60))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
    ending.set()
    thread.join()
    dispatcher.shutdown()
    wasyncore.close_all(sockets)


def head(path: str, length: int | None) -> bytes:
    body = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{body}\r\n\r\n".encode()


def said(connection: socket.socket) -> tuple[int, Any]:
    """Status and body, to the end of the connection."""
    text = b""
    while more := connection.recv(65536):
        text += more
    if not text:
        return 0, None
    status, _, body = text.partition(b"\r\n\r\n")
    return int(status.split()[1]), json.loads(body)


def drip(connection: socket.socket, content: bytes) -> None:
    """Send a byte now and then until the other side has enough."""
    try:
        for k in range(600):
            connection.sendall(content[k : k + 1])
            time.sleep(0.05)
            connection.setblocking(False)
            try:
                if connection.recv(1, socket.MSG_PEEK):
                    return
            except BlockingIOError:
                pass
            finally:
                connection.settimeout(60)
    except OSError:
        return


def test_a_head_that_drips_is_given_up(talk: Talk) -> None:
    connection = talk()
    drip(connection, b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 1000)
    status, problem = said(connection)
    assert (status, problem["code"]) == (408, "too_slow")


def test_a_body_that_drips_is_given_up(talk: Talk) -> None:
    connection = talk()
    connection.sendall(head("/", LARGE))
    drip(connection, b"a" * 1000)
    assert said(connection)[0] == 408


def test_slow_clients_keep_nobody_from_being_answered(talk: Talk) -> None:
    """There is one thread, and none of them has it."""
    slow = [talk() for _ in range(20)]
    for connection in slow:
        connection.sendall(head("/", 1000) + b"a" * 10)
    quick = talk()
    quick.sendall(head("/", 3)[:-2] + b"Connection: close\r\n\r\nabc")
    assert said(quick) == (200, 3)


@pytest.mark.parametrize("length", [LARGE, None])
def test_a_large_body_is_refused_by_its_head(talk: Talk, length: int | None) -> None:
    connection = talk()
    connection.sendall(head("/closed", length))
    status, problem = said(connection)
    assert (status, problem["code"], problem["status"]) == (401, "token_needed", 401)


def test_a_request_behind_another_is_looked_at_too(talk: Talk) -> None:
    connection = talk()
    connection.sendall(head("/", 3) + b"abc" + head("/closed", LARGE))
    text = b""
    while more := connection.recv(65536):
        text += more
    assert text.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 401 " in text


def test_who_sends_a_refused_body_all_the_same_can_read_why(talk: Talk) -> None:
    connection = talk()
    connection.sendall(head("/closed", 200 * LARGE))
    for _ in range(200):
        connection.sendall(bytes(LARGE))
    assert said(connection)[0] == 413


def test_bodies_on_their_way_have_a_bound_together(talk: Talk) -> None:
    waiting = [talk() for _ in range(3)]
    for connection in waiting:
        connection.sendall(head("/", LARGE))
    time.sleep(0.3)  # until the listener has read those heads: the order is what this is about
    one_more = talk()
    one_more.sendall(head("/", LARGE))
    status, problem = said(one_more)
    assert (status, problem["code"]) == (503, "too_many_uploads")
    small = talk()
    small.sendall(head("/", 3)[:-2] + b"Connection: close\r\n\r\nabc")
    assert said(small) == (200, 3)


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (head("/", 10 * LARGE + 1), 413, "too_large"),
        (b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000, 431, "head_too_large"),
        (b"nonsense\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "not_implemented"),
        (head("/", None) + b"zz\r\n", 400, "bad_request"),
    ],
)
def test_what_is_no_http_is_told_as_a_problem(
    talk: Talk, sent: bytes, status: int, code: str
) -> None:
    connection = talk()
    connection.sendall(sent)
    answered, problem = said(connection)
    assert (answered, problem["code"], problem["status"]) == (status, code, status)
