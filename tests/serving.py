"""The real server as a process, and a client that says exactly what it is told to."""

import http.client
import io
import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import interrupting

PATIENCE_S = 120.0
"""For what a machine with other work to do may take."""


@dataclass(frozen=True)
class Answer:
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The stable name of the problem that it is."""
        assert self.headers["Content-Type"] == "application/problem+json", self.body[:200]
        return str(self.json["code"])


class Server:
    """A running `clipkind serve`."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, state: Path) -> None:
        self.process, self.port, self.state = process, port, state
        self.url = f"http://127.0.0.1:{port}"

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        try:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def get(self, path: str, **headers: str) -> Answer:
        """GET; headers as keywords, with _ for -."""
        return self.ask("GET", path, None, _headers(headers))

    def post_json(self, path: str, value: Any, **headers: str) -> Answer:
        """POST of JSON."""
        kind = {"Content-Type": "application/json"}
        return self.ask("POST", path, json.dumps(value).encode(), kind | _headers(headers))

    def send(self, content: bytes, name: str = "clip.mp4", **fields: str) -> Answer:
        """Send a video, as a form does."""
        body, kind = form(content, name, **fields)
        return self.ask("POST", "/api/v1/jobs", body, {"Content-Type": kind})

    def raw(self, sent: bytes, *, end: bool = False) -> Answer | None:
        """Bytes on a socket; the first answer to them, None where the server just hangs up.

        With `end` nothing more is sent, and the server sees that.
        """
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as connection:
            connection.sendall(sent)
            if end:
                connection.shutdown(socket.SHUT_WR)
            response = http.client.HTTPResponse(connection)
            try:
                response.begin()
                return Answer(response.status, response.headers, response.read())
            except (http.client.BadStatusLine, ConnectionResetError):
                return None

    def count(self) -> int:
        """How many jobs it knows, up to 500."""
        return len(self.get("/api/v1/jobs?limit=500").json["jobs"])

    def over(self, id: str) -> dict[str, Any]:
        """The job once it is over."""
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            job: dict[str, Any] = self.get(f"/api/v1/jobs/{id}").json
            if job["state"] in ("done", "failed", "cancelled"):
                return job
            time.sleep(0.05)
        raise AssertionError(f"the job is not over after {PATIENCE_S} s: {job}")

    def wait_ready(self) -> None:
        """Until a worker can take jobs."""
        end = time.monotonic() + PATIENCE_S
        while self.get("/readyz").status != 200:
            assert self.process.poll() is None, "the server ended"
            assert time.monotonic() < end, "no worker comes up"
            time.sleep(0.05)


def form(content: bytes, name: str = "clip.mp4", **fields: str) -> tuple[bytes, str]:
    """A form with a file in the field `video`, and its Content-Type. The name goes out as it is."""
    boundary, out = uuid4().hex, io.BytesIO()
    for key, value in fields.items():
        out.write(f"--{boundary}\r\n".encode())
        out.write(f'Content-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode())
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    out.write(f"--{boundary}\r\n".encode())
    out.write(
        f'Content-Disposition: form-data; name="video"; filename="{quoted}"\r\n'.encode()
        + b"Content-Type: video/mp4\r\n\r\n"
    )
    out.write(content + f"\r\n--{boundary}--\r\n".encode())
    return out.getvalue(), f"multipart/form-data; boundary={boundary}"


def command(state: Path, *options: str) -> list[str]:
    """`clipkind serve` on a free port."""
    serve = [sys.executable, "-P", "-m", "clipkind.cli.main", "serve"]
    return [*serve, "--port", "0", "--state", str(state), *options]


@contextmanager
def serving(state: Path, *options: str) -> Iterator[Server]:
    """A server with its state in that folder; it has ended when the block does."""
    with (state.parent / f"{state.name}.log").open("a") as log:
        process = interrupting.start(
            command(state, *options), stdout=subprocess.PIPE, stderr=log, text=True
        )
        try:
            line = process.stdout.readline()
            found = re.search(r"http://[^ ]*:([0-9]+)/", line)
            assert found, f"the server said {line!r}; see {log.name}"
            yield Server(process, int(found[1]), state)
        finally:
            process.terminate()
            try:
                process.wait(30)
            finally:
                process.kill()
                process.stdout.close()
                process.wait()


def _headers(words: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in words.items()}
