"""Feature files of the documented system: `{split}_features_multiscale.h5`, read and written.

Datasets `features` float32 [N, T, D], gzip level 4, zero-padded; `labels` int64 [N];
`num_frames` int32 [N]. Attributes `num_videos`, `max_frames`, `feature_dim`, `category_mapping`
(JSON, name to index), `multi_scale`. It names neither its videos nor the backbone.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.errors import FileFormatError
from clipkind.features.journal import replacing
from clipkind.features.layout import reading, writing
from clipkind.features.store import FeatureFile, FeatureRow, FeatureWriter, open_features
from clipkind.text import printable

_SIZES = ("num_videos", "max_frames", "feature_dim")
# Feature dimensions of the four backbones the documented system could be run with.
_BACKBONE_DIMS = {
    "resnet50": 2048,
    "resnet101": 2048,
    "efficientnet_v2_s": 1280,
    "efficientnet_v2_m": 1280,
}


@dataclass(frozen=True, slots=True)
class DocumentedFeatures:
    """The content of a documented feature file."""

    features: npt.NDArray[np.float32]
    """[N, T, D], zero-padded past each length."""
    lengths: npt.NDArray[np.int64]
    """[N], 1 to T."""
    labels: npt.NDArray[np.int64]
    """[N], indices into `class_names`."""
    class_names: tuple[str, ...]
    multi_scale: bool
    backbone: str | None
    """As told by the user: the file does not know."""

    @property
    def ids(self) -> tuple[str, ...]:
        """Names for the rows, which have none: `row-000000`, `row-000001` …"""
        return tuple(f"row-{i:06d}" for i in range(len(self.labels)))


def documented_name(split: str, multi_scale: bool) -> str:
    """The file name the documented system looks for."""
    return f"{split}_features{'_multiscale' if multi_scale else ''}.h5"


def import_documented(path: str | Path, backbone: str | None = None) -> DocumentedFeatures:
    """Read a documented feature file into memory; `backbone` says what made it, if known.

    Raises FileFormatError, naming what is off, when the file is damaged, contradicts itself or
    cannot be of that backbone.
    """
    path = Path(path)
    with reading(path), h5py.File(path, "r") as file:
        features = _read(file, "features", np.float32, 3)
        labels = _read(file, "labels", np.int64, 1)
        lengths = _read(file, "num_frames", np.int64, 1)
        class_names = _class_names(str(file.attrs["category_mapping"]))
        for name, size in zip(_SIZES, features.shape, strict=True):
            if int(file.attrs[name]) != size:
                raise FileFormatError(
                    f"{name} is {file.attrs[name]}, but features has shape {features.shape}"
                )
        _require_range("labels", labels, len(features), 0, len(class_names) - 1)
        _require_range("num_frames", lengths, len(features), 1, features.shape[1])
        bad = np.flatnonzero(~np.isfinite(features).all(axis=(1, 2)))
        if bad.size:
            raise FileFormatError(f"features of row {bad[0]} are not finite")
        width = _BACKBONE_DIMS.get(backbone or "", features.shape[2])
        if width != features.shape[2]:
            raise FileFormatError(
                f"{backbone} gives {width} values a frame, this file has {features.shape[2]}: "
                "name the backbone that made it"
            )
        multi_scale = bool(file.attrs["multi_scale"])
    return DocumentedFeatures(features, lengths, labels, class_names, multi_scale, backbone)


def export_documented(
    store_path: str | Path, out_path: str | Path, class_names: Sequence[str]
) -> None:
    """Write a feature store as a documented file, labels as indices into `class_names`.

    The rows' order is that of the store: by id. Raises FileFormatError when the store is damaged
    or a video's label is not among the class names.
    """
    with open_features(store_path) as store:
        labels = _label_indices(store, class_names)
        shape = (len(store), store.contract.sequence_length, store.contract.feature_dim)
        with (
            replacing(Path(out_path)) as temporary,
            writing(temporary, 4 * math.prod(shape)) as file,
        ):
            data = file.create_dataset(
                "features",
                shape,
                np.float32,
                chunks=(1, *shape[1:]),
                maxshape=(None, *shape[1:]),
                compression="gzip",
                compression_opts=4,
            )
            for i, id in enumerate(store.ids):
                data[i] = store.features([id])[0]
            file.create_dataset("labels", data=labels)
            file.create_dataset("num_frames", data=store.lengths.astype(np.int32))
            for name, size in zip(_SIZES, shape, strict=True):
                file.attrs[name] = size
            file.attrs["category_mapping"] = json.dumps({n: i for i, n in enumerate(class_names)})
            file.attrs["multi_scale"] = store.contract.multi_scale != "single"


def _label_indices(store: FeatureFile, class_names: Sequence[str]) -> npt.NDArray[np.int64]:
    index = {name: i for i, name in enumerate(class_names)}
    if len(index) != len(class_names):
        raise FileFormatError(f"class names {', '.join(class_names)}: one is given twice")
    for row in store.rows:
        if row.label not in index:
            raise FileFormatError(
                f"{printable(str(store.path))}: {row.id} has label {row.label!r}, which is none of "
                f"{', '.join(class_names)}: a documented file needs every video labelled"
            )
    return np.array([index[row.label] for row in store.rows], dtype=np.int64)


def _read(file: h5py.File, name: str, dtype: type[Any], ndim: int) -> npt.NDArray[Any]:
    data = file[name]
    kind = np.dtype(dtype).kind
    if data.ndim != ndim or data.dtype.kind not in (kind, kind.replace("i", "u")):
        raise FileFormatError(f"{name} is {data.dtype} {data.shape}, not {ndim}-d {dtype.__name__}")
    return np.asarray(data[...], dtype=dtype)


def _class_names(mapping_text: str) -> tuple[str, ...]:
    mapping = json.loads(mapping_text)
    if not isinstance(mapping, dict) or sorted(mapping.values()) != list(range(len(mapping))):
        raise FileFormatError(
            f"category_mapping {mapping_text} does not number its classes 0 to n-1"
        )
    return tuple(sorted(mapping, key=mapping.__getitem__))


def _require_range(
    name: str, values: npt.NDArray[np.int64], count: int, low: int, high: int
) -> None:
    if len(values) != count:
        raise FileFormatError(f"{name} has {len(values)} entries for {count} videos")
    bad = np.flatnonzero((values < low) | (values > high))
    if bad.size:
        raise FileFormatError(f"{name} of row {bad[0]} is {values[bad[0]]}, not {low} to {high}")


def is_documented(path: str | Path) -> bool:
    """Whether a file has the documented layout; False also for what is no HDF5 file at all."""
    try:
        with h5py.File(path, "r") as file:
            return "num_frames" in file and "category_mapping" in file.attrs
    except OSError:
        return False


def store_documented(
    data: DocumentedFeatures, source: Path, destination: Path, contract: Contract
) -> None:
    """Write documented features as a feature store under the contract the user vouches for.

    What the layout does not know stays unknown: each row is its own group, its path is the source
    file, its duration and size are 0. Raises ContractMismatch as `FeatureWriter` does.
    """
    with FeatureWriter(destination, contract, "float32") as writer:
        for i, video_id in enumerate(data.ids):
            length = int(data.lengths[i])
            row = FeatureRow(
                id=video_id,
                path=str(source),
                group=video_id,
                label=data.class_names[data.labels[i]],
                sha256="",
                duration_s=0.0,
                fps=0.0,
                width=0,
                height=0,
                length=length,
                distinct=length,
            )
            writer.add(row, data.features[i, :length])
