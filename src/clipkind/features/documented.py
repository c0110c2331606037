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

import h5py
import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract
from clipkind.errors import ContractMismatch, FileFormatError
from clipkind.features.layout import reading, writing
from clipkind.features.store import FeatureFile, FeatureRow, FeatureWriter, open_features
from clipkind.files import replacing
from clipkind.text import printable

_SIZES = ("num_videos", "max_frames", "feature_dim")
# A file of a few kB may declare any shape: more than fits a large machine's memory is no data set.
_MOST_BYTES = 64 * 2**30
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


def import_documented(path: str | Path, backbone: str | None = None) -> DocumentedFeatures:
    """Read a documented feature file into memory; `backbone` says what made it, if known.

    Raises FileFormatError, naming what is off, when the file is damaged, contradicts itself or
    cannot be of that backbone. The features, which may be huge, are read after all else fits.
    """
    path = Path(path)
    with reading(path), h5py.File(path, "r") as file:
        indices, frames = (_dataset(file, name, "iu", 1) for name in ("labels", "num_frames"))
        shape = _features_shape(file, backbone)
        class_names = _class_names(str(file.attrs["category_mapping"]))
        labels = _read_integers(indices, "labels", shape[0], 0, len(class_names) - 1)
        lengths = _read_integers(frames, "num_frames", shape[0], 1, shape[1])
        multi_scale = bool(file.attrs["multi_scale"])
        features = np.asarray(file["features"][...], dtype=np.float32)
        bad = np.flatnonzero(~np.isfinite(features).all(axis=(1, 2)))
        if bad.size:
            raise FileFormatError(f"features of row {bad[0]} are not finite")
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


def _features_shape(file: h5py.File, backbone: str | None) -> tuple[int, int, int]:
    """[N, T, D] as declared, after checking it against all that is said about it elsewhere."""
    count, length, width = shape = _dataset(file, "features", "f", 3).shape
    for name, size in zip(_SIZES, shape, strict=True):
        if int(file.attrs[name]) != size:
            raise FileFormatError(f"{name} is {file.attrs[name]}, but features has shape {shape}")
    wanted = _BACKBONE_DIMS.get(backbone or "", width)
    if width != wanted:
        raise FileFormatError(
            f"{backbone} gives {wanted} values a frame, this file has {width}: "
            "name the backbone that made it"
        )
    num_bytes = 4 * count * max(length, 1) * max(width, 1)
    if num_bytes > _MOST_BYTES:
        raise FileFormatError(
            f"features {shape} would take {num_bytes / 2**30:.0f} GiB of memory, more than "
            f"{_MOST_BYTES / 2**30:.0f}: split the file"
        )
    return count, length, width


def _dataset(file: h5py.File, name: str, kinds: str, ndim: int) -> h5py.Dataset:
    data = file[name]
    if data.ndim != ndim or data.dtype.kind not in kinds:
        what = "float32" if "f" in kinds else "int64"
        raise FileFormatError(f"{name} is {data.dtype} {data.shape}, not {ndim}-d {what}")
    return data


def _read_integers(
    data: h5py.Dataset, name: str, count: int, low: int, high: int
) -> npt.NDArray[np.int64]:
    if len(data) != count:
        raise FileFormatError(f"{name} has {len(data)} entries for {count} videos")
    values = np.asarray(data[...], dtype=np.int64)
    bad = np.flatnonzero((values < low) | (values > high))
    if bad.size:
        raise FileFormatError(f"{name} of row {bad[0]} is {values[bad[0]]}, not {low} to {high}")
    return values


def _class_names(mapping_text: str) -> tuple[str, ...]:
    mapping = json.loads(mapping_text)
    if not isinstance(mapping, dict) or sorted(mapping.values()) != list(range(len(mapping))):
        raise FileFormatError(
            f"category_mapping {mapping_text} does not number its classes 0 to n-1"
        )
    return tuple(sorted(mapping, key=mapping.__getitem__))


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
    file, its duration and size are 0. Raises ContractMismatch as `FeatureWriter` does, and where
    its sequences are not of the contract's length or width.
    """
    _, length, width = data.features.shape
    if length != contract.sequence_length:
        raise ContractMismatch(
            ("num_frames",),
            f"{printable(str(source))}: num_frames: its sequences have {length} rows, those of "
            f"{contract.num_frames} frames, multi-scale {contract.multi_scale}, "
            f"{contract.sequence_length}: give the contract it was made by",
        )
    if width != contract.feature_dim:
        raise ContractMismatch(
            ("feature_dim",),
            f"{printable(str(source))}: feature_dim is {width}, not the {contract.feature_dim} of "
            f"{contract.backbone}: name the backbone that made it",
        )
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
