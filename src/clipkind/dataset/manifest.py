"""A manifest: the videos of a data set, one row each, with what is known and what is wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


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


def write_manifest(path: Path, entries: list[Entry]) -> None:
    """Write `entries` as CSV, in one step."""
    raise NotImplementedError


def read_manifest(path: Path) -> list[Entry]:
    """Inverse of `write_manifest`; any CSV with `path` and `label` columns will do.

    Raises FileFormatError when the file is none.
    """
    raise NotImplementedError
