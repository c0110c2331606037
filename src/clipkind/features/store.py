"""The feature store: write a feature set video by video, read it by id.

The file is described in `clipkind.features.layout`.
"""

import difflib
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

import h5py
import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.errors import ContractMismatch, FileFormatError, Reason, VideoError
from clipkind.features.journal import Journal, Record
from clipkind.features.layout import (
    COMPRESSION,
    FeatureRow,
    RefusedRow,
    check_rows,
    read_header,
    read_table,
    reading,
    stored,
    stored_row,
    write_header,
    write_table,
    writing,
)
from clipkind.files import replacing, require_file, resolved
from clipkind.text import printable

__all__ = ["FeatureFile", "FeatureRow", "FeatureWriter", "RefusedRow", "open_features"]

# More than the index and text columns take for a video, unless its path is absurdly long.
_ROW_OVERHEAD = 8192
# The video could not be looked at, which says nothing against what was extracted before: a share
# that is not mounted or a busy machine must not cost finished work.
_NOT_LOOKED_AT = (Reason.MISSING, Reason.PERMISSION, Reason.TIMEOUT, Reason.DECODER_CRASHED)

FloatArray = npt.NDArray[np.floating[Any]]


class FeatureFile:
    """A finished feature file, open for reading. Use as a context manager, or call `close`.

    It goes on showing what it was when opened, even if a writer replaces the file meanwhile.
    """

    path: Path
    contract: Contract
    engine: str
    """What computed the features, at which precision; empty: unknown."""
    rows: tuple[FeatureRow, ...]
    refused: tuple[RefusedRow, ...]
    dtype: np.dtype[np.floating[Any]]

    def __init__(self, path: Path) -> None:
        """Read all but the features. Raises FileFormatError when `path` is no feature file."""
        self.path = path
        with reading(path):
            self._file = h5py.File(path, "r")
            try:
                self._load()
            except BaseException:
                self._file.close()
                raise

    def _load(self) -> None:
        self.contract, self.engine = read_header(self._file)
        self.rows = read_table(self._file["videos"], FeatureRow)
        self.refused = read_table(self._file["refused"], RefusedRow)
        check_rows(self.rows, self.contract.sequence_length)
        self._index = {row.id: i for i, row in enumerate(self.rows)}
        self._features = self._file["features"]
        self.dtype = self._features.dtype
        shape = (len(self.rows), self.contract.sequence_length, self.contract.feature_dim)
        if self._features.shape != shape or self.dtype not in (np.float16, np.float32):
            raise FileFormatError(
                f"features are {self.dtype} {self._features.shape}, not floats {shape}"
            )

    @property
    def ids(self) -> tuple[str, ...]:
        """The videos' ids, in stored order."""
        return tuple(self._index)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """True rows of each sequence, [N]."""
        return np.array([row.length for row in self.rows], dtype=np.int64)

    def index(self, id: str) -> int:
        """Position of a video. Raises VideoError (`unknown_id`), naming the ids closest to it."""
        wanted = stored(id)
        if wanted not in self._index:
            near = difflib.get_close_matches(wanted, self._index, n=3)
            hint = f"did you mean {' or '.join(near)}?" if near else "no id there is like it"
            raise VideoError(
                Reason.UNKNOWN_ID, f"{printable(str(self.path))} has no video {wanted}: {hint}"
            )
        return self._index[wanted]

    def features(self, ids: Sequence[str] | None = None) -> FloatArray:
        """Features [n, T, D] of the videos asked for, in that order (default: all as stored).

        Zero-padded past each row's `length`, in the file's own dtype. Raises VideoError for an
        unknown id, FileFormatError when the data are damaged.
        """
        where = range(len(self.rows)) if ids is None else [self.index(id) for id in ids]
        out = np.empty((len(where), *self._features.shape[1:]), self.dtype)
        with reading(self.path):
            for target, source in zip(out, where, strict=True):
                target[...] = self._features[source]
        return out

    def close(self) -> None:
        """Close the file; `rows` and `contract` stay usable."""
        self._file.close()

    def __len__(self) -> int:
        return len(self.rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_features(path: str | Path) -> FeatureFile:
    """Open a finished feature file. Raises FileFormatError when it is missing or damaged."""
    return FeatureFile(Path(path))


@dataclass(frozen=True, slots=True)
class _Entry:
    """A video of the set being written, and where its features lie until the file is built."""

    row: FeatureRow | RefusedRow
    source: FeatureFile | Record


class FeatureWriter:
    """Write a feature file video by video, or go on with one: kept in `<path>.journal` until done.

    Once `add` or `refuse` has returned, the video survives a kill or a power cut; opening the
    writer again goes on from there. `path` itself changes in one step, in `finish`, which also
    runs when the `with` block ends without an exception. Where it is a link, both lie where that
    leads. One thread and process at a time.
    """

    def __init__(
        self,
        path: str | Path,
        contract: Contract,
        dtype: Literal["float16", "float32"] = "float16",
        engine: str = "",
    ) -> None:
        """Begin, or take over the rows of an existing file and journal made by the same rules.

        `engine` says what computes the features, at which precision: their numbers differ too much
        to mix. Empty, here or there: unknown, not compared, and the file then names none.
        Raises ContractMismatch when they were made by others, FileFormatError when one is damaged
        or holds another dtype, ClipkindError when another process is writing there or `path` is a
        pipe or device.
        """
        require_file(Path(path))
        self.path = resolved(Path(path))
        self.contract = contract
        self._dtype: np.dtype[np.floating[Any]] = np.dtype(dtype)
        self._engine = engine
        self._entries: dict[str, _Entry] = {}
        self._old: FeatureFile | None = None
        self._finished = False
        self.path.parent.mkdir(parents=True, exist_ok=True)
        header = {"contract": contract.to_json(), "dtype": dtype, "engine": engine}
        self._journal = Journal(self.path.with_name(self.path.name + ".journal"), header)
        try:
            if self.path.exists():
                self._take_old(open_features(self.path))
            self._take_journal()
        except BaseException:
            self.close()
            raise

    def has(self, id: str, sha256: str) -> bool:
        """Whether this very video (same id, same bytes) is done and need not be extracted again."""
        entry = self._entries.get(stored(id))
        row = entry.row if entry else None
        return isinstance(row, FeatureRow) and row.sha256 == sha256

    def add(self, row: FeatureRow, features: npt.ArrayLike) -> None:
        """Store `features` [row.length, D]; on return they are safe. An equal id is replaced.

        Raises VideoError (`bad_features`) when the values do not fit the file's dtype,
        FileFormatError when the shape is wrong, OSError (disk full) with everything as it was.
        """
        row = stored_row(row)
        check_rows([row], self.contract.sequence_length)
        block = self._encode(row, np.asarray(features))
        record = self._journal.append({"row": asdict(row)}, block)
        self._entries[row.id] = _Entry(row, record)

    def update(self, id: str, **changes: str) -> None:
        """Change what is said about a stored video (path, label, …) and keep its features."""
        entry = self._entries[stored(id)]
        assert isinstance(entry.row, FeatureRow)  # noqa: S101 - only of what `has` says is done
        row = stored_row(replace(entry.row, **changes))  # type: ignore[arg-type]
        if row != entry.row:
            self.add(row, self._padded(entry.row, entry.source)[: row.length])

    def name_classes(self) -> None:
        """Make the contract's class names those of the videos' labels, sorted."""
        labels = {e.row.label for e in self._entries.values() if isinstance(e.row, FeatureRow)}
        self.contract = replace(self.contract, class_names=tuple(sorted(labels - {""})))

    def refuse(self, row: RefusedRow) -> None:
        """Record a video that cannot be read; `has` stays false, so it will be tried again.

        Features stored earlier stay where the reason is that the video could not be looked at.
        """
        row = stored_row(row)
        entry = self._entries.get(row.id)
        if entry and isinstance(entry.row, FeatureRow) and row.reason in _NOT_LOOKED_AT:
            return
        record = self._journal.append({"refused": asdict(row)})
        self._entries[row.id] = _Entry(row, record)

    def finish(self) -> None:
        """Bring `path` up to date in one step and remove the journal; the writer is then closed.

        On OSError (disk full) the old file and the journal stay, and `finish` may be called again.
        """
        if self._old is None or self._old.contract != self.contract or self._journal.records:
            with replacing(self.path) as temporary:
                self._write(temporary)
        self._finished = True
        self._journal.discard()
        self.close()

    def close(self) -> None:
        """Close without finishing; the journal keeps what was added for the next writer."""
        self._journal.close()
        if self._old is not None:
            self._old.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and not self._finished:
                self.finish()
        finally:
            self.close()

    def _take_old(self, old: FeatureFile) -> None:
        self._old = old
        name = printable(str(self.path))
        ours = f"this extraction into {name}"
        self.contract.require_same(old.contract, ours=ours, theirs="the file already there")
        self._require_dtype(name, str(old.dtype), "choose another --out")
        self._require_engine(name, old.engine)
        self._keep_class_names(old.contract)
        self._entries |= {row.id: _Entry(row, old) for row in old.rows}
        self._entries |= {row.id: _Entry(row, old) for row in old.refused}

    def _take_journal(self) -> None:
        name = printable(str(self._journal.path))
        way_out = "delete it or choose another --out"
        theirs = Contract.from_json(self._journal.header["contract"])
        try:
            self.contract.require_same(theirs, ours="this extraction", theirs=name)
        except ContractMismatch as error:
            what = f"{name}: unfinished extraction with another {', '.join(error.fields)}"
            raise ContractMismatch(error.fields, f"{what}: {way_out}") from None
        self._require_dtype(name, self._journal.header["dtype"], way_out)
        self._require_engine(name, self._journal.header.get("engine", ""))
        self._keep_class_names(theirs)
        for record in self._journal.records:
            row: FeatureRow | RefusedRow
            if "row" in record.meta:
                row = stored_row(FeatureRow(**record.meta["row"]))
            else:
                row = stored_row(RefusedRow(**record.meta["refused"]))
            self._entries[row.id] = _Entry(row, record)

    def _keep_class_names(self, theirs: Contract) -> None:
        if not self.contract.class_names:
            self.contract = theirs

    def _require_dtype(self, name: str, theirs: str, way_out: str) -> None:
        if theirs != self._dtype:
            raise FileFormatError(f"{name}: holds {theirs} features, not {self._dtype}: {way_out}")

    def _require_engine(self, name: str, theirs: str) -> None:
        if theirs and self._engine and theirs != self._engine:
            what = f"{name}: holds features by {theirs}, not {self._engine}"
            way_out = "use the same engine and precision or choose another --out"
            raise ContractMismatch(("engine",), f"{what}: {way_out}")
        self._engine = theirs and self._engine  # where one is unknown, so is that of the whole

    def _encode(self, row: FeatureRow, features: npt.NDArray[Any]) -> bytes:
        shape = (row.length, self.contract.feature_dim)
        if features.shape != shape:
            raise FileFormatError(f"{row.id}: features have shape {features.shape}, not {shape}")
        with np.errstate(over="ignore"):
            stored = features.astype(self._dtype)
        bad = np.flatnonzero(~np.isfinite(stored).all(axis=1))
        if bad.size:
            what = f"{row.id}: features of row {bad[0]} are not finite numbers of {self._dtype}"
            raise VideoError(Reason.BAD_FEATURES, what)
        return stored.tobytes()

    def _write(self, path: Path) -> None:
        # By id, so that equal extractions give equal files in whatever order videos get done.
        entries = [self._entries[id] for id in sorted(self._entries)]
        stored = [(e.row, e.source) for e in entries if isinstance(e.row, FeatureRow)]
        shape = (len(stored), self.contract.sequence_length, self.contract.feature_dim)
        num_bytes = math.prod(shape) * self._dtype.itemsize + len(entries) * _ROW_OVERHEAD
        with writing(path, num_bytes) as file:
            write_header(file, self.contract, self._engine)
            write_table(file.create_group("videos"), [row for row, _ in stored], FeatureRow)
            refused = [e.row for e in entries if isinstance(e.row, RefusedRow)]
            write_table(file.create_group("refused"), refused, RefusedRow)
            features = file.create_dataset(
                "features",
                shape,
                self._dtype,
                chunks=(1, *shape[1:]),
                maxshape=(None, *shape[1:]),  # N may be 0, which a fixed shape cannot chunk
                **COMPRESSION,
            )
            for i, (row, source) in enumerate(stored):
                features[i] = self._padded(row, source)

    def _padded(self, row: FeatureRow, source: FeatureFile | Record) -> FloatArray:
        if isinstance(source, FeatureFile):
            found: FloatArray = source.features([row.id])[0]
            return found
        shape = (self.contract.sequence_length, self.contract.feature_dim)
        out = np.zeros(shape, self._dtype)
        block = np.frombuffer(self._journal.block(source), self._dtype)
        out[: row.length] = block.reshape(row.length, -1)
        return out
