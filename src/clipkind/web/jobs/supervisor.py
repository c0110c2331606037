"""Keeps a server's workers going, and its state folder tidy.

Each worker is a process with a thread here that starts it, waits for its end, puts its jobs back
and starts the next. What a kill -9 of the server leaves is put right when the next one starts.
"""

import fcntl
import json
import logging
import secrets
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import replace
from typing import IO, Self

from clipkind.text import printable
from clipkind.web.jobs.failures import Failure, StorageError
from clipkind.web.jobs.leftovers import drop, drop_cancelled
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.settings import Settings

_LOG = logging.getLogger(__name__)
TIDY_S = 60.0
"""Seconds between two rounds of tidying up."""
NEARLY = 0.8
"""Share of the quota that files of finished jobs may keep from others."""
END_S = 5.0
"""Seconds workers have to end by themselves."""
LONGEST_S = 30.0
"""Seconds between two starts of a worker that does not come up."""
STEADY_S = 10.0
"""Seconds after which a worker's death is no sign that the next one will die too."""


class Supervisor:
    """A server's workers: `settings.workers` that answer, and one that fetches links.

    Use as a context manager, or call `start` and `stop`, once.
    """

    def __init__(self, settings: Settings, store: JobStore, spool: Spool) -> None:
        self._settings, self._store, self._spool = settings, store, spool
        roles = ["answer"] * settings.workers + ["fetch"] * settings.links
        self._keepers = [_Keeper(role, settings, store, spool) for role in roles]
        self._stopping = threading.Event()
        self._tidying = threading.Thread(target=self._tidy_for_ever, daemon=True)
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Put right what the last server left, and start the workers; does not wait for them.

        Raises StorageError where another server has the state folder.
        """
        self._lock = _lock(self._settings)
        drop_cancelled(self._store, self._spool, self._store.recover())
        if not self._settings.links:
            self._refuse_links()
        # before any client is heard: nothing can be on its way
        self._spool.sweep(self._store.known(), stale_s=0)
        self.tidy()
        for keeper in self._keepers:
            keeper.start()
        self._tidying.start()

    def stop(self) -> None:
        """End the workers. Their jobs go back to the queue, for the next server."""
        self._stopping.set()
        for keeper in self._keepers:
            keeper.stop()
        for keeper in self._keepers:
            keeper.join()
        if self._tidying.is_alive():
            self._tidying.join()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def ready(self) -> bool:
        """Whether a worker can answer jobs."""
        return any(keeper.ready for keeper in self._keepers if keeper.role == "answer")

    @property
    def pids(self) -> tuple[int, ...]:
        """The processes of the workers there are."""
        found = [keeper.pid for keeper in self._keepers]
        return tuple(pid for pid in found if pid is not None)

    def tidy(self) -> None:
        """Delete the files of jobs whose time is up, and forget the oldest answers.

        Where the quota is nearly taken, files of finished jobs go before their time, the oldest
        first: else whoever fills it would keep all others out for as long as files are kept.
        """
        store, spool, now = self._store, self._spool, time.time()
        for id in store.trim(self._settings.keep_jobs):
            spool.drop(id)
        drop(store, spool, store.expired(now - self._settings.keep_s))
        spool.sweep(store.known())
        for id in store.expired(now):
            if spool.used() <= NEARLY * spool.quota:
                break
            drop(store, spool, [id])

    def _refuse_links(self) -> None:
        """Those that an earlier server accepted would wait for ever."""
        while job := self._store.claim("nobody", links=True):
            message = "this server no longer fetches links; upload the video"
            self._store.fail(job.id, Failure.LINKS_OFF, message)

    def _tidy_for_ever(self) -> None:
        while not self._stopping.wait(TIDY_S):
            try:
                self.tidy()
            except (StorageError, OSError) as error:
                _say("cannot tidy up: %s", error)


class _Keeper:
    """Sees to it that there is a worker of one role."""

    def __init__(self, role: str, settings: Settings, store: JobStore, spool: Spool) -> None:
        self.role, self._settings, self._store, self._spool = role, settings, store, spool
        self.ready = False
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._turn = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def pid(self) -> int | None:
        process = self._process
        return None if process is None else process.pid

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Ask the worker to end."""
        with self._turn:
            self._stopping.set()
            if self._process is not None and self._process.stdin is not None:
                with suppress(BrokenPipeError):
                    self._process.stdin.close()

    def join(self) -> None:
        """Wait for its end, and bring it about where that takes long."""
        if not self._thread.ident:
            return
        self._thread.join(END_S)
        with self._turn:
            if self._process is not None:
                self._process.kill()
        self._thread.join()

    def _run(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(wait_s):
            started = time.monotonic()
            name = f"{self.role}-{secrets.token_hex(8)}"
            self._keep(name)
            if self._stopping.is_set():
                return
            steady = time.monotonic() - started >= STEADY_S
            wait_s = 0.0 if steady else min(max(2 * wait_s, 0.5), LONGEST_S)

    def _keep(self, name: str) -> None:
        """One worker, from its start until its jobs are back, whatever goes wrong with it."""
        guilty = None
        try:
            guilty = self._live(name)
        except Exception as error:  # noqa: BLE001  # the next one must come all the same
            self._tell(f"a worker is given up: {printable(repr(error))}", name)
        finally:
            self._put_back(name, guilty)

    def _live(self, name: str) -> str | None:
        """One worker's life, from its start to its end. Returns which thread's job ended it, where
        it said so."""
        with self._turn:
            if self._stopping.is_set():
                return None
            try:
                process = self._process = self._begin(name)
            except OSError as error:  # the machine has no more memory, or processes
                self._tell(f"a worker cannot be started: {error.strerror}", name)
                return None
        try:
            last, guilty = self._listen(process)
        finally:
            self._end(process)
        self._tell(last or f"a worker ended with code {process.returncode}", name)
        return guilty

    def _listen(self, process: "subprocess.Popen[bytes]") -> tuple[str, str | None]:
        """What a worker tells until it ends: its last trouble, and which thread's job ended it."""
        assert process.stdout  # noqa: S101 - a pipe by construction
        last, guilty = "", None
        for line in process.stdout:
            message = json.loads(line)
            if message["kind"] == "ready":
                self.ready = True
            elif message["kind"] == "guilty":
                guilty = str(message["worker"])
            else:
                last = printable(message["message"])
        process.wait()
        return last, guilty

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """Of a worker that ended or can no longer be heard: nothing of it may go on with a job
        that is put back."""
        process.kill()  # without effect where it has ended
        process.wait()
        self.ready = False
        with self._turn:
            self._process = None
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):
                        pipe.close()

    def _begin(self, name: str) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "clipkind.web.jobs.worker", self.role],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert process.stdin  # noqa: S101 - a pipe by construction
        settings = replace(self._settings, token=None).to_json()  # it needs to know no secret
        with suppress(BrokenPipeError):  # its death shows in the end of its stdout
            process.stdin.write(json.dumps({"name": name, "settings": settings}).encode() + b"\n")
            process.stdin.flush()
        return process

    def _tell(self, trouble: str, name: str) -> None:
        if not self._stopping.is_set():
            _say("%s (%s)", trouble, name)

    def _put_back(self, name: str, guilty: str | None) -> None:
        """The worker's jobs, which must not be running for ever, whatever the disk says."""
        while True:
            try:
                died = not self._stopping.is_set()
                ids = self._store.release(name, died=died, guilty=guilty)
                drop_cancelled(self._store, self._spool, ids)
            except StorageError as error:
                _say("%s", error)
                if self._stopping.wait(1.0):
                    return  # the next server will see to it
            else:
                if ids and not self._stopping.is_set():
                    _say("jobs of %s begin again: %s", name, ", ".join(ids))
                return


def _say(words: str, *facts: object) -> None:
    """Log it, if that can be done: nothing here may end by it."""
    with suppress(Exception):
        _LOG.error(words, *facts)


def _lock(settings: Settings) -> IO[bytes]:
    """Hold the state folder: two servers would take each other's jobs for abandoned."""
    path = settings.state / "lock"
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as error:
        where = printable(str(settings.state))
        raise StorageError(
            f"{where}: {error.strerror}; give another folder with --state"
        ) from error
    try:
        # gone with this process however it ends: workers do not inherit the file
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        file.close()
        where = printable(str(settings.state))
        raise StorageError(
            f"{where}: another server works here; end it, or give another folder with --state"
        ) from None
    return file
