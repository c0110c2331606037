"""Rows of CSV, JSON lines and Parquet files, all as text, each with the place it stands at."""

import csv
import io
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from clipkind.errors import FileFormatError, MissingDependency
from clipkind.text import composed, printable


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a table."""

    place: str
    """Where it stands, for messages: the file and the line or row."""
    values: dict[str, str]
    """By column, in lower case. A missing value, null or NaN is the empty text; paths are as they
    are given, all other text is `clipkind.text.composed`."""

    def first(self, *columns: str) -> str:
        """The value of the first of `columns` that the row has; empty where it has none."""
        return next((self.values[name] for name in columns if name in self.values), "")


def read_rows(path: Path, *, errors: Literal["strict", "surrogateescape"] = "strict") -> list[Row]:
    """All rows of a table, of a kind told by its suffix; other suffixes mean CSV.

    `errors`: what becomes of bytes in a CSV file that are not UTF-8.
    Raises FileFormatError naming the line where the file is damaged, MissingDependency where
    Parquet cannot be read.
    """
    read = TABLES.get(path.suffix.lower(), _csv_rows)
    rows = _csv_rows(path, errors) if read is _csv_rows else read(path)
    return [replace(row, values=_composed(row.values)) for row in rows]


def _csv_rows(path: Path, errors: str = "strict") -> list[Row]:
    shown = printable(str(path))
    try:
        text = path.read_bytes().decode("utf-8-sig", errors)
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{shown}: is not a CSV file in UTF-8 ({error})") from None
    # strict: else a quote left open would swallow all rows below it without a word
    reader = csv.DictReader(io.StringIO(text, newline=""), restval="", strict=True)
    rows = []
    try:
        for row in reader:
            place = f"{shown}, line {reader.line_num}"
            if any(row.pop(None, [])):
                raise FileFormatError(
                    f"{place}: has more cells than the head of the table; put quotes around "
                    'text with commas: "a, b.mp4"'
                )
            rows.append(Row(place, {n.strip().lower(): value for n, value in row.items()}))
    except csv.Error as error:
        raise FileFormatError(
            f"{shown}, from line {reader.line_num + 1} on: is not CSV ({error}); correct it there"
        ) from None
    return rows


def _json_rows(path: Path) -> list[Row]:
    shown = printable(str(path))
    rows = []
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            place = f"{shown}, line {number}"
            if not line.strip():
                continue
            try:
                record = json.loads(line.decode("utf-8-sig"))
            except ValueError as error:  # of the encoding or of JSON
                raise FileFormatError(f"{place}: is not JSON in UTF-8 ({error})") from None
            except RecursionError:
                raise FileFormatError(f"{place}: is nested too deeply") from None
            if not isinstance(record, dict):
                raise FileFormatError(
                    f"{place}: is no JSON object; write one a line, such as "
                    '{"file_name": "a.mp4", "label": "Gaming"}'
                )
            rows.append(Row(place, _texts(record, place)))
    return rows


def _parquet_rows(path: Path) -> list[Row]:
    shown = printable(str(path))
    try:
        import pyarrow.lib
        import pyarrow.parquet
    except ModuleNotFoundError:
        raise MissingDependency(
            f"{shown}: reading Parquet needs pyarrow; pip install 'clipkind[train]' brings it"
        ) from None
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            # videos themselves may lie in other columns
            names = [n for n in file.schema_arrow.names if n.strip().lower() in COLUMNS]
            records = file.read(columns=names).to_pylist()
    except (pyarrow.lib.ArrowException, OSError) as error:
        why = printable(str(error).partition("\n")[0])
        raise FileFormatError(f"{shown}: is damaged or no Parquet file ({why})") from None
    places = [f"{shown}, row {number}" for number in range(1, len(records) + 1)]
    return [Row(p, _texts(record, p)) for p, record in zip(places, records, strict=True)]


TABLES: dict[str, Callable[[Path], list[Row]]] = {
    ".csv": _csv_rows,
    ".jsonl": _json_rows,
    ".parquet": _parquet_rows,
}
"""The kinds of table, by suffix."""
PATH = ("path", "file_name")
COLUMNS = frozenset(
    (
        *("id", *PATH, "label", "category", "class", "subcategory"),
        *("group", "source", "split", "status", "reason", "message"),
        *("duration_s", "fps", "width", "height"),
    )
)
"""What is read of a JSON or Parquet table: all columns that say something about a video."""


def _composed(values: dict[str, str]) -> dict[str, str]:
    as_given = (*PATH, "message")  # which names paths
    return {name: text if name in as_given else composed(text) for name, text in values.items()}


def _texts(record: dict[str, Any], place: str) -> dict[str, str]:
    values = {}
    for name, value in record.items():
        column = name.strip().lower()
        if column in COLUMNS:
            values[column] = _text(value, f"{place}: {column}")
    return values


def _text(value: Any, place: str) -> str:
    """A value as text. Raises FileFormatError for a list, or what no file could be called."""
    if isinstance(value, bytes):
        return os.fsdecode(value)
    if value is None or value != value:  # NaN: missing, in tables from pandas
        return ""
    if not isinstance(value, str | int | float):
        raise FileFormatError(f"{place} is a {type(value).__name__}; give text there")
    text = str(value)
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise FileFormatError(f"{place} is no text: {printable(text)}") from None
    return text
