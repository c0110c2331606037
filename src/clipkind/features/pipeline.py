"""Files in, feature sequences out: decoding processes feed one engine, batches span videos.

The only path from a file to numbers: extraction, the command line, Python and the web use it.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from clipkind.checks import MOST_JOBS, require_whole
from clipkind.contract import Contract
from clipkind.errors import Reason, VideoError
from clipkind.features.engines import Engine
from clipkind.features.feed import IDLE, Feed
from clipkind.features.multiscale import assemble
from clipkind.video.isolation import TIMEOUT_S, DecodeWorker, End, Message, Pictures
from clipkind.video.picture import Picture
from clipkind.video.probe import VideoInfo

BATCH_SIZE = 24
"""Pictures per engine call, as documented."""
MOST_PICTURES = 4096
"""In a batch."""
EAGER = 8
"""Pictures an idle engine starts on without waiting for a full batch."""
Watch = Callable[[Message], None]
"""Is told what comes out of the decoder, as it comes: see `clipkind.video.isolation`."""


@dataclass(frozen=True, slots=True)
class VideoFeatures:
    """One video's feature sequence and how it came about."""

    path: str
    features: npt.NDArray[np.float32]
    """Shape [T, D]."""
    info: VideoInfo
    times_s: tuple[float, ...]
    """Times of the base scale's samples, in seconds from the first frame."""
    distinct: int
    """Distinct frames on the base scale."""
    embedded: int
    """Pictures the engine saw: distinct by content, over all scales."""
    decoded: int
    """Frames that came out of the decoder."""
    reason: Reason | None
    """What makes the answer partial; None where nothing is missing."""
    message: str
    elapsed_s: float

    def __repr__(self) -> str:
        shape = "x".join(map(str, self.features.shape))
        return f"VideoFeatures({self.path!r}, [{shape}], {self.reason or 'ok'})"


@dataclass(frozen=True, slots=True)
class Refusal:
    """One file that gave no features, and why."""

    path: str
    reason: Reason
    message: str
    elapsed_s: float


@dataclass(slots=True)
class _Job:
    """A video on its way."""

    path: str
    started: float
    positions: list[int] = field(default_factory=list)
    received: int = 0
    embeddings: list[npt.NDArray[np.float32]] = field(default_factory=list)
    end: End | None = None

    @property
    def complete(self) -> bool:
        return self.end is not None and len(self.embeddings) == self.received


class FeatureExtractor:
    """Turns videos into features under one contract. Use as a context manager, or call `close`.

    `jobs` decoding processes run beside the engine; each video may take `timeout_s` to decode.
    Where decoding is ahead, batches fill to `batch_size`; an idle engine starts at `eager`.
    Raises ValueError for fewer jobs than 1 or more than 64, sizes and times that are not above 0.
    """

    def __init__(
        self,
        engine: Engine,
        contract: Contract,
        *,
        jobs: int = 1,
        batch_size: int = BATCH_SIZE,
        eager: int = EAGER,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        require_whole("jobs", jobs, 1, MOST_JOBS)
        require_whole("batch_size", batch_size, 1, MOST_PICTURES)
        require_whole("eager", eager, 1, MOST_PICTURES)
        self.engine = engine
        self.contract = contract
        self._batch_size = batch_size
        self._eager = min(eager, batch_size)
        threads = 0 if jobs == 1 else 1
        self._workers = [DecodeWorker(threads=threads, timeout_s=timeout_s) for _ in range(jobs)]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Start the decoding processes now rather than at the first video."""
        for worker in self._workers:
            worker.start()

    def close(self) -> None:
        """End the decoding processes. Safe to call twice."""
        for worker in self._workers:
            worker.close()

    def interrupt(self) -> None:
        """End the videos being decoded: they are refused as if the decoder had crashed.

        May be called from any thread; decoding goes on with the next video.
        """
        for worker in self._workers:
            worker.kill()

    def extract(self, path: Path | str) -> VideoFeatures:
        """Features of one video. Raises VideoError when it cannot be read."""
        (result,) = self.extract_many([path])
        if isinstance(result, Refusal):
            raise VideoError(result.reason, result.message)
        return result

    def extract_many(
        self, paths: Iterable[Path | str], *, watch: Watch | None = None
    ) -> Iterator[VideoFeatures | Refusal]:
        """Each path's result exactly once, as it is ready. `paths` may be lazy and endless.

        What `watch` raises ends all that is under way and comes out here; the extractor may be
        used again afterwards.
        """
        jobs: dict[int, _Job] = {}
        batch: list[tuple[_Job, Picture]] = []
        with Feed(paths, self._workers, self.contract) as feed:
            while item := feed.next(idle=bool(batch), eager=self._worth_starting(batch)):
                if item is IDLE:
                    yield from self._embed(batch, feed)
                    batch = []
                    continue
                job = jobs.setdefault(item.number, _Job(item.path, item.started))
                message = item.message
                if watch is not None and not isinstance(message, VideoError):
                    watch(message)
                if isinstance(message, Pictures):
                    job.positions.extend(message.positions)
                    job.received += len(message.new)
                    batch.extend((job, picture) for picture in message.new)
                    while len(batch) >= self._batch_size:
                        yield from self._embed(batch[: self._batch_size], feed)
                        batch = batch[self._batch_size :]
                elif isinstance(message, End):
                    jobs.pop(item.number).end = message
                    if job.complete:
                        feed.release()
                        yield self._finish(job)
                elif isinstance(message, VideoError):
                    del jobs[item.number]
                    batch = [(owner, picture) for owner, picture in batch if owner is not job]
                    feed.release()
                    yield Refusal(job.path, message.reason, str(message), _since(job))

    def _worth_starting(self, batch: list[tuple[_Job, Picture]]) -> bool:
        """Enough for an engine that has nothing else to do, or the rest of some video."""
        return len(batch) >= self._eager or any(job.end for job, _ in batch)

    def _embed(self, batch: list[tuple[_Job, Picture]], feed: Feed) -> Iterator[VideoFeatures]:
        embeddings = self.engine.embed([picture for _, picture in batch])
        for (job, _), vector in zip(batch, embeddings, strict=True):
            job.embeddings.append(vector)
            if job.complete:
                feed.release()
                yield self._finish(job)

    def _finish(self, job: _Job) -> VideoFeatures:
        end = job.end
        assert end is not None  # noqa: S101 - only complete jobs are finished
        by_position = np.stack(job.embeddings)[np.array(job.positions)]
        features = assemble(self.contract, [by_position[scale] for scale in end.scales])
        reason, message = end.missing(len(job.positions))
        return VideoFeatures(
            path=job.path,
            features=features,
            info=end.info,
            times_s=end.times_s,
            distinct=end.distinct,
            embedded=job.received,
            decoded=end.decoded,
            reason=reason,
            message=message,
            elapsed_s=_since(job),
        )


def _since(job: _Job) -> float:
    return time.perf_counter() - job.started
