"""The real server where something cannot be written: a line of its log, or a body that arrives."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import interrupting
from clipkind.web.http.problems import log
from serving import Server, command, serving
from web.inside import children, until
from web.small_disk import small_disk


@contextmanager
def unheard(state: Path) -> Iterator[Server]:
    """A server whose stderr is a pipe that nobody reads any more."""
    process = interrupting.start(
        command(state, "--no-links"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        process.stderr.close()
        line = process.stdout.readline()
        found = re.search(r"http://[^ ]*:([0-9]+)/", line)
        assert found, f"the server said {line!r}"
        server = Server(process, int(found[1]), state)
        server.wait_ready()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(30)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def test_a_line_that_cannot_be_written_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    pipe = os.fdopen(writer, "w", buffering=1)
    monkeypatch.setattr(sys, "stderr", pipe)
    log("to nobody", error=ValueError("no"))
    with pytest.raises(BrokenPipeError):
        pipe.close()
    log("to a closed file")


def test_a_server_that_nobody_hears_goes_on_after_a_workers_death(
    tmp_path: Path, clip: bytes
) -> None:
    with unheard(tmp_path / "state") as server:
        (worker,) = children(server.process.pid)
        until(lambda: children(worker))
        decoder = children(worker)[0]
        os.kill(decoder, signal.SIGSTOP)
        id = server.send(clip).json["id"]
        until(lambda: server.get(f"/api/v1/jobs/{id}").json["state"] == "running")
        for process in (worker, decoder):
            os.kill(process, signal.SIGKILL)
        assert server.over(id)["state"] == "done"
        assert children(server.process.pid) != [worker]


def test_a_disk_that_fills_while_a_body_arrives_is_told_and_harms_nothing(
    tmp_path: Path, clip: bytes
) -> None:
    """State and log have one disk of 8 MB."""
    with small_disk(tmp_path / "small", "8m") as small, serving(small / "state") as server:
        server.wait_ready()
        refused = server.send(bytes(16_000_000))
        assert (refused.status, refused.code) == (507, "quota_full")
        assert "disk" in refused.json["detail"]
        assert refused.headers["Retry-After"] == "600"
        assert server.over(server.send(clip).json["id"])["state"] == "done"
        assert server.process.poll() is None
