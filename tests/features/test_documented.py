"""Exchanging feature files with the documented system."""

import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.contract import Contract
from clipkind.errors import ContractMismatch, FileFormatError
from clipkind.features.documented import (
    export_documented,
    import_documented,
    is_documented,
    store_documented,
)
from clipkind.features.store import FeatureRow, FeatureWriter, open_features

CLASSES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")
CONTRACT = Contract(
    backbone="test", weights_sha256="0" * 64, feature_dim=6, multi_scale="documented", num_frames=8
)


def write_store(path: Path, labels: list[str], lengths: list[int]) -> npt.NDArray[np.float16]:
    """A store of random features; what they are, zero-padded."""
    rng = np.random.default_rng(len(labels))
    padded = np.zeros((len(labels), CONTRACT.sequence_length, CONTRACT.feature_dim), np.float16)
    with FeatureWriter(path, CONTRACT) as writer:
        for i, (label, length) in enumerate(zip(labels, lengths, strict=True)):
            padded[i, :length] = rng.random((length, CONTRACT.feature_dim))
            row = FeatureRow(
                id=f"v{i:03}", path="v.mp4", label=label, sha256=str(i), duration_s=1.0, fps=25.0,
                width=4, height=4, length=length, distinct=length,
            )  # fmt: skip
            writer.add(row, padded[i, :length])
    return padded


def write_documented(path: Path) -> None:
    """A file as the documented system writes it."""
    features = np.zeros((3, 9, 1280), np.float32)
    features[:, :7] = 0.5
    with h5py.File(path, "w") as file:
        file.create_dataset("features", data=features, compression="gzip", compression_opts=4)
        file.create_dataset("labels", data=np.array([2, 0, 1], np.int64))
        file.create_dataset("num_frames", data=np.array([7, 7, 9], np.int32))
        file.attrs["num_videos"] = 3
        file.attrs["max_frames"] = 9
        file.attrs["feature_dim"] = 1280
        file.attrs["category_mapping"] = json.dumps({"Gaming": 1, "Animation": 0, "Natural": 2})
        file.attrs["multi_scale"] = True


def test_a_documented_file_is_read(tmp_path: Path) -> None:
    write_documented(tmp_path / "d.h5")
    found = import_documented(tmp_path / "d.h5", "efficientnet_v2_s")
    assert found.class_names == ("Animation", "Gaming", "Natural")
    assert found.labels.tolist() == [2, 0, 1]
    assert found.lengths.tolist() == [7, 7, 9]
    assert found.ids == ("row-000000", "row-000001", "row-000002")
    assert found.features.shape == (3, 9, 1280)
    assert found.features.dtype == np.float32
    assert found.features[:, :7].min() == 0.5
    assert (found.multi_scale, found.backbone) == (True, "efficientnet_v2_s")


def test_the_exported_file_has_exactly_the_documented_layout(tmp_path: Path) -> None:
    padded = write_store(tmp_path / "s.h5", ["Gaming", "Animation"], [9, 4])
    export_documented(tmp_path / "s.h5", tmp_path / "d.h5", CLASSES)
    with h5py.File(tmp_path / "d.h5") as file:
        assert set(file) == {"features", "labels", "num_frames"}
        features = file["features"]
        assert (features.dtype, features.shape) == (np.float32, (2, 9, 6))
        assert (features.compression, features.compression_opts) == ("gzip", 4)
        np.testing.assert_array_equal(features[:], padded.astype(np.float32))
        assert (file["labels"].dtype, file["labels"][:].tolist()) == (np.int64, [2, 0])
        assert (file["num_frames"].dtype, file["num_frames"][:].tolist()) == (np.int32, [9, 4])
        assert dict(file.attrs) == {
            "num_videos": 2,
            "max_frames": 9,
            "feature_dim": 6,
            "category_mapping": json.dumps({name: i for i, name in enumerate(CLASSES)}),
            "multi_scale": True,
        }


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(CLASSES), st.integers(1, 9)), max_size=6),
    st.permutations(CLASSES),
)
def test_out_and_in_again_gives_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, int]], classes: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("documented")
    labels, lengths = [label for label, _ in rows], [length for _, length in rows]
    padded = write_store(folder / "s.h5", labels, lengths)
    export_documented(folder / "s.h5", folder / "d.h5", classes)
    found = import_documented(folder / "d.h5")
    assert found.class_names == tuple(classes)
    assert [found.class_names[i] for i in found.labels] == labels
    assert found.lengths.tolist() == lengths
    np.testing.assert_array_equal(found.features, padded)


@pytest.mark.parametrize(
    ("labels", "classes", "message"),
    [
        (["Gaming", ""], CLASSES, "v001 has label ''"),
        (["Gaming", "Sports"], CLASSES, "v001 has label 'Sports', which is none of Animation"),
        (["Gaming"], ("Gaming", "Gaming"), "given twice"),
    ],
)
def test_labels_that_have_no_index_are_refused(
    tmp_path: Path, labels: list[str], classes: tuple[str, ...], message: str
) -> None:
    write_store(tmp_path / "s.h5", labels, [9] * len(labels))
    with pytest.raises(FileFormatError, match=message):
        export_documented(tmp_path / "s.h5", tmp_path / "d.h5", classes)
    assert not (tmp_path / "d.h5").exists()


def set_item(name: str, where: Any, value: Any) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        file[name][where] = value

    return damage


def set_attribute(name: str, value: Any) -> Callable[[h5py.File], None]:
    return lambda file: file.attrs.__setitem__(name, value)


def replaced(name: str, data: Any) -> Callable[[h5py.File], None]:
    def damage(file: h5py.File) -> None:
        del file[name]
        if data is not None:
            file[name] = data

    return damage


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (set_item("labels", 1, 3), "labels of row 1 is 3, not 0 to 2"),
        (set_item("labels", 0, -1), "labels of row 0 is -1"),
        (set_item("num_frames", 2, 10), "num_frames of row 2 is 10, not 1 to 9"),
        (set_item("num_frames", 2, 0), "num_frames of row 2 is 0"),
        (set_item("features", (1, 2, 3), np.nan), "features of row 1 are not finite"),
        (set_attribute("num_videos", 4), "num_videos is 4, but features has shape"),
        (set_attribute("feature_dim", 2048), "feature_dim is 2048"),
        (set_attribute("category_mapping", '{"A": 0, "B": 2}'), "number its classes 0 to n-1"),
        (set_attribute("category_mapping", "[1]"), "number its classes"),
        (set_attribute("category_mapping", "{"), "cannot be read"),
        (lambda file: file.attrs.__delitem__("multi_scale"), "multi_scale"),
        (replaced("labels", None), "labels"),
        (replaced("labels", np.zeros(2, np.int64)), "labels has 2 entries for 3 videos"),
        (replaced("labels", np.zeros(3)), "labels is float64"),
        (replaced("features", np.zeros((3, 9), np.float32)), "features is float32 .*not 3-d"),
    ],
)
def test_a_file_that_contradicts_itself_is_refused(
    tmp_path: Path, damage: Callable[[h5py.File], None], message: str
) -> None:
    write_documented(tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "r+") as file:
        damage(file)
    with pytest.raises(FileFormatError, match=message) as caught:
        import_documented(tmp_path / "d.h5")
    assert str(tmp_path / "d.h5") in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_backbone_of_another_width_is_refused(tmp_path: Path) -> None:
    write_documented(tmp_path / "d.h5")
    with pytest.raises(FileFormatError, match=r"resnet101 gives 2048 values .* has 1280"):
        import_documented(tmp_path / "d.h5", "resnet101")


def test_truncated_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "d.h5"
    write_documented(path)
    whole = path.read_bytes()
    for part in (whole[: len(whole) // 2], b"", b"not HDF5 at all"):
        path.write_bytes(part)
        with pytest.raises(FileFormatError, match=r"d\.h5: cannot be read"):
            import_documented(path)
    with pytest.raises(FileFormatError, match="no such file"):
        import_documented(tmp_path / "none.h5")


def test_each_reader_says_whose_file_it_was_given(tmp_path: Path) -> None:
    write_documented(tmp_path / "d.h5")
    with pytest.raises(FileFormatError, match="documented system, which import_documented reads"):
        open_features(tmp_path / "d.h5")
    write_store(tmp_path / "s.h5", ["Gaming"], [9])
    with pytest.raises(FileFormatError, match="labels"):
        import_documented(tmp_path / "s.h5")


def test_a_documented_file_becomes_a_store(tmp_path: Path) -> None:
    padded = write_store(tmp_path / "s.h5", ["Gaming", "Animation"], [9, 4])
    export_documented(tmp_path / "s.h5", tmp_path / "d.h5", CLASSES)
    assert is_documented(tmp_path / "d.h5")
    assert not is_documented(tmp_path / "s.h5")
    data = import_documented(tmp_path / "d.h5")
    store_documented(data, tmp_path / "d.h5", tmp_path / "again.h5", CONTRACT)
    with open_features(tmp_path / "again.h5") as file:
        assert file.ids == ("row-000000", "row-000001")
        assert [(row.label, row.length) for row in file.rows] == [("Gaming", 9), ("Animation", 4)]
        np.testing.assert_array_equal(file.features(), padded)


def test_sequences_of_another_length_are_refused_by_name(tmp_path: Path) -> None:
    write_documented(tmp_path / "d.h5")
    data = import_documented(tmp_path / "d.h5")
    contract = replace(CONTRACT, feature_dim=1280, num_frames=64, multi_scale="single")
    with pytest.raises(ContractMismatch, match=r"num_frames: .* have 9 rows, .* 64:") as caught:
        store_documented(data, tmp_path / "d.h5", tmp_path / "s.h5", contract)
    assert caught.value.fields == ("num_frames",)
    assert [p.name for p in tmp_path.iterdir()] == ["d.h5"]


@pytest.mark.parametrize(
    ("count", "declared", "message"),
    [
        (20_000, 3, "num_videos is 3, but features has shape"),
        (20_000, 20_000, "labels has 3 entries for 20000 videos"),
        (10**12, 10**12, "GiB of memory"),
    ],
)
def test_a_small_file_declaring_huge_features_is_refused_before_they_are_read(
    tmp_path: Path, count: int, declared: int, message: str
) -> None:
    write_documented(tmp_path / "d.h5")
    with h5py.File(tmp_path / "d.h5", "r+") as file:
        del file["features"]
        file.create_dataset("features", (count, 9, 1280), np.float32, chunks=(1, 9, 1280))
        file.attrs["num_videos"] = declared
    tracemalloc.start()
    with pytest.raises(FileFormatError, match=message):
        import_documented(tmp_path / "d.h5")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**24


@pytest.mark.parametrize("shape", [(0, 9, 6), (0, 0, 6), (0, 9, 0), (0, 0, 0), (0,)])
def test_a_file_without_videos_gives_no_traceback(tmp_path: Path, shape: tuple[int, ...]) -> None:
    path = tmp_path / "d.h5"
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros(shape, np.float32)
        file["labels"] = np.zeros(0, np.int64)
        file["num_frames"] = np.zeros(0, np.int32)
        for name, size in zip(
            ("num_videos", "max_frames", "feature_dim"), (*shape, 0, 0)[:3], strict=True
        ):
            file.attrs[name] = size
        file.attrs["category_mapping"] = "{}"
        file.attrs["multi_scale"] = True
    if shape == (0, 9, 6):
        store_documented(import_documented(path), path, tmp_path / "s.h5", CONTRACT)
        with open_features(tmp_path / "s.h5") as store:
            assert len(store) == 0
        return
    with pytest.raises((FileFormatError, ContractMismatch)):
        store_documented(import_documented(path), path, tmp_path / "s.h5", CONTRACT)
