"""Hostile clients of the real server: refused or survived, with the right status."""

import socket
from contextlib import ExitStack
from pathlib import Path

import pytest

from clipkind.web.jobs.job import NewJob
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from serving import PATIENCE_S, Server, form, serving

SERVE = ("--max-upload", "2MB", "--no-links", "--rate", "100000")
NOBODY = "A" * 22
MEGABYTE = 1_000_000
pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/jobs/../../../../etc/passwd",
        "/api/v1/jobs/..%2f..%2f..%2f..%2fetc%2fpasswd",
        "/api/v1/jobs/%2e%2e/%2e%2e/jobs.sqlite3",
        "/api/v1/jobs/..%2f..%2f..%2fjobs.sqlite3%00x/video",
        "/api/v1/jobs/......................./video",
        "/api/v1/jobs/%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2e%2f%2e%2f/video",
        "/api/v1/jobs/......%2f............../video",
        f"/api/v1/jobs/{NOBODY}/frames/..%2f..%2f..%2fsecret.jpg",
        f"/api/v1/jobs/{NOBODY}/frames/-1.jpg",
        f"/api/v1/jobs/{NOBODY}/frames/1e3.jpg",
        "/api/v1/videos/..%2f..%2fsecret............./thumbnail.jpg",
        "/static/../settings.py",
        "/static/..%2fsettings.py",
        "/static/%2e%2e%5csettings.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/jobs/..%2f..%2fsecret",
        "/jobs/%00",
        "/compare?a=../../secret&b=%00",
        "//etc/passwd",
        "/%2e%2e/%2e%2e/secret",
    ],
)
def test_no_path_leads_out(server: Server, path: str) -> None:
    answer = server.raw(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    )
    assert answer is not None
    assert answer.status in (308, 400, 404) or path.startswith("/compare")
    for inside in (b"root:", b"SQLite", b"class Settings", (server.state / "secret").read_bytes()):
        assert inside not in answer.body


@pytest.mark.parametrize(
    "length", [f"Content-Length: {500 * MEGABYTE}", "Transfer-Encoding: chunked"]
)
def test_what_is_too_large_is_refused_before_all_of_it_is_sent(server: Server, length: str) -> None:
    body, kind = form(b"x")
    start = f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
    before = server.count()
    piece = b"%x\r\n" % (4 * MEGABYTE) + body + bytes(4 * MEGABYTE)
    answer = server.raw(f"{start}{length}\r\n\r\n".encode() + piece)
    assert answer is not None
    assert (answer.status, answer.code) == (413, "too_large")
    assert server.count() == before


def test_a_video_above_the_limit_is_refused_and_one_at_it_is_not(server: Server) -> None:
    """Whether it is a little above, or so much that the rest of it is not looked at."""
    for size in (2 * MEGABYTE + 1, 30 * MEGABYTE):
        refused = server.send(bytes(size))
        assert (refused.status, refused.code) == (413, "too_large")
    assert server.send(bytes(2 * MEGABYTE)).status == 202


@pytest.mark.parametrize("path", ["/jobs", "/login", "/api/v1/jobs", "/api/classify", "/nothing"])
def test_large_bodies_elsewhere_are_refused(server: Server, path: str) -> None:
    body = b"text=" + b"a" * MEGABYTE
    start = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    kind = "application/x-www-form-urlencoded"
    answer = server.raw(f"{start}Content-Type: {kind}\r\n\r\n".encode())
    assert answer is not None
    assert answer.status == 413


def test_forms_of_a_thousand_parts_are_refused(server: Server) -> None:
    fields = {f"field{k}": "x" for k in range(1000)}
    assert server.send(b"x", **fields).status == 413
    assert server.send(b"x", text="a" * 200_000).status == 413


def test_json_without_end_is_refused(server: Server) -> None:
    kind = {"Content-Type": "application/json"}
    deep = b"[" * 90_000
    assert server.ask("POST", "/api/v1/jobs", deep, kind).status == 400
    assert server.ask("POST", "/api/v1/jobs", b'{"a":' * 15_000, kind).status == 400
    assert server.ask("POST", "/api/v1/jobs", b"9" * 90_000, kind).status in (400, 422)
    assert server.ask("POST", "/api/v1/jobs", b'"' + b"a" * MEGABYTE + b'"', kind).status == 413
    assert server.ask("POST", "/api/v1/jobs", b'{"video_id": "\\ud800"}', kind).status == 422


@pytest.mark.parametrize("more", [1000, -20, -6])
def test_a_wrong_length_makes_no_job(server: Server, more: int) -> None:
    body, kind = form(b"video" * 100)
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body) + more}\r\nConnection: close\r\n\r\n"
    )
    before = server.count()
    answer = server.raw(head.encode() + body, end=more > 0)
    if more > 0:
        assert answer is None  # it waits for the rest, which never comes
    else:
        assert answer is not None
        assert (answer.status, answer.code) == (400, "bad_form")
    assert server.count() == before


@pytest.mark.parametrize(
    "length",
    [
        "Content-Length: -5",
        "Content-Length: 5e3",
        "Content-Length: 10\r\nContent-Length: 3",
        "Transfer-Encoding: identity, chunked",
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: \x0bchunked",
    ],
)
def test_lengths_that_could_be_read_in_two_ways_are_refused(server: Server, length: str) -> None:
    """Else a proxy and this server could take one request for two."""
    answer = server.raw(
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n0\r\n\r\n".encode(),
    )
    assert answer is not None
    assert answer.status in (400, 501)  # not 415, as of a request that was taken for one


def test_an_upload_that_breaks_off_leaves_nothing(server: Server) -> None:
    body, kind = form(bytes(MEGABYTE))
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    before = server.count()
    for share in (0.1, 0.5, 0.99):
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) as connection:
            connection.sendall(head.encode() + body[: int(len(body) * share)])
    assert server.count() == before


def test_a_hundred_slow_clients_keep_nobody_waiting(server: Server, clip: bytes) -> None:
    """There are 16 threads; were each of these to hold one, nothing would be answered."""
    body, kind = form(clip)
    head = (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    slow = [socket.create_connection(("127.0.0.1", server.port), PATIENCE_S) for _ in range(100)]
    try:
        for k, connection in enumerate(slow):
            connection.sendall(head.encode()[:40] if k % 2 else head.encode() + body[:100])
        assert server.get("/").status == 200
        assert server.over(server.send(clip).json["id"])["state"] == "done"
    finally:
        for connection in slow:
            connection.close()


def test_streams_that_nobody_reads_keep_nobody_waiting(server: Server) -> None:
    with ExitStack() as held:
        waiting = server.send(bytes(1000)).json["id"]
        for _ in range(40):
            connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
            held.enter_context(connection)
            head = f"GET /api/v1/jobs/{waiting}/events HTTP/1.1\r\nHost: localhost\r\n\r\n"
            connection.sendall(head.encode())
        assert server.get("/jobs").status == 200


@pytest.mark.parametrize("host", ["attacker.example", "localhost.attacker.example:80", "x" * 300])
def test_a_name_that_was_led_here_is_not_answered(server: Server, host: str) -> None:
    for path in ("/", "/api/v1/jobs", "/api/v1/openapi.json"):
        answer = server.get(path, Host=host)
        assert answer.status == 421
    assert server.post_json("/api/v1/jobs", {}, Host=host).code == "wrong_host"


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site", "Origin": "http://attacker.example"},
        {"Origin": "http://attacker.example"},
        {"Origin": "null"},
    ],
)
def test_pages_of_other_sites_send_and_delete_nothing(
    server: Server, headers: dict[str, str]
) -> None:
    sent = server.send(b"mine").json
    before = server.count()
    body, kind = form(b"theirs")
    theirs = {"Content-Type": kind} | {k.replace("_", "-"): v for k, v in headers.items()}
    assert server.ask("POST", "/api/v1/jobs", body, theirs).code == "cross_site"
    assert server.ask("POST", "/jobs", body, theirs).status == 403
    assert server.ask("DELETE", f"/api/v1/jobs/{sent['id']}", None, theirs).code == "cross_site"
    assert server.count() == before


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(100),
        b"\0" * 1000,
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
        b"GET http://169.254.169.254/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"CONNECT example.org:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: localhost\r\nCookie: secret=1\r\n\r\n",
        b"GET /\xff\xfe%ff%fe HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /jobs/%ff?text=%ff&state=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nCookie: clipkind=.eJ" + b"A" * 4000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Bad: a\r\n b\r\n\r\n",
        b"GET /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nRange: bytes=0-0,1-1\r\n\r\n",
    ],
)
def test_nonsense_on_the_wire_is_no_error_inside(server: Server, sent: bytes) -> None:
    answer = server.raw(sent + b"\r\n\r\n")
    assert answer is None or answer.status < 500 or answer.status == 501
    assert answer is None or b"secret=1" not in answer.body


def head_of(length: int, more: str = "") -> bytes:
    """The head of an upload."""
    return (
        f"POST /api/v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\n{more}\r\n"
    ).encode()


def test_ten_thousand_jobs_wait_and_pages_are_served(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    store = JobStore(state / "jobs.sqlite3", durable=False)
    ids = [Spool.new_id() for _ in range(10_000)]
    for k, id in enumerate(ids):
        store.add(NewJob(id=id, source="upload", name=f"{k}.mp4", model="gone"), 10_000)
    assert store.places(ids[-1:]) == {ids[-1]: 10_000}
    store.close()
    with serving(state, "--no-links", "--max-queue", "10") as server:
        server.wait_ready()
        for page in ("/", "/jobs", f"/jobs/{ids[-1]}", "/api/v1/jobs?limit=500", "/metrics"):
            assert server.get(page).status == 200, page
        refused = server.send(b"one more")
        assert (refused.status, refused.code) == (503, "queue_full")
        assert refused.headers["Retry-After"]
        large = server.raw(head_of(MEGABYTE))  # of which no body comes
        assert large is not None
        assert (large.status, large.code) == (503, "queue_full")
        assert server.over(ids[0])["state"] == "failed"
        assert server.ask("DELETE", f"/api/v1/jobs/{ids[-1]}").json["state"] == "cancelled"


def test_with_a_token_strangers_send_nothing_and_guess_slowly(tmp_path: Path, clip: bytes) -> None:
    token = "correct-horse-battery-staple"  # noqa: S105
    (tmp_path / "token").write_text(f"{token}\n")
    options = ("--token-file", str(tmp_path / "token"), "--no-links", "--rate", "1")
    with serving(tmp_path / "state", *options) as server:
        body, kind = form(clip)
        answer = server.raw(head_of(MEGABYTE))
        assert answer is not None
        assert (answer.status, answer.code) == (401, "token_needed")  # before the body was sent
        assert server.get("/").status == 302
        bearer = {"Authorization": f"Bearer {token}"}
        sent = server.ask("POST", "/api/v1/jobs", body, {"Content-Type": kind, **bearer})
        assert sent.status == 202
        statuses = [server.post_json("/api/v1/jobs", {}, **bearer).status for _ in range(101)]
        assert set(statuses) == {422, 429}
        assert statuses[-1] == 429
        answer = server.raw(head_of(MEGABYTE, f"Authorization: Bearer {token}\r\n"))
        assert answer is not None
        assert (answer.status, answer.code) == (429, "too_many_jobs")  # here too
        guesses = [server.get("/metrics", Authorization=f"Bearer {k}").status for k in range(12)]
        assert guesses[-1] == 429
        assert server.get("/metrics", **bearer).status == 200
