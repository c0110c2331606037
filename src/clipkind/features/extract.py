"""Extraction of a set of videos into one feature file: resumable, every input accounted for."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from clipkind.errors import ClipkindError, VideoError
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.features.store import FeatureRow, FeatureWriter, RefusedRow
from clipkind.text import printable


@dataclass(frozen=True, slots=True)
class Item:
    """A video to extract and what is known about it."""

    id: str
    path: str
    label: str = ""
    subcategory: str = ""
    group: str = ""
    """Source (channel, film, game): the unit of splitting. Empty: the video is its own group."""


@dataclass(slots=True)
class Summary:
    """What became of every input; the counts add up to the number of items."""

    ok: int = 0
    partial: int = 0
    refused: int = 0
    reused: int = 0
    """Done in an earlier run and unchanged since."""
    pictures: int = 0
    """Pictures embedded in this run."""


Progress = Callable[[VideoFeatures | Refusal | None, Summary], None]
"""Called after each video: its result (None: reused) and the counts so far.

One call at a time, but not always from the caller's thread.
"""


def extract_to_store(
    items: Iterable[Item],
    extractor: FeatureExtractor,
    out: Path,
    *,
    dtype: Literal["float16", "float32"] = "float16",
    progress: Progress = lambda _result, _summary: None,
) -> Summary:
    """Write the features of all items to `out`, going on where an earlier run stopped.

    What is done and unchanged is kept, with the labels, groups and paths of this run; so are
    videos of earlier runs that are no longer listed. The class names are the labels, sorted.
    A video whose features do not fit `dtype` is refused (`bad_features`).
    Raises ContractMismatch where `out` holds features made by other rules, ClipkindError for two
    items with one id or path, OSError when the disk is full; what was extracted by then is kept.
    """
    by_path = _by_path(items)
    contract = replace(extractor.contract, class_names=())  # they follow from the labels
    engine = extractor.engine.name.partition(" on ")[0]  # another device gives the same numbers
    with FeatureWriter(out, contract, dtype, engine) as writer:
        run = _Run(by_path, writer, progress)
        for result in extractor.extract_many(run.fresh()):
            run.take(result)
        run.relabel()
        writer.name_classes()
    return run.summary


class _Run:
    """One extraction into one writer: what becomes of each video, counted and told at once."""

    def __init__(self, by_path: dict[str, Item], writer: FeatureWriter, progress: Progress) -> None:
        self.summary = Summary()
        self._by_path = by_path
        self._writer = writer
        self._progress = progress
        self._hashes: dict[str, str] = {}
        self._reused: list[str] = []
        # `fresh` runs in the decoding threads, `take` in the caller's; both count and tell.
        self._lock = threading.Lock()

    def fresh(self) -> Iterator[str]:
        """The paths to extract; those done before are counted when their turn comes."""
        for path, item in self._by_path.items():
            self._hashes[path] = file_sha256(path)
            if self._writer.has(item.id, self._hashes[path]):
                self._reused.append(path)
                self._tell(None, reused=1)
            else:
                yield path

    def take(self, result: VideoFeatures | Refusal) -> None:
        """Store a result, or record why there is none."""
        item = self._by_path[result.path]
        if isinstance(result, Refusal):
            self._refuse(item, result)
            return
        try:
            self._writer.add(_row(item, result, self._hashes[result.path]), result.features)
        except VideoError as error:  # one video's numbers must not end the work on all others
            refusal = Refusal(result.path, error.reason, str(error), result.elapsed_s)
            self._refuse(item, refusal, pictures=result.embedded)
        else:
            partial = result.reason is not None
            self._tell(result, partial=partial, ok=not partial, pictures=result.embedded)

    def relabel(self) -> None:
        """Give the videos done before the paths and labels of this run."""
        for path in self._reused:
            item = self._by_path[path]
            self._writer.update(item.id, path=path, **_labels(item))

    def _refuse(self, item: Item, refusal: Refusal, pictures: int = 0) -> None:
        self._writer.refuse(_refused(item, refusal))
        self._tell(refusal, refused=1, pictures=pictures)

    def _tell(self, result: VideoFeatures | Refusal | None, **counts: int) -> None:
        with self._lock:
            for name, count in counts.items():
                setattr(self.summary, name, getattr(self.summary, name) + count)
            self._progress(result, self.summary)


def file_sha256(path: str) -> str:
    """sha256 of a file's content; empty where it cannot be read (decoding will say why)."""
    if not os.path.isfile(path):  # noqa: PTH113 - the path may hold bytes pathlib cannot print
        return ""
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _by_path(items: Iterable[Item]) -> dict[str, Item]:
    by_path: dict[str, Item] = {}
    ids: set[str] = set()
    for item in items:
        if item.path in by_path or item.id in ids:
            name = printable(f"{item.path} (id {item.id})")
            raise ClipkindError(f"{name} is listed twice; list each video once")
        by_path[item.path] = item
        ids.add(item.id)
    return by_path


def _row(item: Item, result: VideoFeatures, sha256: str) -> FeatureRow:
    return FeatureRow(
        id=item.id,
        path=item.path,
        **_labels(item),
        sha256=sha256,
        duration_s=result.info.duration_s,
        fps=result.info.fps,
        width=result.info.width,
        height=result.info.height,
        length=len(result.features),
        distinct=result.distinct,
        status="partial" if result.reason else "ok",
        reason=result.reason or "",
    )


def _labels(item: Item) -> dict[str, str]:
    return {
        "group": item.group or item.id,
        "label": item.label,
        "subcategory": item.subcategory,
    }


def _refused(item: Item, result: Refusal) -> RefusedRow:
    return RefusedRow(id=item.id, path=item.path, reason=result.reason, message=result.message)
