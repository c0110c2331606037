"""A `clipkind serve` of its own for a measurement, and clients that speak to it."""

import http.client
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

HOST = "127.0.0.1"
START_S = 120.0
"""Seconds the server may take until a worker is ready."""
PATIENCE_S = 60.0
"""Seconds a client waits for an answer."""
_BOUNDARY = "clipkind-benchmark-5f1c2a"


class Server:
    """A server on a free port with an empty state; `options` are those of `clipkind serve`."""

    def __init__(self, *options: str, model: Path | None = None) -> None:
        self._options = [*options, *(["--model", str(model)] if model else [])]
        self._stack = ExitStack()
        self.port = _free_port()
        self.pid = 0

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            state = stack.enter_context(tempfile.TemporaryDirectory(prefix="clipkind-web-"))
            command = [
                *(str(Path(sys.executable).with_name("clipkind")), "serve", "--host", HOST),
                *("--port", str(self.port), "--state", state, *self._options),
            ]
            log = stack.enter_context((Path(state) / "log").open("wb"))
            process = subprocess.Popen(command, stdout=log, stderr=log)
            stack.callback(_end, process)
            self.pid = process.pid
            self._wait(process, Path(state) / "log")
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def client(self, number: int = 0) -> "Client":
        """Client `number`, from 0, with an address of its own: the server counts by address."""
        return Client(self.port, f"127.0.{1 + number // 250}.{1 + number % 250}")

    def _wait(self, process: subprocess.Popen[bytes], log: Path) -> None:
        deadline = time.monotonic() + START_S
        client = self.client()
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if client.get("/readyz").status == 200:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise SystemExit(f"the server does not start:\n{log.read_text(errors='replace')[-2000:]}")


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said."""

    status: int
    body: bytes
    wall_s: float
    retry_after_s: float
    """0 where it does not say."""

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class Client:
    """Somebody with an address; every request has a connection of its own."""

    port: int
    address: str

    def get(self, path: str) -> Reply:
        """Raises OSError where no answer comes."""
        return self._ask("GET", path)

    def post(self, video: Path, name: str = "clip.mp4") -> Reply:
        """Upload a video. Raises OSError where no answer comes."""
        head = (
            f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="video"; '
            f'filename="{name}"\r\nContent-Type: video/mp4\r\n\r\n'
        )
        body = head.encode() + video.read_bytes() + f"\r\n--{_BOUNDARY}--\r\n".encode()
        kind = f"multipart/form-data; boundary={_BOUNDARY}"
        return self._ask("POST", "/api/v1/jobs", body, {"Content-Type": kind})

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: Any = None) -> Reply:
        started = time.perf_counter()
        connection = http.client.HTTPConnection(
            HOST, self.port, PATIENCE_S, source_address=(self.address, 0)
        )
        try:
            connection.request(method, path, body, {"Connection": "close", **(headers or {})})
            answer = connection.getresponse()
            content = answer.read()
        except http.client.HTTPException as error:
            raise ConnectionError(str(error)) from error
        finally:
            connection.close()
        wall = time.perf_counter() - started
        after = answer.headers.get("Retry-After", "")
        return Reply(answer.status, content, wall, float(after) if after.isdigit() else 0.0)


def memory_mb(pids: list[int]) -> float:
    """Memory of processes in MB of 10^6 bytes, what they share counted once (PSS)."""
    total = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # it has ended
        line = next((line for line in text.splitlines() if line.startswith("Pss:")), "Pss: 0")
        total += int(line.split()[1]) * 1024
    return total / 1e6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, 9)
        process.wait()
