"""Members trained side by side, each in a process of its own.

Small networks spend their time in Python, which threads would share; processes do not.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from queue import SimpleQueue
from typing import Any

import torch

from clipkind.errors import ClipkindError
from clipkind.training.history import EpochResult
from clipkind.training.run import Run, read_result
from clipkind.training.watch import Watch

Events = SimpleQueue[tuple[int, dict[str, Any] | BaseException]]
_WORKER = [sys.executable, "-P", "-m", "clipkind.training.worker"]


class TrainingProcessError(ClipkindError):
    """A training process could not go on; its own line says why."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def train_side_by_side(
    run: Run,
    numbers: Sequence[int],
    *,
    device: str,
    jobs: int,
    threads: int,
    watch: Watch,
) -> None:
    """Train the members `numbers` of a run whose data are in its cache, `jobs` at a time.

    Each process computes with `threads` threads; with `device` "cuda" they take the GPUs in turn.
    `watch` is called in this thread. Raises
    TrainingProcessError for the first process that fails, OSError where one cannot be started;
    they and any other exception, such as KeyboardInterrupt, end the others, which the run goes on
    with later.
    """
    events: Events = SimpleQueue()
    processes = _Processes()
    gpus = max(1, torch.cuda.device_count())
    with ThreadPoolExecutor(jobs) as pool:
        for number in numbers:
            place = f"cuda:{number % gpus}" if device == "cuda" else device
            command = [*_WORKER, os.fspath(run.folder), str(number), place, str(threads)]
            job = pool.submit(
                _train, run.members[number], number, command, threads, events, processes
            )
            job.add_done_callback(partial(_pass_on, number, events))
        try:
            for _ in numbers:
                _tell_until_one_ends(run, events, watch)
        finally:
            processes.end()
            pool.shutdown()
            _remove_torn(run)


class _Processes:
    """The processes that run now. Once ended, no more are started."""

    def __init__(self) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False
        self._lock = threading.Lock()

    def start(self, command: list[str], threads: int) -> subprocess.Popen[bytes] | None:
        """Start a process, or None when it is too late for that."""
        with self._lock:
            if self._ended:
                return None
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # never written to: its end tells it that we are gone
                stdout=subprocess.PIPE,
                env={**os.environ, "OMP_NUM_THREADS": str(threads)},
                start_new_session=True,  # Ctrl-C is for us
            )
            self._running.add(process)
            return process

    def forget(self, process: subprocess.Popen[bytes]) -> None:
        """It has ended by itself."""
        with self._lock:
            self._running.discard(process)

    def end(self) -> None:
        """Kill all that run, and let none begin."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.kill()


def _tell_until_one_ends(run: Run, events: Events, watch: Watch) -> None:
    while True:
        number, event = events.get()
        if isinstance(event, BaseException):
            raise event
        member = run.members[number]
        match event["kind"]:
            case "start":
                watch.on_start(member, tuple(map(EpochResult.from_dict, event["epochs"])))
            case "epoch":
                watch.on_epoch(member, EpochResult.from_dict(event["result"]))
            case "failure":
                watch.on_failure(member, event["why"])
            case "error":
                raise TrainingProcessError(event["message"], event["exit_code"])
            case "end":
                result = read_result(run.member_folder(member))
                assert result is not None  # noqa: S101 - the process has ended well
                watch.on_member(result)
                return


def _train(
    member: str,
    number: int,
    command: list[str],
    threads: int,
    events: Events,
    processes: _Processes,
) -> None:
    """Have one process train one member, and pass on what it tells."""
    process = processes.start(command, threads)
    if process is None:
        return
    with process:
        assert process.stdout is not None  # noqa: S101 - a pipe, as asked for
        for line in process.stdout:
            events.put((number, json.loads(line)))
        process.wait()  # while its stdin is still open
    processes.forget(process)
    if process.returncode:
        message = f"{member}: its training process {_end_of(process.returncode)}"
        events.put((number, {"kind": "error", "message": message, "exit_code": 70}))
    else:
        events.put((number, {"kind": "end"}))


def _remove_torn(run: Run) -> None:
    """Remove what processes were writing when they were killed."""
    for folder in (run.folder / "members", run.progress_folder):
        for path in folder.rglob("*.tmp"):
            path.unlink(missing_ok=True)


def _pass_on(number: int, events: Events, job: Future[None]) -> None:
    """Tell of what went wrong in one of our threads: nobody would, and all would wait."""
    if error := job.exception():
        events.put((number, error))


def _end_of(returncode: int) -> str:
    if returncode == -signal.SIGKILL:
        return "was killed; if memory ran out, go on with a smaller --train-jobs"
    return f"was ended ({returncode})"
