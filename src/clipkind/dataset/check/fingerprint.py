"""Perceptual fingerprints: what of a video survives coding, scaling, cropping, cutting and speed.

A fingerprint is 64 small grey pictures, evenly spread over the video, and what the bundled backbone
makes of 8 of them. The embeddings find candidates among thousands of videos, the pictures decide
(`clipkind.dataset.check.matching`).
"""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.errors import FileFormatError, VideoError
from clipkind.features.engines import Embeddings, Engine
from clipkind.features.feed import IDLE, Feed
from clipkind.features.journal import Journal, Record
from clipkind.features.pipeline import Refusal
from clipkind.text import printable
from clipkind.video.isolation import TIMEOUT_S, DecodeWorker, End, Pictures
from clipkind.video.picture import Picture

VERSION = 1
"""Fingerprints of another version are made again."""
FRAMES = 64
SIDE = 32
"""Pixels of the small pictures."""
EMBEDDED = 8
WIDTH = 1280
"""Numbers of an embedding that are kept, its last: where a backbone gives statistics of its stages,
they come first, and its own vector, which says what a picture shows, comes last."""
_EMBEDDED_AT = np.arange(FRAMES // EMBEDDED // 2, FRAMES, FRAMES // EMBEDDED)
_LUMA = np.array([77, 150, 29], dtype=np.float32) / 256
"""BT.601 weights of red, green and blue."""

Grey = npt.NDArray[np.uint8]
"""Small pictures, shape [FRAMES, SIDE, SIDE]."""


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """What is kept of one video."""

    id: str
    duration_s: float
    pictures: Grey
    embeddings: npt.NDArray[np.float16]
    """Shape [EMBEDDED, D], of evenly spread pictures; D is at most WIDTH."""


def fingerprints_file(manifest: Path) -> Path:
    """Where the fingerprints of a manifest's videos are kept from one run to the next."""
    return manifest.with_suffix(".fingerprints")


class FingerprintStore:
    """Fingerprints by id, in a file that a kill at any time leaves whole. A context manager.

    Memory holds only where they lie. One process at a time may use a file; those of another
    version or backbone are dropped. Raises FileFormatError where `path` is something else.
    """

    def __init__(self, path: Path, contract: Contract) -> None:
        header: dict[str, Any] = {
            "fingerprints": VERSION,
            "weights": contract.weights_sha256,
            "feature_dim": min(contract.feature_dim, WIDTH),
        }
        self._dim = min(contract.feature_dim, WIDTH)
        self._journal = Journal(path, header)
        if self._journal.header != header:
            found = self._journal.header.get("fingerprints")
            if found is None:
                self._journal.close()
                name = printable(str(path))
                raise FileFormatError(f"{name}: holds no fingerprints; move it away and try again")
            self._journal.discard()
            self._journal = Journal(path, header)
        self._records: dict[str, Record] = {r.meta["id"]: r for r in self._journal.records}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def __contains__(self, id: str) -> bool:
        return id in self._records

    def __len__(self) -> int:
        return len(self._records)

    def stamp(self, id: str) -> str:
        """What `add` was told of the file when it was read; empty where there is none."""
        record = self._records.get(id)
        return record.meta["stamp"] if record else ""

    def add(self, fingerprint: Fingerprint, stamp: str = "") -> None:
        """Keep a fingerprint; on return it is on the disk. The last one of an id counts."""
        meta = {"id": fingerprint.id, "duration_s": fingerprint.duration_s, "stamp": stamp}
        block = fingerprint.pictures.tobytes() + fingerprint.embeddings.tobytes()
        self._records[fingerprint.id] = self._journal.append(meta, block)

    def __getitem__(self, id: str) -> Fingerprint:
        record = self._records[id]
        block = self._journal.block(record)
        cut = FRAMES * SIDE * SIDE
        return Fingerprint(
            id=id,
            duration_s=record.meta["duration_s"],
            pictures=np.frombuffer(block, np.uint8, cut).reshape(FRAMES, SIDE, SIDE),
            embeddings=np.frombuffer(block, np.float16, offset=cut).reshape(EMBEDDED, self._dim),
        )


@dataclass(slots=True)
class _Job:
    """A video on its way."""

    positions: list[int] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


Progress = Callable[[Refusal | None], None]
"""Called after each video, with what speaks against it if anything."""


def fingerprint_many(
    videos: Mapping[str, str],
    store: FingerprintStore,
    engine: Engine,
    contract: Contract,
    *,
    jobs: int = 1,
    timeout_s: float = TIMEOUT_S,
    progress: Progress = lambda _: None,
) -> list[Refusal]:
    """Add the fingerprints of `videos` (id -> path) to the store, and say which cannot be read.

    What is there and whose file has not changed is not done again. `contract` is that of the
    engine's backbone; of its sampling nothing is used. Each video is decoded once.
    """
    stamps = {id: _stamp(path) for id, path in videos.items()}
    todo = []
    for id in videos:
        if id in store and store.stamp(id) == stamps[id]:
            progress(None)
        else:
            todo.append(id)
    refusals: list[Refusal] = []
    threads = 0 if jobs == 1 else 1
    workers = [DecodeWorker(threads=threads, timeout_s=timeout_s, whole=True) for _ in range(jobs)]
    try:
        results = _results([videos[id] for id in todo], workers, engine, _view(contract))
        for number, result in results:
            if isinstance(result, Refusal):
                refusals.append(result)
                progress(result)
            else:
                id = todo[number]
                store.add(replace(result, id=id), stamps[id])
                progress(None)
    finally:
        for worker in workers:
            worker.close()
    return refusals


def _view(contract: Contract) -> Contract:
    """What a fingerprint looks at: exact times, as copies have their key frames elsewhere.

    Frames are squeezed whole into the contract's square: what a crop leaves then lies within.
    """
    return replace(
        contract, num_frames=FRAMES, window=(0.0, 1.0), multi_scale="single", keyframe_snap=0.0
    )


def _results(
    paths: list[str], workers: list[DecodeWorker], engine: Engine, view: Contract
) -> Iterator[tuple[int, Fingerprint | Refusal]]:
    """(number of the path, its fingerprint without an id or what speaks against it)."""
    jobs: dict[int, _Job] = {}
    with Feed(paths, workers, view) as feed:
        while item := feed.next(idle=False, eager=False):
            if item is IDLE:
                continue
            job = jobs.setdefault(item.number, _Job())
            message = item.message
            if isinstance(message, Pictures):
                job.positions.extend(message.positions)
                job.pictures.extend(message.new)
            elif isinstance(message, VideoError):
                del jobs[item.number]
                feed.release()
                yield item.number, Refusal(item.path, message.reason, str(message), 0.0)
            elif isinstance(message, End):
                del jobs[item.number]
                feed.release()
                yield item.number, _fingerprint(job, message, engine)


def _fingerprint(job: _Job, end: End, engine: Engine) -> Fingerprint:
    shown = np.array(job.positions)[end.scales[0]]
    grey = small_grey(job.pictures)[shown]
    distinct, again = np.unique(shown[_EMBEDDED_AT], return_inverse=True)
    embeddings: Embeddings = engine.embed([job.pictures[i] for i in distinct])[again, -WIDTH:]
    return Fingerprint("", end.info.duration_s, grey, embeddings.astype(np.float16))


def small_grey(pictures: Iterable[Picture]) -> npt.NDArray[np.uint8]:
    """[n, SIDE, SIDE] luma, by area, of n square RGB pictures with a side that SIDE divides."""
    small = []
    for picture in pictures:
        side = picture.shape[0]
        # rows first, in whole numbers: 20 times as fast as one product with all pixels
        rows = picture.reshape(SIDE, side // SIDE, -1).sum(axis=1, dtype=np.uint16)
        small.append(rows.astype(np.float32) @ _luma_of_columns(side))
    return np.clip(np.stack(small) + 0.5, 0, 255).astype(np.uint8)


@lru_cache(maxsize=4)
def _luma_of_columns(side: int) -> npt.NDArray[np.float32]:
    """[side * 3, SIDE]: from sums over rows of RGB pixels to SIDE means of luma."""
    block = side // SIDE
    luma = np.tile(_LUMA / block**2, block)
    return np.ascontiguousarray(np.kron(np.eye(SIDE, dtype=np.float32), luma).T)


def _stamp(path: str) -> str:
    """Changes when a file does; empty where there is none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - the path may hold bytes pathlib cannot print
    except (OSError, ValueError):
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"
