"""One video, downloaded by a process that ends when its time is up."""

import json
import os
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from clipkind.dataset.youtube8m.journal import Status
from clipkind.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one video may cost."""

    max_size: int = 500_000_000
    """Bytes."""
    max_duration_s: float = 1200.0
    timeout_s: float = 300.0
    """Seconds the download may take."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a download."""

    status: Status
    reason: str = ""
    file: Path | None = None
    metadata: dict[str, Any] | None = None


def download(url: str, folder: Path, limits: Limits) -> Outcome:
    """Download the video at `url` into the empty `folder`, where its name is the worker's choice.

    A worker that crashes, hangs or is refused costs this video only.
    """
    request = {
        "url": url,
        "folder": os.fspath(folder),
        "max_size": limits.max_size,
        "max_duration_s": limits.max_duration_s,
        "timeout_s": limits.timeout_s,
    }
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "clipkind.dataset.youtube8m.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a group of its own, to end with all it started
        )
        try:
            answer = _ask(process, request)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    pipe.close()
        if not answer.endswith(b"\n"):
            return _death(code, limits, log)
    found = json.loads(answer)
    if found["status"] != Status.DOWNLOADED:
        return Outcome(Status(found["status"]), found["reason"])
    return Outcome(Status.DOWNLOADED, "", folder / found["file"], found["metadata"])


def _ask(process: subprocess.Popen[bytes], request: dict[str, Any]) -> bytes:
    assert process.stdin and process.stdout  # noqa: PT018, S101 - pipes by construction
    with suppress(BrokenPipeError):  # its death shows in the empty answer
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()  # and left open: to the worker its end means ours
    return process.stdout.read()


def _death(code: int, limits: Limits, log: IO[bytes]) -> Outcome:
    if code == -signal.SIGALRM:
        return Outcome(Status.TIMEOUT, f"took more than {limits.timeout_s:g} s")
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    last = printable(lines[-1]) if lines else f"exit code {code}"
    return Outcome(Status.FAILED, f"the downloader crashed ({last})")
