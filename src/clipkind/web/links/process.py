"""The fetching process as seen from the one that wants the video."""

import json
import logging
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Never

from clipkind.text import printable
from clipkind.web.links.address import Judge, Names
from clipkind.web.links.fetch import FILE, timed_out
from clipkind.web.links.link import parse
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.links.resolver import Resolver
from clipkind.web.settings import Settings

_LOG = logging.getLogger(__name__)
LOOK_S = 0.25
"""How often `progress` is asked whether to go on while nothing comes."""
_ENVIRONMENT = (
    *("PATH", "HOME", "TMPDIR", "TZ", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR"),
)
"""What the process is told of ours: no proxies, and nothing that may be secret."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A video that was fetched."""

    name: str
    """What its server or page calls it, printable: for people, never for the file system."""
    size: int
    """Bytes."""


def check_link(url: str, allowed: Sequence[str] = ()) -> str:
    """The link without blanks around it. Raises LinkRefused for one that could never be fetched,
    be it that it names an address that is neither public nor in the networks `allowed`.

    Nothing is resolved or connected to: where a name leads is judged when it is fetched.
    """
    link = parse(url)
    Resolver(Judge.of(allowed)).check_literal(link.host, link.port)
    return link.url


def fetch(
    url: str,
    target: Path,
    *,
    settings: Settings,
    progress: Callable[[int, int], bool],
    names: Names | None = None,
) -> Fetched:
    """Fetch the video behind a link into the file `target`, in one step.

    Takes at most `settings.max_upload` bytes and `settings.fetch_timeout_s` seconds, and leads to
    no address that is neither public nor in `settings.allowed_addresses`. `progress` is told bytes
    so far and in all (0: not known), several times a second; where it returns False the fetch is
    ended. `names` resolves hosts in place of the system, which is then not asked.

    Raises LinkRefused, or OSError where the disk is full; `target` does not exist then. What is
    under way lies in the folder `<target>.fetch` beside it.
    """
    target.unlink(missing_ok=True)
    parse(url)  # refused without a process
    Judge.of(settings.allowed_addresses)
    request = {
        "url": url,
        "max_size": settings.max_upload,
        "timeout_s": settings.fetch_timeout_s,
        "allowed": settings.allowed_addresses,
        "names": names,
    }
    with _folder(target) as folder:
        answer = _answer(folder, request, progress)
        if answer["kind"] == "refused":
            raise LinkRefused(LinkReason(answer["reason"]), answer["message"])
        if answer["kind"] == "full":
            raise OSError(answer["errno"], os.strerror(answer["errno"]))
        (folder / FILE).replace(target)
    return Fetched(answer["name"], answer["size"])


@contextmanager
def _folder(target: Path) -> Iterator[Path]:
    """An empty folder to fetch into, by the target's name: a killed fetch's is known by it."""
    folder = target.with_name(target.name + ".fetch")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _answer(
    folder: Path, request: dict[str, Any], progress: Callable[[int, int], bool]
) -> dict[str, Any]:
    """The last message of a process of its own. It is over when this returns or raises."""
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            [sys.executable, "-B", "-P", "-m", "clipkind.web.links.worker"],
            cwd=folder,
            env={**kept, "YTDLP_NO_PLUGINS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,  # a group of its own, to end with all it started
        )
        try:
            assert process.stdin and process.stdout  # noqa: PT018, S101 - pipes by construction
            with suppress(BrokenPipeError):  # its death shows in the missing answer
                process.stdin.write(json.dumps(request).encode() + b"\n")
                process.stdin.flush()  # and left open: to the process its end means ours
            deadline = time.monotonic() + request["timeout_s"]
            answer = _listen(process.stdout, deadline, progress)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(BrokenPipeError):
                        pipe.close()
        if answer is None:
            _death(code, log)
        return answer


def _listen(
    stream: IO[bytes], deadline: float, progress: Callable[[int, int], bool]
) -> dict[str, Any] | None:
    """Pass on progress until the final message, or None where the process ends without one."""
    done = total = 0
    waiting = b""
    while True:
        if not progress(done, total):
            raise LinkRefused(LinkReason.CANCELLED, "the job was cancelled: send it again")
        left = deadline - time.monotonic()
        if left <= 0:
            raise timed_out()
        if not select.select([stream], [], [], min(left, LOOK_S))[0]:
            continue
        piece = os.read(stream.fileno(), 1 << 16)
        if not piece:
            return None
        *lines, waiting = (waiting + piece).split(b"\n")
        for message in map(json.loads, lines):
            if message["kind"] != "progress":
                return dict(message)
            done, total = message["done"], message["total"]


def _death(code: int, log: IO[bytes]) -> Never:
    if code == -signal.SIGXCPU:
        raise timed_out()
    log.seek(0)
    lines = log.read().decode("utf-8", "replace").strip().splitlines()
    last = printable(lines[-1]) if lines else "it said nothing"
    _LOG.error("the process that fetches a link ended with code %s: %s", code, last)
    raise LinkRefused(
        LinkReason.CRASHED, "fetching the link failed: download the video yourself and upload it"
    )
