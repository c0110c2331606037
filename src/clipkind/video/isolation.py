"""Decode in a process of its own, so that a hostile or broken file costs one line of output.

FFmpeg's decoders are large C programs fed with files of unknown origin. In a child process a
crash, a hang or a memory bomb ends that child; the parent refuses that one video and goes on.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
import numpy.typing as npt

from clipkind.checks import LONGEST_S
from clipkind.contract import Contract
from clipkind.errors import MissingDependency, Reason, VideoError
from clipkind.memory import limit_told
from clipkind.video.picture import Picture
from clipkind.video.probe import VideoInfo

MEMORY_LIMIT = 6 << 30
"""Address space of a decoding process, in bytes: 8K frames with decoder threads fit. A lower
limit of the system stays."""
_STARTS_WITH = 2 << 30
"""Address space with which it starts on any machine."""
_ASK_DOCTOR = "run clipkind doctor, and check that clipkind is installed in this environment"
TIMEOUT_S = 300.0
"""Seconds one video may take to decode."""


@dataclass(frozen=True, slots=True)
class Start:
    """First message of a video: how many frames its plan has."""

    frames: int


@dataclass(frozen=True, slots=True)
class Pictures:
    """Some frames of the plan, in order."""

    positions: tuple[int, ...]
    """For each frame, the index of its picture among all distinct pictures of the video."""
    new: tuple[Picture, ...]
    """The distinct pictures not seen before in this video, each [crop, crop, 3] uint8."""


@dataclass(frozen=True, slots=True)
class End:
    """Last message of a video."""

    info: VideoInfo
    scales: tuple[npt.NDArray[np.int64], ...]
    """For each temporal scale, the plan position of each sample."""
    times_s: tuple[float, ...]
    """Times of the base scale's samples, in seconds."""
    distinct: int
    """Distinct frames on the base scale."""
    lost: int
    """Wanted frames that did not decode cleanly."""
    decoded: int
    damaged: bool
    gone_s: float
    """Seconds in the middle of which the file has lost the frames."""

    def missing(self, wanted: int) -> tuple[Reason | None, str]:
        """Why the answer is partial, if it is, of a video of which `wanted` frames were asked."""
        info, lost = self.info, []
        if info.truncated:
            return Reason.TRUNCATED, (
                f"is cut short: ends at {info.duration_s:.1f} s of {info.declared_s:.1f} s"
            )
        if self.damaged:
            return Reason.TRUNCATED, f"is cut short: cannot be read past {info.duration_s:.1f} s"
        if self.gone_s:
            lost.append(f"the file has lost {self.gone_s:.1f} s of {info.duration_s:.1f} s")
        if self.lost:
            lost.append(f"{self.lost} of {wanted} frames are damaged")
        if lost:
            return Reason.FRAMES_LOST, f"{' and '.join(lost)}; their neighbours stand in"
        return None, ""


Message = Start | Pictures | End


class DecodeWorker:
    """A decoding process, started on first use and again after every death.

    With `whole`, pictures show all of the frame, squeezed to the contract's square. A video may
    take `timeout_s` seconds (inf: any time). Raises ValueError where that is not above 0.
    """

    def __init__(
        self, *, threads: int = 0, timeout_s: float = TIMEOUT_S, whole: bool = False
    ) -> None:
        self._whole = whole
        self._threads = threads
        self._timeout_s = require_timeout(timeout_s)
        self._process: subprocess.Popen[bytes] | None = None
        self._killed: subprocess.Popen[bytes] | None = None
        self._ready = False
        self._turn = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the process now, so that its start-up overlaps with other work."""
        if self._process is not None and self._process.poll() is not None:
            self._discard(self._process)
        if self._process is None:
            self._ready = False
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "clipkind.video.worker", str(MEMORY_LIMIT)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )

    def read(
        self, path: Path | str, contract: Contract, folder: str | None = None
    ) -> Iterator[Message]:
        """Decode one video. Raises VideoError where it cannot be read, hangs or kills the decoder.

        A relative path starts at `folder`, a `working_folder` (None: the one of now). Leaving the
        iterator early ends the process; the next call starts a new one. A call from another thread
        waits for its turn.
        """
        folder = folder or working_folder()
        with self._turn:
            yield from self._read(path, contract, folder)

    def _read(self, path: Path | str, contract: Contract, folder: str) -> Iterator[Message]:
        self.start()
        process = self._process
        assert process and process.stdin and process.stdout  # noqa: PT018, S101 - just started
        expired = threading.Event()
        timer = threading.Timer(self._timeout_s, self._expire, (process, expired))
        timer.daemon = True
        request = {
            "path": os.fsencode(path).hex(),
            "folder": os.fsencode(folder).hex(),
            "contract": contract.to_json(),
            "threads": self._threads,
            "whole": self._whole,
            "timeout_s": self._timeout_s,
        }
        self._await_ready(process)
        finished = False
        timer.start()
        try:
            process.stdin.write(json.dumps(request).encode() + b"\n")
            process.stdin.flush()
            for message in _messages(process.stdout, contract.crop):
                finished = isinstance(message, End)
                yield message
        except VideoError:
            finished = True
            raise
        except (BrokenPipeError, EOFError):
            raise self._death(expired.is_set()) from None
        finally:
            timer.cancel()
            if not finished or expired.is_set():  # it may have ended just as its time was over
                self._discard(process)

    def kill(self) -> None:
        """End the video under way, if any; may be called from another thread than `read`."""
        process = self._process  # the reading thread may drop it at any time
        if process is not None:
            self._killed = process
            process.kill()
            process.wait()

    def close(self) -> None:
        """End the process. Safe to call twice."""
        process = self._process
        if process is not None:
            self._discard(process)

    def _discard(self, process: subprocess.Popen[bytes]) -> None:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(BrokenPipeError):  # what it had not read is lost with it
                    pipe.close()
        if self._process is process:
            self._process = None

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout  # noqa: S101 - a pipe by construction
        if not self._ready and not process.stdout.readline():
            self._discard(process)
            if process is self._killed:  # while it was starting: nothing is amiss with it
                raise self._death(expired=False)
            raise MissingDependency(
                f"the decoding process ({sys.executable} -m clipkind.video.worker) does not start: "
                + (limit_told(below=_STARTS_WITH) or _ASK_DOCTOR)
            )
        self._ready = True

    @staticmethod
    def _expire(process: subprocess.Popen[bytes], expired: threading.Event) -> None:
        expired.set()
        process.kill()

    def _death(self, expired: bool) -> VideoError:
        if expired:
            return VideoError(
                Reason.TIMEOUT, f"took more than {self._timeout_s:g} s to decode; raise --timeout"
            )
        message = "crashed the decoder; re-encode it"
        if limit := limit_told(below=MEMORY_LIMIT):
            message += f"; perhaps it needs more memory: {limit}"
        return VideoError(Reason.DECODER_CRASHED, message)


def require_timeout(timeout_s: float) -> float:
    """`timeout_s`, or `LONGEST_S` for more. Raises ValueError where it is not above 0."""
    if not timeout_s > 0:
        raise ValueError(f"timeout_s is {timeout_s}; give seconds above 0, or inf for any time")
    return min(timeout_s, LONGEST_S)


def working_folder() -> str:
    """The folder where relative names start now; where it is gone, a place without files."""
    try:
        return os.getcwd()  # noqa: PTH109 - its name may hold bytes pathlib cannot print
    except OSError:
        return os.devnull


def _messages(stream: IO[bytes], crop: int) -> Iterator[Message]:
    """Read one video's messages. Raises EOFError when the process dies in between."""
    while True:
        line = stream.readline()
        if not line.endswith(b"\n"):
            raise EOFError
        head = json.loads(line)
        kind = head.pop("kind")
        if kind == "refused":
            raise VideoError(Reason(head["reason"]), head["message"])
        if kind == "start":
            yield Start(**head)
        elif kind == "pictures":
            pictures = _read_pictures(stream, head["new"], crop)
            yield Pictures(tuple(head["positions"]), pictures)
        else:
            yield _end(head)
            return


def _read_pictures(stream: IO[bytes], count: int, crop: int) -> tuple[Picture, ...]:
    size = count * crop * crop * 3
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return tuple(np.frombuffer(data, np.uint8).reshape(count, crop, crop, 3))


def _end(head: dict[str, Any]) -> End:
    return End(
        info=VideoInfo(**head.pop("info")),
        scales=tuple(np.array(scale, dtype=np.int64) for scale in head.pop("scales")),
        times_s=tuple(head.pop("times_s")),
        **head,
    )
