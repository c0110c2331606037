"""Links between videos that show the same footage, and the groups they join.

The file of links also says which videos were compared, one in a row without `b` each: that a video
has no link means something only where somebody looked.
"""

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from clipkind.errors import FileFormatError
from clipkind.files import replacing
from clipkind.text import composed, printable


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Two videos, by id, that show the same footage."""

    a: str
    b: str
    score: float
    """0..1; 1 is as alike as copies can be."""
    how: str = ""
    """What relates them, as far as it could be told (`mirrored`, `cropped`, ...)."""


_COLUMNS = [field.name for field in fields(Link)]
_COMPARED = "compared"


def links_file(manifest: Path) -> Path:
    """Where `dataset check` keeps the links of a manifest, and `dataset split` looks for them."""
    return manifest.with_suffix(".links.csv")


def write_links(path: Path, links: Iterable[Link], compared: Iterable[str] = ()) -> None:
    """Write `links` and the ids of all videos that were compared as CSV, in one step.

    Ids are written as split and feature files have them: `clipkind.text.printable`.
    """
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
        writer.writeheader()
        for link in links:
            ids = {"a": printable(link.a), "b": printable(link.b)}
            writer.writerow(asdict(link) | ids)
        for id in sorted(map(printable, compared)):
            writer.writerow({"a": id, "how": _COMPARED})


def read_links(path: Path) -> list[Link]:
    """The links `write_links` has written. Raises FileFormatError for a file of anything else."""
    return [Link(**row) for row in _rows(path) if row["b"]]


def read_compared(path: Path) -> frozenset[str] | None:
    """The ids of the videos that were compared; None where the file of links does not say.

    Raises as `read_links`.
    """
    return frozenset(row["a"] for row in _rows(path) if not row["b"]) or None


def _rows(path: Path) -> list[dict[str, Any]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(map(composed, file))
            if reader.fieldnames != _COLUMNS:  # "no links" must not come from a file cut short
                raise ValueError(f"it has no columns {', '.join(_COLUMNS)}")
            return list(_whole(reader))
    except (ValueError, csv.Error) as error:
        what = printable(f"{path}: is not a file of links ({error})")
        raise FileFormatError(f"{what}; run clipkind dataset check again") from None


def _whole(reader: "csv.DictReader[str]") -> Iterator[dict[str, Any]]:
    row: dict[str, Any]
    for row in reader:
        if None in row or None in row.values():
            raise ValueError(f"line {reader.line_num} is cut short")
        if row["b"]:
            row["score"] = float(row["score"])
        elif row["how"] != _COMPARED:
            raise ValueError(f"line {reader.line_num} names one video only")
        yield row


def joined_groups(groups: Mapping[str, str], links: Iterable[Link]) -> dict[str, str]:
    """Groups by video id, where linked videos and what is in one group with them share one name.

    `groups` says for each id which source it comes from. The joined group is called as the first
    of its names in sorted order, so the answer does not depend on the order of the links, of which
    those that name unknown ids are passed over.
    """
    parent: dict[str, str] = {name: name for name in groups.values()}

    def root(name: str) -> str:
        while parent[name] != name:
            parent[name] = parent[parent[name]]
            name = parent[name]
        return name

    for link in links:
        if link.a in groups and link.b in groups:
            low, high = sorted((root(groups[link.a]), root(groups[link.b])))
            parent[high] = low
    return {id: root(group) for id, group in groups.items()}
