"""The fetching process: one request on stdin, one file in its working folder, told on stdout.

It ends at once when its parent is gone (stdin closes), and when twice its time is up. Every message
is a JSON line:
    {"kind": "progress", "done": bytes, "total": bytes or 0}
    {"kind": "fetched", "name": ..., "size": bytes}
    {"kind": "refused", "reason": ..., "message": ...}
    {"kind": "full", "errno": ...}
"""

import errno
import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any, TextIO

from clipkind.text import printable
from clipkind.web.links.address import Judge
from clipkind.web.links.fetch import FILE, Limits, Report, fetch_file, too_large
from clipkind.web.links.guard import Guard, limit
from clipkind.web.links.pages import fetch_page_video, is_known_site
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.links.resolver import Resolver

EVERY_S = 0.2
"""Between two words of progress."""
FULL = (errno.ENOSPC, errno.EDQUOT)


class DiskFull(OSError):
    """There is no room for what was fetched: nothing that the link is to blame for."""


def main() -> None:
    """Serve the one request."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever yt-dlp prints must not end up between the messages
    request = json.loads(sys.stdin.readline())
    signal.setitimer(signal.ITIMER_REAL, 2 * request["timeout_s"] + 1)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit(request["max_size"], request["timeout_s"])
    try:
        name = _fetch(request, _reporter(out))
        size = Path(FILE).stat().st_size
        answer = {"kind": "fetched", "name": name, "size": size}
    except LinkRefused as refused:
        answer = {"kind": "refused", "reason": refused.reason, "message": str(refused)}
    except DiskFull as error:
        answer = {"kind": "full", "errno": error.errno}
    _send(out, answer)
    os._exit(0)  # nothing that was fetched has a say in how it ends


def _end_with_parent() -> None:
    os.read(0, 1)
    os._exit(1)


def _fetch(request: dict[str, Any], report: Report) -> str:
    judge = Judge.of(request["allowed"])
    resolver = Resolver(judge, request["names"])
    guard = Guard(judge, resolver)
    guard.install()
    limits = Limits(request["max_size"], time.monotonic() + request["timeout_s"])
    url, file = request["url"], Path(FILE)
    try:
        name = _fetch_file(url, file, resolver, limits, report)
        return fetch_page_video(url, file, guard, limits, report) if name is None else name
    except OSError as error:
        if guard.refused:
            raise guard.refused from None
        if error.errno == errno.EFBIG:
            raise too_large(limits.max_size) from None
        if error.errno in FULL:
            raise DiskFull(error.errno, error.strerror) from None
        why = printable(error.strerror or type(error).__name__)
        raise LinkRefused(
            LinkReason.CRASHED, f"what the link leads to cannot be kept ({why}): tell the operator"
        ) from None
    except MemoryError:
        raise LinkRefused(
            LinkReason.CRASHED,
            "the link takes more memory to fetch than it may: download the video and upload it",
        ) from None


def _fetch_file(
    url: str, file: Path, resolver: Resolver, limits: Limits, report: Report
) -> str | None:
    try:
        return fetch_file(url, file, resolver, limits, report)
    except LinkRefused as refused:
        if refused.reason == LinkReason.STATUS and is_known_site(url):
            return None
        raise


def _reporter(out: TextIO) -> Report:
    told = 0.0

    def report(done: int, total: int) -> None:
        nonlocal told
        if (now := time.monotonic()) - told >= EVERY_S:
            told = now
            _send(out, {"kind": "progress", "done": done, "total": total})

    return report


def _send(out: TextIO, message: dict[str, Any]) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
