"""The process that does jobs, started by `clipkind.web.jobs.supervisor`.

    python -m clipkind.web.jobs.worker ROLE

ROLE is `answer` or `fetch`. The first line of stdin says how, as JSON: {"name": …, "settings": …}.
It writes {"kind": "ready"} when it can begin, and ends when stdin does, that is with the server.
Before it dies of a job, it may write {"kind": "guilty", "worker": …}, by which the job is claimed.
What it dies of is the supervisor's to see: it goes to stderr, and its job back to the queue.
"""

import json
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import BinaryIO, Protocol

from clipkind.errors import ClipkindError
from clipkind.memory import shortage_told
from clipkind.web.jobs.failures import StorageError
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.settings import Settings

_LOG = logging.getLogger(__name__)
IDLE_S = 0.1
"""Seconds between two looks for a job."""
LINKS = 4
"""Links that are fetched at a time: a slow one must not hold up the others."""


def main() -> int:
    """Do jobs until stdin ends."""
    # Ctrl-C and a service manager's SIGTERM may come to all processes of a server at once, but the
    # server ends us in order. What we start inherits this: its death would be laid on its video.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    role, out = sys.argv[1], os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a library prints must not end up between the messages
    handed = json.loads(_line(0))
    settings, name = Settings.from_json(handed["settings"]), str(handed["name"])
    try:
        work = _answering if role == "answer" else _fetching
        with shortage_told():
            work(settings, name, lambda **message: _send(out, message))
    except ClipkindError as error:
        _send(out, {"kind": "error", "message": str(error)})
        return error.exit_code
    return 0


class _Tell(Protocol):
    """Writes a message to the supervisor."""

    def __call__(self, **message: str) -> None: ...


def _answering(settings: Settings, name: str, tell: _Tell) -> None:
    from clipkind.web.jobs.answering import Answerer

    store, spool = _open(settings)
    answerer = Answerer(settings, store, spool)
    threading.Thread(target=_end_with_parent, args=(answerer.close,), daemon=True).start()
    answerer.start()
    _in_thread(answerer.watch_for_cancelling)
    tell(kind="ready")
    _do_jobs(lambda: None if answerer.closing else store.claim(name), answerer.answer)


def _fetching(settings: Settings, name: str, tell: _Tell) -> None:
    from clipkind.web.jobs.fetching import Fetcher

    store, spool = _open(settings)
    fetcher = Fetcher(settings, store, spool)
    threading.Thread(target=_end_with_parent, daemon=True).start()

    def work(thread: int) -> None:
        worker = f"{name}-{thread}"  # by which the one link that ends us is told from the others
        try:
            _do_jobs(lambda: store.claim(worker, links=True), fetcher.fetch)
        except StorageError:  # no link's doing
            raise
        except BaseException:
            tell(kind="guilty", worker=worker)
            raise

    tell(kind="ready")
    for thread in range(1, LINKS):
        _in_thread(partial(work, thread))
    work(0)


def _open(settings: Settings) -> tuple[JobStore, Spool]:
    # not durable: what a worker says can be found out again, unlike what a client sent
    store = JobStore(settings.database, durable=False)
    return store, Spool(settings.files, settings.quota)


def _do_jobs(claim: Callable[[], Job | None], do: Callable[[Job], None]) -> None:
    while True:
        job = claim()
        if job is None:
            time.sleep(IDLE_S)
        else:
            do(job)


def _in_thread(do: Callable[[], None]) -> None:
    """In a thread whose end is that of the process: its job must not be left without anyone."""

    def run() -> None:
        try:
            do()
        except BaseException:
            _LOG.exception("a worker's thread ended")
            raise
        finally:
            os._exit(1)

    threading.Thread(target=run, daemon=True).start()


def _end_with_parent(clean_up: Callable[[], None] = lambda: None) -> None:
    # read, not sys.stdin.read: its lock would hold up the interpreter's end
    while os.read(0, 1024):
        pass
    clean_up()
    os._exit(0)


def _line(handle: int) -> bytes:
    """One line, byte by byte: what follows stays for `_end_with_parent`."""
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(handle, 1)
        if not byte:
            sys.exit(0)
        line += byte
    return line


def _send(out: BinaryIO, message: dict[str, str]) -> None:
    out.write(json.dumps(message).encode() + b"\n")


if __name__ == "__main__":
    sys.exit(main())
