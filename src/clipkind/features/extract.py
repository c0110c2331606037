"""Extraction of a set of videos into one feature file: resumable, every input accounted for."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from clipkind.errors import ClipkindError
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.features.store import FeatureRow, FeatureWriter, RefusedRow


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
"""Called after each video: its result (None: reused) and the counts so far."""


def extract_to_store(
    items: Iterable[Item],
    extractor: FeatureExtractor,
    out: Path,
    *,
    dtype: Literal["float16", "float32"] = "float16",
    progress: Progress = lambda _result, _summary: None,
) -> Summary:
    """Write the features of all items to `out`, going on where an earlier run stopped.

    Raises ContractMismatch where `out` holds features made by other rules, ClipkindError for two
    items with one id or path, OSError when the disk is full; what was extracted by then is kept.
    """
    by_path = _by_path(items)
    labels = sorted({item.label for item in by_path.values() if item.label})
    contract = replace(extractor.contract, class_names=tuple(labels))
    summary = Summary()
    hashes: dict[str, str] = {}
    reused: list[str] = []
    with FeatureWriter(out, contract, dtype) as writer:

        def fresh() -> Iterator[str]:
            for path, item in by_path.items():
                hashes[path] = file_sha256(path)
                if writer.has(item.id, hashes[path]):
                    reused.append(path)
                else:
                    yield path

        for result in extractor.extract_many(fresh()):
            item = by_path[result.path]
            if isinstance(result, Refusal):
                writer.refuse(_refused(item, result))
                summary.refused += 1
            else:
                writer.add(_row(item, result, hashes[result.path]), result.features)
                summary.pictures += result.embedded
                summary.partial += result.reason is not None
                summary.ok += result.reason is None
            progress(result, summary)
        summary.reused = len(reused)
        progress(None, summary)
    return summary


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
            raise ClipkindError(f"{item.path} (id {item.id}) is listed twice; list each video once")
        by_path[item.path] = item
        ids.add(item.id)
    return by_path


def _row(item: Item, result: VideoFeatures, sha256: str) -> FeatureRow:
    return FeatureRow(
        id=item.id,
        path=item.path,
        group=item.group or item.id,
        label=item.label,
        subcategory=item.subcategory,
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


def _refused(item: Item, result: Refusal) -> RefusedRow:
    return RefusedRow(id=item.id, path=item.path, reason=result.reason, message=result.message)
