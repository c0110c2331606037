"""The real server: from a video to its answer, and to an end that leaves nothing behind."""

import http.client
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from clipkind.web.http.listening import CONNECTIONS
from clipkind.web.settings import Settings
from serving import PATIENCE_S, Server, command, serving

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, dataset: Path) -> Iterator[Server]:
    state = tmp_path_factory.mktemp("server") / "state"
    with serving(state, "--dataset", str(dataset), "--no-links") as server:
        server.wait_ready()
        yield server


def followed(server: Server, id: str) -> list[dict[str, Any]]:
    """What the job's event stream tells, to its end."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", f"/api/v1/jobs/{id}/events")
        text = connection.getresponse().read().decode()
    finally:
        connection.close()
    lines = [line for line in text.splitlines() if line.startswith("data: ")]
    return [json.loads(line.removeprefix("data: ")) for line in lines]


def children(pid: int) -> list[int]:
    """The processes that a process started."""
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for file in found for child in file.read_text().split()]


def wait_gone(pids: list[int]) -> None:
    end = time.monotonic() + PATIENCE_S
    while any(Path(f"/proc/{pid}").exists() for pid in pids):
        assert time.monotonic() < end, "workers outlive their server"
        time.sleep(0.05)


def test_a_video_is_followed_to_its_answer(server: Server, clip: bytes) -> None:
    sent = server.send(clip, tta="true")
    assert sent.status == 202
    told = followed(server, sent.json["id"])
    last = server.get(sent.headers["Location"]).json
    assert told[-1] == last
    assert last["state"] == "done"
    result = last["result"]
    assert sum(result["probabilities"].values()) == pytest.approx(1, abs=1e-3)
    assert result["label"] in result["probabilities"]
    picture = server.get(f"{sent.headers['Location']}/frames/0.jpg")
    assert picture.body.startswith(b"\xff\xd8")
    played = server.get(f"{sent.headers['Location']}/video", Range="bytes=4-11")
    assert (played.status, played.body) == (206, clip[4:12])
    assert played.headers["Content-Type"] == "video/mp4"


def test_the_documented_addresses_answer_as_documented(server: Server) -> None:
    videos = server.get("/api/videos").json
    assert videos == {
        "success": True,
        "videos": {"Animation": ["cat.mp4"], "Gaming": ["jump.mp4", "run <1>.mp4"]},
    }
    body = urlencode({"selected_video": "cat.mp4", "use_tta": "true"}).encode()
    answer = server.ask("POST", "/api/classify", body, FORM).json
    assert answer["success"] is True
    result = answer["result"]
    assert set(result) == {"category", "confidence", "model_scores", "all_scores", "video_name"}
    assert result["confidence"] == max(result["all_scores"].values())
    assert result["all_scores"][result["category"]] == result["confidence"]
    model = server.get("/api/v1/model").json
    assert [scores["model"] for scores in result["model_scores"]] == model["members"]
    assert all(len(scores["probs"]) == len(model["classes"]) for scores in result["model_scores"])
    (job,) = server.get("/api/v1/jobs?source=dataset").json["jobs"]
    assert (job["tta"], job["truth"], job["name"]) == (True, "Animation", "cat.mp4")


def test_streams_are_bounded_and_given_back_when_clients_leave(tmp_path: Path, clip: bytes) -> None:
    state = tmp_path / "state"
    with serving(state, "--no-links") as server, ExitStack() as stack:
        (worker,) = children(server.process.pid)
        os.kill(worker, signal.SIGSTOP)  # its job never ends, nor does a stream of that
        stack.callback(os.kill, worker, signal.SIGCONT)
        path = f"{server.send(clip).headers['Location']}/events"
        streams = Settings(state=state).streams
        held = [stack.enter_context(listener(server, path)) for _ in range(streams)]
        for connection in held:
            assert connection.recv(15) == b"HTTP/1.1 200 OK"
        refused = server.get(path)
        assert (refused.status, refused.code) == (503, "too_many_streams")
        assert server.get("/jobs").status == 200
        for connection in held:
            connection.close()
        end, head = time.monotonic() + PATIENCE_S, b""
        while head != b"HTTP/1.1 200 OK":
            assert time.monotonic() < end, "places are not given back"
            with listener(server, path) as connection:
                head = connection.recv(15)
            time.sleep(0.05)


def test_videos_that_nobody_reads_keep_nobody_waiting(tmp_path: Path) -> None:
    """As of paused players: they ask for a range, and read no further for as long as they like."""
    content = bytes(range(256)) * 125_000  # more than is written ahead
    state = tmp_path / "state"
    with serving(state, "--no-links") as server, ExitStack() as stack:
        path = f"{server.send(content).headers['Location']}/video"
        for _ in range(2 * Settings(state=state).threads):
            player = stack.enter_context(listener(server, path, "Range: bytes=3-\r\n"))
            assert player.recv(12, socket.MSG_WAITALL) == b"HTTP/1.1 206"
        assert server.get("/jobs").status == 200
        for asked, there in (("5-9", content[5:10]), ("-9", content[-9:]), ("7-", content[7:])):
            part = server.get(path, Range=f"bytes={asked}")
            assert (part.status, len(part.body)) == (206, len(there))
            assert part.body == there


def listener(server: Server, path: str, more: str = "") -> socket.socket:
    """A connection on which something was asked for."""
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE_S)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n".encode())
    return connection


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "nobody.mp4"])
def test_the_documented_errors_are_a_line(server: Server, name: str) -> None:
    answer = server.ask("POST", "/api/classify", urlencode({"selected_video": name}).encode(), FORM)
    assert answer.status == 400
    assert set(answer.json) == {"success", "error"}
    assert answer.json["success"] is False


def test_a_kill_loses_no_accepted_job(tmp_path: Path, clip: bytes) -> None:
    state = tmp_path / "state"
    with serving(state, "--no-links") as server:
        ids = [server.send(clip, f"{k}.mp4").json["id"] for k in range(3)]
        workers = children(server.process.pid)
        server.process.kill()
        wait_gone(workers)
    with serving(state, "--no-links") as server:
        jobs = [server.over(id) for id in ids]
        assert [(job["state"], job["name"]) for job in jobs] == [
            ("done", f"{k}.mp4") for k in range(3)
        ]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
def test_the_end_takes_everything_along(
    tmp_path: Path, clip: bytes, sent: signal.Signals, code: int
) -> None:
    with serving(tmp_path / "state") as server:
        server.wait_ready()
        id = server.send(clip).json["id"]
        workers = children(server.process.pid)
        assert len(workers) == 2  # one answers, one fetches links
        server.process.send_signal(sent)
        assert server.process.wait(PATIENCE_S) == code
        wait_gone(workers)
    assert (tmp_path / "state" / "files" / id / "video").read_bytes() == clip


def refused(tmp_path: Path, *options: str) -> tuple[int, str]:
    """The exit code and the words of a server that does not start."""
    ended = subprocess.run(
        command(tmp_path / "other", *options), capture_output=True, text=True, timeout=PATIENCE_S
    )
    assert ended.stdout == ""
    return ended.returncode, ended.stderr


def test_what_cannot_be_served_is_said_in_a_line(server: Server, tmp_path: Path) -> None:
    code, words = refused(tmp_path, "--state", str(server.state))
    assert (code, len(words.splitlines())) == (2, 1), words
    code, words = refused(tmp_path, "--port", str(server.port))
    assert code == 2
    assert f"127.0.0.1:{server.port}" in words
    assert len(words.splitlines()) == 1, words
    code, words = refused(tmp_path, "--host", "192.0.2.1")
    assert (code, "--token-file" in words) == (2, True)
    short = tmp_path / "token"
    short.write_text("secret\n")
    code, words = refused(tmp_path, "--token-file", str(short))
    assert (code, "at least" in words) == (2, True)
    code, words = refused(tmp_path, "--allow-network", "10.0.0.0/99")
    assert (code, "10.0.0.0/99" in words) == (2, True)
    code, words = refused(tmp_path, "--max-upload", "much")
    assert (code, "500MB" in words) == (2, True)
    code, words = refused(tmp_path, "--model", str(tmp_path / "nothing"))
    assert (code, "does not exist" in words) == (2, True)


def test_files_may_be_open_for_all_connections(tmp_path: Path) -> None:
    """Whatever the server was started with, if it may have more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard <= 2 * CONNECTIONS:
        pytest.skip("this machine lets no process have as many files")
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        with serving(tmp_path / "state", "--no-links") as server:
            files = resource.prlimit(server.process.pid, resource.RLIMIT_NOFILE)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert files[0] > 2 * CONNECTIONS


def test_behind_tls_cookies_stay_within_it(server: Server) -> None:
    assert "Secure" in server.get("/", X_Forwarded_Proto="https").headers["Set-Cookie"]
    assert "Secure" not in server.get("/").headers["Set-Cookie"]


def test_only_the_operator_can_read_the_state(server: Server) -> None:
    assert server.state.stat().st_mode & 0o077 == 0
