"""A split file: which videos are trained on, chosen by and tested on. CSV, one row a video."""

import csv
import io
from collections.abc import Collection, Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from clipkind.errors import FileFormatError
from clipkind.files import write_file
from clipkind.text import composed, printable

SplitName = Literal["train", "val", "test", "excluded"]
SPLITS: tuple[SplitName, ...] = ("train", "val", "test")
"""The sides footage must not cross. `excluded` videos are in none of them."""
_NAMES: dict[str, SplitName] = {name: name for name in get_args(SplitName)}
_SHOWN = 3
_AGAIN = "run clipkind dataset split again, with --fresh"


@dataclass(frozen=True, slots=True)
class SplitRow:
    """Where one video stands. Texts are as in feature files: composed and printable."""

    id: str
    split: SplitName
    label: str
    subcategory: str = ""
    group: str = ""
    """All videos that share footage or a source with this one, and so its side."""


@dataclass(frozen=True, slots=True)
class SplitTable:
    """The rows of a split file, sorted by id; each id stands in one."""

    rows: tuple[SplitRow, ...]

    def ids(self, split: SplitName) -> tuple[str, ...]:
        """The videos of one split, sorted."""
        return tuple(row.id for row in self.rows if row.split == split)

    @property
    def sides(self) -> dict[str, SplitName]:
        """Split by id, excluded videos too."""
        return {row.id: row.split for row in self.rows}

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes of all videos that are not excluded, sorted."""
        return tuple(sorted({row.label for row in self.rows if row.split != "excluded"}))

    def require_in(self, ids: Collection[str], *, ours: str, theirs: str) -> None:
        """Check that `ids` hold every video that is not excluded.

        Of a feature file give also the ids of what it refused: those are no other videos. `ours`
        and `theirs` name this split and where the ids are from. Raises FileFormatError.
        """
        here = [row.id for row in self.rows if row.split != "excluded"]
        missing = [id for id in here if id not in ids]
        if not missing:
            return
        what = f"{printable(ours)} is a split of other videos: {len(missing)} of its {len(here)}"
        names = ", ".join(missing[:_SHOWN]) + (", …" if len(missing) > _SHOWN else "")
        raise FileFormatError(
            f"{what} are not in {printable(theirs)} ({names}); split or extract the same manifest"
        )


def sources_known(rows: Iterable[SplitRow]) -> bool:
    """Whether any video's is: where none is, groups are called like one of their videos."""
    rows = list(rows)
    return not {row.group for row in rows} <= {row.id for row in rows}


def encode_split(table: SplitTable) -> bytes:
    """The file's bytes: the same for equal tables."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(field.name for field in fields(SplitRow))
    writer.writerows(astuple(row) for row in table.rows)
    return text.getvalue().encode()


def write_split(path: Path, table: SplitTable) -> None:
    """Write `table` as CSV, in one step."""
    write_file(path, encode_split(table))


def read_split(path: Path) -> SplitTable:
    """Inverse of `write_split`. Further columns are passed over, rows may be in any order.

    A video without a group is one of its own. Raises FileFormatError where `path` is no split
    file, an id stands in two rows, a group on two sides or a split is none of train, val, test and
    excluded; OSError where it cannot be read.
    """
    shown = printable(str(path))
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(map(composed, file), strict=True)
            found = [(reader.line_num, row) for row in reader]
            head = reader.fieldnames or ()
    except (UnicodeDecodeError, csv.Error) as error:
        what = printable(str(error))
        raise FileFormatError(f"{shown}: is not a CSV file in UTF-8 ({what}); {_AGAIN}") from None
    wanted = [field.name for field in fields(SplitRow)]
    missing = [name for name in wanted if name not in head]
    if missing:
        raise FileFormatError(f"{shown}: is no split file, it has no column {missing[0]}; {_AGAIN}")
    if not found:
        raise FileFormatError(f"{shown}: holds no videos; {_AGAIN}")
    rows = []
    for line, values in found:
        if None in values.values() or not values["id"] or not values["label"]:
            raise FileFormatError(f"{shown}, line {line}: is cut short; {_AGAIN}")
        if values["split"] not in _NAMES:
            what = f"{printable(values['split'])!r} is none of {', '.join(_NAMES)}"
            raise FileFormatError(f"{shown}, line {line}: split {what}")
        id, split, label, subcategory, group = (values[name] for name in wanted)
        rows.append(SplitRow(id, _NAMES[split], label, subcategory, group or id))
    _check(rows, shown)
    return SplitTable(tuple(sorted(rows, key=lambda row: row.id)))


def _check(rows: list[SplitRow], shown: str) -> None:
    ids: set[str] = set()
    sides: dict[str, SplitRow] = {}
    for row in rows:
        if row.id in ids:
            raise FileFormatError(
                f"{shown}: video {printable(row.id)} stands in two rows; {_AGAIN}"
            )
        ids.add(row.id)
        if row.split == "excluded":
            continue
        first = sides.setdefault(row.group, row)
        if first.split != row.split:
            what = f"group {printable(row.group)} crosses: {printable(first.id)} is in"
            what += f" {first.split}, {printable(row.id)} in {row.split}"
            raise FileFormatError(f"{shown}: {what}; {_AGAIN}")
