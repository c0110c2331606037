"""Slow, early and large clients of waitress as it is held here; bytes on a socket, no app."""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from waitress import wasyncore
from waitress.task import ThreadedTaskDispatcher

from clipkind.web.http import listening
from clipkind.web.http.listening import Listener, adjustments
from clipkind.web.http.problems import Problem
from clipkind.web.http.proxies import Proxies
from clipkind.web.settings import Settings
from web.small_disk import small_disk

LARGE = 200_000
PROXY = "127.0.0.9"
ASK = "GET {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@dataclass
class Talk:
    """Connects to a listener."""

    listener: Listener
    opened: list[socket.socket] = field(default_factory=list)

    def __call__(self, client: str = "127.0.0.1") -> socket.socket:
        """A connection from that address."""
        where = ("127.0.0.1", int(self.listener.effective_port))
        self.opened.append(socket.create_connection(where, 60, (client, 0)))
        return self.opened[-1]

    def sends(self, length: int, client: str = "127.0.0.1", forwarded: str = "") -> socket.socket:
        """A connection whose body is on its way, which the listener knows."""
        connection, before = self(client), self.expected()
        connection.sendall(head("/", length, forwarded))
        self.until(lambda: self.expected() == before + length)
        return connection

    def expected(self) -> int:
        return sum(channel.expected() for channel in self.channels())

    def channels(self) -> list[Any]:
        return list(self.listener.active_channels.values())

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < end, "it never came true"
            time.sleep(0.01)


def answer(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    """Says how large the body was; late, or with much more, where the path says so."""
    start("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/late":
        time.sleep(2 * listening.STALLED_S)
    if environ["PATH_INFO"] == "/file":
        file = tempfile.TemporaryFile()  # noqa: SIM115  # the server closes it
        file.truncate(64_000_000)
        return environ["wsgi.file_wrapper"](file)
    if environ["PATH_INFO"] == "/much":
        return (b" " * 1_000_000 for _ in range(64))
    return [str(len(environ["wsgi.input"].read())).encode()]


def closed_doors(environ: dict[str, str]) -> Problem | None:
    return Problem(401, "token_needed", "no") if environ["PATH_INFO"] == "/closed" else None


@pytest.fixture
def talk(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Iterator[Talk]:
    """A listener with one thread, room for three large bodies, and no patience."""
    monkeypatch.setattr(listening, "HEAD_S", 1.0)
    monkeypatch.setattr(listening, "SLOWEST", 1_000_000)
    monkeypatch.setattr(listening, "STALLED_S", 1.0)
    settings = Settings(state=tmp_path, port=0, threads=1)
    sockets: dict[int, Any] = {}
    dispatcher = ThreadedTaskDispatcher()
    options = adjustments(settings, 10 * LARGE)
    (where,) = options.listen
    listener = Listener(
        answer,
        closed_doors,
        3 * LARGE,
        Proxies.of([PROXY]),
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
    talk = Talk(listener)
    yield talk
    for connection in talk.opened:
        connection.close()
    ending.set()
    thread.join()
    dispatcher.shutdown()
    wasyncore.close_all(sockets)


def head(path: str, length: int | None, forwarded: str = "") -> bytes:
    body = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    more = f"X-Forwarded-For: {forwarded}\r\n" if forwarded else ""
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\n{more}{body}\r\n\r\n".encode()


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


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, request: Any) -> Iterator[Path]:
    """A disk of that size, where bodies lie until they are whole."""
    with small_disk(tmp_path / "small", request.param) as folder:
        monkeypatch.setattr(tempfile, "tempdir", str(folder))
        yield folder


# waitress leaves it to the interpreter to close a file that it cannot fill at first
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("small", ["4k", "560k"], indirect=True)
def test_a_disk_that_fills_while_a_body_arrives_is_told(small: Path, talk: Talk) -> None:
    connection = talk()
    connection.sendall(head("/", 3 * LARGE) + bytes(3 * LARGE))
    status, problem = said(connection)
    assert (status, problem["code"]) == (507, "quota_full")
    assert talk.expected() == 0
    talk.until(lambda: os.statvfs(small).f_bfree == os.statvfs(small).f_blocks)
    after = talk()
    after.sendall(head("/", 3)[:-2] + b"Connection: close\r\n\r\nabc")
    assert said(after) == (200, 3)


def test_a_body_of_unknown_length_has_room_where_the_largest_has(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(talk.listener, "quota", 10 * LARGE)
    connection = talk()
    connection.sendall(head("/", None)[:-2] + b"Connection: close\r\n\r\n")
    talk.until(lambda: any(channel.looked_at for channel in talk.channels()))
    connection.sendall(b"3\r\nabc\r\n0\r\n\r\n")
    assert said(connection) == (200, 3)


def refused_for(talk: Talk, client: str, forwarded: str = "") -> str:
    """Why the listener takes no large body of that client."""
    connection = talk(client)
    connection.sendall(head("/", LARGE, forwarded))
    status, problem = said(connection)
    assert status == 503
    return str(problem["code"])


def test_bodies_on_their_way_have_a_bound_together(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_S", 60.0)
    for k in (2, 3, 4):
        talk.sends(LARGE, f"127.0.0.{k}")
    assert refused_for(talk, "127.0.0.5") == "too_many_uploads"
    small = talk()
    small.sendall(head("/", 3)[:-2] + b"Connection: close\r\n\r\nabc")
    assert said(small) == (200, 3)


def test_one_client_leaves_room_for_the_bodies_of_others(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_S", 60.0)
    talk.sends(LARGE, "127.0.0.2")
    assert refused_for(talk, "127.0.0.2") == "too_many_uploads"
    talk.sends(LARGE, "127.0.0.3")


def test_clients_behind_a_proxy_have_room_each(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "HEAD_S", 60.0)
    talk.sends(LARGE, PROXY, "192.0.2.1")
    assert refused_for(talk, PROXY, "192.0.2.1") == "too_many_uploads"
    talk.sends(LARGE, PROXY, "192.0.2.2")


def test_who_reads_nothing_of_an_answer_gives_the_thread_back(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "STALLED_S", 600.0)
    deaf, quick = talk(), talk()
    deaf.sendall(ASK.format("/much").encode())
    talk.until(lambda: any(channel.total_outbufs_len for channel in talk.channels()))
    monkeypatch.setattr(listening, "STALLED_S", 3.0)  # a busy machine pauses longer than that
    quick.sendall(ASK.format("/").encode())
    assert said(quick) == (200, 0)


def test_a_request_behind_a_large_file_holds_no_thread(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "STALLED_S", 600.0)
    deaf, quick = talk(), talk()
    deaf.sendall(2 * ASK.format("/file").replace("close", "keep-alive").encode())
    talk.until(lambda: any(channel.total_outbufs_len for channel in talk.channels()))
    quick.sendall(ASK.format("/").encode())
    assert said(quick) == (200, 0)
    size = 0
    while more := deaf.recv(1_000_000):
        size += len(more)
    assert size > 64_000_000  # all of the first answer


def test_an_answer_that_comes_late_is_not_given_up(talk: Talk) -> None:
    connection = talk()
    connection.sendall(ASK.format("/late").encode())
    assert said(connection) == (200, 0)


def test_an_answer_that_is_read_slowly_comes_whole(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "STALLED_S", 2.5)  # less than all of it takes
    connection, size = talk(), 0
    connection.sendall(ASK.format("/much").encode())
    while more := connection.recv(1_000_000):
        size += len(more)
        time.sleep(0.06)
    assert size > 64_000_000


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
        (head("/", None)[:-2] + b"Content-Length: 5\r\n\r\n0\r\n\r\n", 400, "bad_request"),
        (head("/", None)[:-2] + b"transfer-encoding: chunked\r\n\r\n", 400, "bad_request"),
        (head("/", None).replace(b"1.1", b"1.0") + b"0\r\n\r\n", 400, "bad_request"),
    ],
)
def test_what_is_no_http_is_told_as_a_problem(
    talk: Talk, sent: bytes, status: int, code: str
) -> None:
    connection = talk()
    connection.sendall(sent)
    answered, problem = said(connection)
    assert (answered, problem["code"], problem["status"]) == (status, code, status)
