"""The layout of a feature file: what a row says about its video, and how HDF5 holds it.

Attributes `format`, `format_version`, `contract` (JSON), `contract_sha256`, `clipkind_version`,
`engine` (which computed the features, at which precision; empty: unknown); dataset `features`
[N, T, D] float16 or float32, rows zero-padded to T and sorted by id; groups `videos` and `refused`
with one dataset a column, named as the fields of the row classes below.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

import h5py
import numpy as np

from clipkind import __version__
from clipkind.contract import Contract
from clipkind.errors import FileFormatError
from clipkind.text import composed, printable

FORMAT = "clipkind-features"
FORMAT_VERSION = 1
# Lite0 features of 24 real clips, float16: gzip-4 with shuffle keeps 66 % of the bytes for 5 ms a
# row (80 % of pure noise); lzf keeps 82 % for 1.6 ms, gzip-9 65 % for 38 ms. Extracting the row
# costs far more, any HDF5 tool reads gzip, and its checksum catches flipped bits.
COMPRESSION: dict[str, Any] = {"compression": "gzip", "compression_opts": 4, "shuffle": True}

Status = Literal["ok", "partial"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRow:
    """One video whose features are stored, with texts as `stored` gives them."""

    id: str
    path: str
    group: str = ""
    """What must stay on one side of a split: the source, film or game the clip comes from."""
    label: str = ""
    """Class name; empty while unlabelled."""
    subcategory: str = ""
    sha256: str
    """Of the video file's bytes."""
    duration_s: float
    fps: float
    width: int
    height: int
    length: int
    """True rows of the sequence, 1 to T; the rest is zero padding."""
    distinct: int
    """Distinct frames among the sampled ones."""
    status: Status = "ok"
    reason: str = ""
    """What is missing from a partial row (a `clipkind.errors.Reason`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """One video that could not be read: recorded, so that the counts add up."""

    id: str
    path: str
    reason: str
    """A `clipkind.errors.Reason`."""
    message: str


Row = TypeVar("Row", FeatureRow, RefusedRow)
_NUMBER_TYPES = {int: np.dtype(np.int64), float: np.dtype(np.float64)}


def stored(text: str) -> str:
    """An id or label as feature files have it: printable, and composed (NFC)."""
    return composed(printable(text))


def stored_row(row: Row) -> Row:
    """The row with its texts as they are stored; in paths, and messages about them, as given."""
    values = {f.name: getattr(row, f.name) for f in fields(row)}
    texts: dict[str, Any] = {n: _stored(n, v) for n, v in values.items() if isinstance(v, str)}
    return replace(row, **texts)


def _stored(column: str, text: str) -> str:
    return printable(text) if column in ("path", "message") else stored(text)


def write_header(file: h5py.File, contract: Contract, engine: str) -> None:
    """Write the attributes."""
    file.attrs["format_version"] = FORMAT_VERSION
    texts = {
        "format": FORMAT,
        "contract": json.dumps(contract.to_json()),
        "contract_sha256": contract.sha256,
        "clipkind_version": __version__,
        "engine": engine,
    }
    for name, text in texts.items():
        file.attrs.create(name, text.encode(), dtype=_text_type([text]))


def read_header(file: h5py.File) -> tuple[Contract, str]:
    """Contract and engine, after checking that this is a feature file of a version known here."""
    if file.attrs.get("format") != FORMAT.encode():
        hint = ": it is one of the documented system, which import_documented reads"
        raise FileFormatError(
            "not a clipkind feature file" + (hint if "category_mapping" in file.attrs else "")
        )
    version = int(file.attrs["format_version"])
    if version != FORMAT_VERSION:
        raise FileFormatError(
            f"feature file version {version} is not {FORMAT_VERSION}: made by another clipkind"
        )
    contract = Contract.from_json(dict(json.loads(file.attrs["contract"])))
    if contract.sha256.encode() != file.attrs["contract_sha256"]:
        raise FileFormatError("the contract was changed after it was written: extract again")
    return contract, file.attrs.get("engine", b"").decode()


def write_table(group: h5py.Group, rows: Sequence[Row], kind: type[Row]) -> None:
    """Write rows as one dataset a field."""
    for field in fields(kind):
        values = [getattr(row, field.name) for row in rows]
        dtype = _NUMBER_TYPES.get(field.type)  # type: ignore[arg-type]
        if dtype is None:
            dtype = _text_type(values)
            values = [text.encode() for text in values]
        group.create_dataset(
            field.name,
            data=np.array(values, dtype),
            chunks=(max(len(rows), 1),),
            maxshape=(None,),
            **COMPRESSION,
        )


def read_table(group: h5py.Group, kind: type[Row]) -> tuple[Row, ...]:
    """Inverse of `write_table`."""
    names = [field.name for field in fields(kind)]
    columns = []
    for field in fields(kind):
        column = group[field.name]
        if field.type in _NUMBER_TYPES:
            columns.append(column[:].tolist())
        else:  # an earlier clipkind did not compose them
            columns.append([_stored(field.name, text) for text in column.asstr()[:].tolist()])
    return tuple(
        kind(**dict(zip(names, values, strict=True))) for values in zip(*columns, strict=True)
    )


def _text_type(texts: Sequence[str]) -> np.dtype[Any]:
    # Fixed length, because HDF5 keeps variable-length text in a heap without checksums: a flipped
    # bit there changes a label unseen, or sends the library into an endless loop.
    dtype: np.dtype[Any] = h5py.string_dtype(
        "utf-8", max((len(text.encode()) for text in texts), default=1) or 1
    )
    return dtype


def check_rows(rows: Sequence[FeatureRow], sequence_length: int) -> None:
    """Raise FileFormatError on a row no writer could have written."""
    if len({row.id for row in rows}) != len(rows):
        raise FileFormatError("two videos have the same id")
    for row in rows:
        if not 1 <= row.length <= sequence_length:
            raise FileFormatError(f"{row.id}: length {row.length} is not 1 to {sequence_length}")
        if row.status not in get_args(Status):
            raise FileFormatError(f"{row.id}: unknown status {row.status!r}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a missing, damaged or foreign HDF5 file causes into one FileFormatError."""
    name = printable(str(path))
    try:
        yield
    except FileFormatError as error:
        raise FileFormatError(f"{name}: {error}") from None
    except FileNotFoundError:
        raise FileFormatError(f"{name}: no such file") from None
    except (OSError, LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise FileFormatError(
            f"{name}: cannot be read, damaged or of another format ({printable(str(error))})"
        ) from None


@contextmanager
def writing(path: Path, num_bytes: int) -> Iterator[h5py.File]:
    """A new HDF5 file to fill with up to `num_bytes` of features.

    Raises OSError, before anything is written, when the disk has no room for them.
    """
    # HDF5 (2.0) crashes the process when a write fails, so a full disk must be met before it
    # starts: the room is taken here, and given back by h5py as it truncates the file.
    room = int(num_bytes * 1.01) + 2**20
    with path.open("wb") as placeholder:
        try:
            os.posix_fallocate(placeholder.fileno(), 0, room)
        except OSError as error:
            what = f"{error.strerror}: {room / 1e6:.0f} MB needed"
            raise OSError(error.errno, what, printable(str(path))) from None
    # From format 1.10 (2016) on, HDF5 guards its own structures with checksums.
    with h5py.File(path, "w", libver=("v110", "v110")) as file:
        yield file
