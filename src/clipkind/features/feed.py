"""Decoding threads, one per decoding process, and the queue through which they feed the engine."""

import os
import queue
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Final, Self

from clipkind.contract import Contract
from clipkind.errors import VideoError
from clipkind.video.isolation import DecodeWorker, End, Message, working_folder


class _Idle(Enum):
    IDLE = "idle"


IDLE: Final = _Idle.IDLE
"""Nothing has come yet: better to work on what is there than to wait."""


JOIN_S = 2.0
"""Seconds to wait for decoding threads when a run is left early: one may hang on its input."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message of one video."""

    number: int
    """Counts the videos from 0, in the order they were started."""
    path: str
    started: float
    """`time.perf_counter()` when reading began."""
    message: Message | VideoError


class Feed:
    """Decodes `paths` on the workers; a video holds a slot from its start to `release`.

    The slots bound memory: at most one video more than there are workers is under way.
    """

    def __init__(
        self, paths: Iterable[Path | str], workers: list[DecodeWorker], contract: Contract
    ) -> None:
        self._numbered: Iterator[tuple[int, Path | str]] = enumerate(paths)
        self._workers = workers
        self._contract = contract
        self._paths_lock, self._count_lock = threading.Lock(), threading.Lock()
        self._slots = threading.Semaphore(len(workers) + 1)
        self._queue: queue.Queue[Delivery | Exception | None] = queue.Queue()
        self._running = len(workers)
        self._decoding = 0
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), daemon=True) for worker in workers
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        if self._running:
            for worker in self._workers:
                worker.kill()
            self._slots.release(len(self._workers))
            for thread in self._threads:
                thread.join(JOIN_S)

    def release(self) -> None:
        """A video is done with: another may start."""
        self._slots.release()

    def next(self, *, idle: bool, eager: bool) -> Delivery | _Idle | None:
        """The next message; None at the end.

        IDLE, with `idle`, rather than wait for a new video; with `eager`, rather than wait at all.
        Raises whatever iterating over the paths raised.
        """
        while self._running:
            try:
                item = self._queue.get(block=not (eager or (idle and self._decoding == 0)))
            except queue.Empty:
                return IDLE
            if isinstance(item, Exception):
                raise item
            if item is not None:
                return item
            self._running -= 1
        return IDLE if idle else None

    def _run(self, worker: DecodeWorker) -> None:
        try:
            while True:
                self._slots.acquire()
                with self._paths_lock:
                    upcoming = None if self._stopped else next(self._numbered, None)
                    folder = working_folder()  # the name means what it means now
                if upcoming is None or self._stopped:  # the paths may have come late
                    self._slots.release()
                    return
                self._decode(worker, *upcoming, folder)
        except Exception as error:  # noqa: BLE001 - raised again in the consumer's thread
            self._queue.put(error)
        finally:
            self._queue.put(None)

    def _decode(self, worker: DecodeWorker, number: int, path: Path | str, folder: str) -> None:
        self._count(+1)
        name, started = os.fspath(path), time.perf_counter()
        try:
            for message in worker.read(path, self._contract, folder):
                if isinstance(message, End):
                    self._count(-1)  # before the put: the consumer must not wait for this video
                self._queue.put(Delivery(number, name, started, message))
        except VideoError as error:
            self._count(-1)
            self._queue.put(Delivery(number, name, started, error))

    def _count(self, step: int) -> None:
        with self._count_lock:
            self._decoding += step
