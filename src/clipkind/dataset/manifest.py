"""A manifest: the videos of a data set, one row each, with what is known and what is wrong."""

import os
from codecs import BOM_UTF8
from dataclasses import astuple, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

from clipkind.dataset.listing import existing
from clipkind.dataset.tables import PATH, Row, read_rows
from clipkind.errors import FileFormatError
from clipkind.files import write_file
from clipkind.text import composed, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a data set. `ok` entries have different ids; the others are there to be seen."""

    id: str
    """The first 16 hex digits of the sha256 of the file's bytes; empty where it cannot be read."""
    path: str
    """As it can be opened. In the manifest file: relative to it, where the video lies below it."""
    label: str = ""
    subcategory: str = ""
    group: str = ""
    """The source (channel, film, game) it comes from; empty: unknown, a group of its own."""
    split: str = ""
    """The split a documented layout (`split/class/...`) or a manifest had put it in."""
    duration_s: float = 0.0
    fps: float = 0.0
    width: int = 0
    height: int = 0
    status: Literal["ok", "refused"] = "ok"
    reason: str = ""
    """Why it is refused: a `clipkind.errors.Reason`, such as `too_short` or `duplicate`."""
    message: str = ""
    """The same in words, naming the other file of a duplicate."""


LABEL = ("label", "category", "class")
GROUP = ("group", "source")
"""Columns that mean the same; where a table has several, the first counts."""
UNKNOWN_SOURCES = "sources are not known, so each video stands for itself"
"""What is said where no video has a group."""
_HEADER = ",".join(f.name for f in fields(Entry))


def write_manifest(path: Path, entries: list[Entry]) -> None:
    """Write `entries` as CSV, in one step. Bytes of a path that are not UTF-8 stay as they are.

    Raises OSError where that fails; nothing half-written is left behind.
    """
    lines = [_HEADER]
    for entry in entries:
        values = astuple(replace(entry, path=_stored(entry.path, path.parent)))
        lines.append(",".join(map(_cell, values)))
    text = "".join(f"{line}\n" for line in lines)
    write_file(path, text.encode("utf-8", "surrogateescape"))


def read_manifest(path: Path) -> list[Entry]:
    """Inverse of `write_manifest`; any CSV with `path` and `label` columns will do.

    There the path, as it is written, stands in for the `id` where that column is missing.
    Raises FileFormatError when the file is none, or lists an ok video twice.
    """
    entries = []
    lines: dict[str, str] = {}
    for row in manifest_rows(path):
        if not any(name in row.values for name in LABEL):
            raise FileFormatError(f"{row.place}: no label column there")
        entry = _entry(row, path)
        if entry.status == "ok" and lines.setdefault(entry.id, row.place) != row.place:
            raise FileFormatError(
                f"{row.place}: lists the video {printable(entry.id)} a second time; run clipkind "
                "dataset scan on it, which keeps each once"
            )
        entries.append(entry)
    return entries


def manifest_rows(path: Path) -> list[Row]:
    """The rows of a manifest in CSV, JSON lines or Parquet; each has a path.

    Raises FileFormatError naming the place where a row has none or the file is damaged.
    """
    rows = read_rows(path, errors="surrogateescape" if is_own(path) else "strict")
    for row in rows:
        if not row.first(*PATH):
            raise FileFormatError(f"{row.place}: no path (or file_name) column there")
    return rows


def video_path(row: Row, folder: Path) -> str:
    """The video of a row as it can be opened, `folder` being that of the table."""
    return existing(str(folder / row.first(*PATH)))


def is_own(path: Path) -> bool:
    """Whether `path` is a file by `write_manifest`, which may be overwritten, going by its head.

    Raises OSError where it cannot be read.
    """
    with path.open("rb") as file:
        return file.readline(1000).removeprefix(BOM_UTF8).rstrip() == _HEADER.encode()


def is_refused(row: Row) -> bool:
    """Whether a scan refused this video. Raises FileFormatError where the status is unknown."""
    status = row.first("status") or "ok"
    if status not in ("ok", "refused"):
        raise FileFormatError(f"{row.place}: status {printable(status)!r} is not ok or refused")
    return status == "refused"


def _stored(video: str, folder: Path) -> str:
    """A video's path relative to `folder` where it lies below it, else absolute."""
    absolute = os.path.abspath(video)  # noqa: PTH100 - pathlib keeps the .. of a path
    base = os.path.join(os.path.abspath(folder), "")  # noqa: PTH100, PTH118
    return absolute.removeprefix(base)


def _cell(value: Any) -> str:
    """One field of a line. The csv module of Python 3.11 would leave a lone \\r unquoted."""
    text = str(value)
    if text != text.strip() or any(sign in text for sign in ',"\r\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _entry(row: Row, manifest: Path) -> Entry:
    name = row.first(*PATH)
    return Entry(
        id=row.first("id") or ("" if is_refused(row) else composed(name)),
        path=video_path(row, manifest.parent),
        label=row.first(*LABEL),
        subcategory=row.first("subcategory"),
        group=row.first(*GROUP),
        split=row.first("split"),
        duration_s=_number(row, "duration_s"),
        fps=_number(row, "fps"),
        width=int(_number(row, "width")),
        height=int(_number(row, "height")),
        status="refused" if is_refused(row) else "ok",
        reason=row.first("reason"),
        message=row.first("message"),
    )


def _number(row: Row, column: str) -> float:
    text = row.first(column) or "0"
    try:
        number = float(text)
    except ValueError:
        number = -1
    if not 0 <= number < float("inf"):
        raise FileFormatError(f"{row.place}: {column} cannot be {printable(text)!r}")
    return number
