"""From a feature file and a split file to the arrays a run trains on."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.contract import Contract
from clipkind.dataset.splits.table import SPLITS, SplitName, SplitRow, SplitTable
from clipkind.errors import FileFormatError
from clipkind.features.store import FeatureFile
from clipkind.text import printable
from clipkind.training.data import Split

MEMORY_LIMIT = 4 * 10**9
"""Bytes of features above which one process, too, maps them from a file. Several always do: they
share the memory."""
_BLOCK = 64
"""Videos read at a time."""
_ARRAYS = "features.npy", "lengths.npy", "labels.npy"
_ABOUT = "data.json"


@dataclass(frozen=True, slots=True, eq=False)
class TrainingData:
    """The videos of a split, in the order train, val, test."""

    contract: Contract
    """That of the features, with the classes of the split."""
    rows: tuple[SplitRow, ...]
    """[N]."""
    features: NDArray[Any]
    """[N, T, D], float16 or float32."""
    lengths: NDArray[np.int64]
    labels: NDArray[np.int64]
    refused: tuple[str, ...]
    """Ids that are in the split, but whose features could not be extracted."""

    def split(self, name: SplitName) -> Split:
        """One split; its arrays are views."""
        where = self._where(name)
        return Split(self.features[where], self.lengths[where], self.labels[where])

    def rows_of(self, name: SplitName) -> tuple[SplitRow, ...]:
        """What is known of the videos of one split, in the order of its arrays."""
        return self.rows[self._where(name)]

    def _where(self, name: SplitName) -> slice:
        where = [i for i, row in enumerate(self.rows) if row.split == name]
        return slice(where[0], where[-1] + 1) if where else slice(0)


def prepare(
    file: FeatureFile, table: SplitTable, split_name: str, cache: Path | None = None
) -> TrainingData:
    """Read what `table` (called `split_name` in messages) asks for out of `file`.

    With `cache`, a folder, the features go to a file in it, for `load_prepared`, and are mapped
    from there; otherwise they are in memory. Raises FileFormatError
    where the split is of other videos, a class has nothing to train on or to choose by, or features
    are damaged or no numbers; OSError when the disk is full.
    """
    shown = printable(str(file.path))
    refused_there = {row.id for row in file.refused}
    table.require_in({*file.ids, *refused_there}, ours=split_name, theirs=shown)
    wanted = {name: [row for row in table.rows if row.split == name] for name in SPLITS}
    rows = [row for name in SPLITS for row in wanted[name] if row.id not in refused_there]
    class_names = _class_names(rows, table, split_name)
    data = TrainingData(
        contract=replace(file.contract, class_names=class_names),
        rows=tuple(rows),
        features=_read(file, [row.id for row in rows], cache),
        lengths=np.array([file.rows[file.index(row.id)].length for row in rows], np.int64),
        labels=np.array([class_names.index(row.label) for row in rows], np.int64),
        refused=tuple(r.id for n in SPLITS for r in wanted[n] if r.id in refused_there),
    )
    if cache:
        np.save(cache / _ARRAYS[1], data.lengths)
        np.save(cache / _ARRAYS[2], data.labels)
        about = {
            "contract": data.contract.to_json(),
            "rows": [[r.id, r.split, r.label, r.subcategory, r.group] for r in rows],
            "refused": data.refused,
        }
        (cache / _ABOUT).write_text(json.dumps(about), encoding="utf-8")
    return data


def load_prepared(cache: Path) -> TrainingData:
    """What `prepare` left in `cache`; the features are mapped, not read."""
    about = json.loads((cache / _ABOUT).read_bytes())
    features, lengths, labels = (cache / name for name in _ARRAYS)
    return TrainingData(
        contract=Contract.from_json(about["contract"]),
        rows=tuple(SplitRow(*row) for row in about["rows"]),
        features=_load_features(features),
        lengths=np.load(lengths),
        labels=np.load(labels),
        refused=tuple(about["refused"]),
    )


def is_large(file: FeatureFile) -> bool:
    """Whether the features of a file are more than should be held in memory."""
    sizes = len(file), file.contract.sequence_length, file.contract.feature_dim
    return math.prod(sizes) * file.dtype.itemsize > MEMORY_LIMIT


def identity(file: FeatureFile, table: SplitTable) -> dict[str, Any]:
    """What a run is trained on: contract, and hashes of the features and of the split.

    Features follow from the videos' bytes, contract and engine, so those of a folder that was moved
    or of a file that was written anew are the same.
    """
    rows = [row for row in table.rows if row.split != "excluded"]
    there = {row.id: (row.sha256, row.length) for row in file.rows}
    found = [(row.id, *there[row.id]) for row in rows if row.id in there]
    return {
        "contract": replace(file.contract, class_names=()).to_json(),
        "features": _sha256([file.engine, str(file.dtype), found]),
        "split": _sha256([(row.id, row.split, row.label) for row in rows]),
    }


def _sha256(value: Any) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _class_names(rows: list[SplitRow], table: SplitTable, split_name: str) -> tuple[str, ...]:
    shown = printable(split_name)
    if len(table.class_names) < 2:
        raise FileFormatError(f"{shown}: has the one class {', '.join(table.class_names)}, not two")
    for name in ("train", "val"):
        there = {row.label for row in rows if row.split == name}
        for label in table.class_names:
            if label not in there:
                raise FileFormatError(
                    f"{shown}: no video of class {printable(label)} with features is in {name}: "
                    "add videos of more sources and split again, or drop the class"
                )
    return table.class_names


def _read(file: FeatureFile, ids: list[str], cache: Path | None) -> NDArray[Any]:
    shape = (len(ids), file.contract.sequence_length, file.contract.feature_dim)
    if cache:
        path = cache / _ARRAYS[0]
        header = {"descr": file.dtype.str, "fortran_order": False, "shape": shape}
        with path.open("wb") as out:  # to a map a full disk would be a crash, not an error
            np.lib.format.write_array_header_1_0(out, header)
            for block in _blocks(file, ids):
                out.write(np.ascontiguousarray(block).data)
        return _load_features(path)
    target: NDArray[Any] = np.empty(shape, file.dtype)
    for number, block in enumerate(_blocks(file, ids)):
        target[number * _BLOCK : number * _BLOCK + len(block)] = block
    return target


def _blocks(file: FeatureFile, ids: list[str]) -> Iterator[NDArray[Any]]:
    """The features of `ids`, some videos at a time."""
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        found = file.features(block)
        for id, features in zip(block, found, strict=True):
            length = file.rows[file.index(id)].length
            if not np.isfinite(features[:length]).all():
                raise FileFormatError(
                    f"{printable(str(file.path))}: the features of {id} are no finite numbers: "
                    "extract it again"
                )
        yield found


def _load_features(path: Path) -> NDArray[Any]:
    # copy-on-write, since torch warns of arrays it might not write to
    features: NDArray[Any] = np.load(path, mmap_mode="c")
    return features
