"""From files to training arrays: rows by id, and one line for whatever does not fit."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from clipkind.dataset.splits.table import SplitRow, SplitTable, read_split
from clipkind.errors import FileFormatError
from clipkind.features.store import FeatureWriter, RefusedRow, open_features
from clipkind.training.prepare import TrainingData, identity, load_prepared, prepare
from training.full_disk import full_disk
from training.small_set import CLASSES, CONTRACT, SmallSet, feature_row, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def prepared(features: Path, table: SplitTable, cache: Path | None = None) -> TrainingData:
    with open_features(features) as file:
        return prepare(file, table, "split.csv", cache)


def test_every_row_is_that_of_its_id(small_set: SmallSet) -> None:
    table = read_split(small_set.split)
    data = prepared(small_set.features, table)
    assert data.contract.class_names == CLASSES
    with open_features(small_set.features) as file:
        for name in ("train", "val", "test"):
            split, rows = data.split(name), data.rows_of(name)
            assert sorted(row.id for row in rows) == sorted(table.ids(name))
            for features, length, label, row in zip(
                split.features, split.lengths, split.labels, rows, strict=True
            ):
                assert np.array_equal(features, file.features([row.id])[0])
                assert length == file.rows[file.index(row.id)].length
                assert CLASSES[label] == row.label


def test_prepared_data_load_in_another_process_as_they_were(
    tmp_path: Path, small_set: SmallSet
) -> None:
    data = prepared(small_set.features, read_split(small_set.split), tmp_path)
    loaded = load_prepared(tmp_path)
    assert isinstance(loaded.features, np.memmap)
    assert loaded.rows == data.rows
    assert loaded.contract == data.contract
    for name in ("features", "lengths", "labels"):
        assert np.array_equal(getattr(loaded, name), getattr(data, name))


def test_a_full_disk_is_an_error_not_a_crash(tmp_path: Path, small_set: SmallSet) -> None:
    table = read_split(small_set.split)
    with full_disk(4000), pytest.raises(OSError, match="File too large"):
        prepared(small_set.features, table, tmp_path)


def test_labels_are_those_of_the_split(small_set: SmallSet) -> None:
    """Whoever corrects a label must not have to extract again."""
    table = read_split(small_set.split)
    renamed = SplitTable(
        tuple(
            replace(row, label={"Cats": "Felines"}.get(row.label, row.label)) for row in table.rows
        )
    )
    assert prepared(small_set.features, renamed).contract.class_names == ("Dogs", "Felines")


def test_videos_that_could_not_be_extracted_are_told_not_missed(
    tmp_path: Path, small_set: SmallSet
) -> None:
    features = tmp_path / "f.h5"
    shutil.copyfile(small_set.features, features)
    with FeatureWriter(features, CONTRACT) as writer:
        refused = RefusedRow(id="broken", path="b.mp4", reason="not_a_video", message="no video")
        writer.refuse(refused)
    table = read_split(small_set.split)
    both = SplitTable((SplitRow("broken", "train", "Cats", "", "broken"), *table.rows))
    data = prepared(features, both)
    assert data.refused == ("broken",)
    assert len(data.rows) == len(table.rows)


def test_a_split_of_other_videos_is_refused(small_set: SmallSet) -> None:
    rows = [SplitRow(f"x{n}", "train", CLASSES[n % 2], "", f"x{n}") for n in range(4)]
    with pytest.raises(FileFormatError, match=r"split\.csv is a split of other videos: 4 of its 4"):
        prepared(small_set.features, SplitTable(tuple(rows)))


def test_a_class_with_nothing_to_choose_by_is_refused(small_set: SmallSet) -> None:
    table = read_split(small_set.split)
    rows = tuple(r for r in table.rows if not (r.split == "val" and r.label == "Dogs"))
    with pytest.raises(FileFormatError, match="no video of class Dogs with features is in val"):
        prepared(small_set.features, SplitTable(rows))


def test_one_class_is_none(small_set: SmallSet) -> None:
    rows = tuple(r for r in read_split(small_set.split).rows if r.label == "Dogs")
    with pytest.raises(FileFormatError, match="has the one class Dogs"):
        prepared(small_set.features, SplitTable(rows))


def test_features_that_are_no_numbers_are_named_by_video(
    tmp_path: Path, small_set: SmallSet
) -> None:
    features = tmp_path / "f.h5"
    shutil.copyfile(small_set.features, features)
    with open_features(features) as file:
        where = file.index("val-3")
    with h5py.File(features, "r+") as raw:
        raw["features"][where, 2, 5] = np.nan
    with pytest.raises(FileFormatError, match="the features of val-3 are no finite numbers"):
        prepared(features, read_split(small_set.split))


def test_a_truncated_feature_file_is_one_line(tmp_path: Path, small_set: SmallSet) -> None:
    features = tmp_path / "f.h5"
    features.write_bytes(small_set.features.read_bytes()[:5000])
    with pytest.raises(FileFormatError, match=r"f\.h5: cannot be read"):
        prepared(features, read_split(small_set.split))


def test_a_run_knows_its_data_again_wherever_they_lie(tmp_path: Path, small_set: SmallSet) -> None:
    table = read_split(small_set.split)

    def identified(features: Path, table: SplitTable) -> dict[str, Any]:
        with open_features(features) as file:
            return identity(file, table)

    known = identified(small_set.features, table)
    moved = tmp_path / "f.h5"
    shutil.copyfile(small_set.features, moved)
    with FeatureWriter(moved, CONTRACT) as writer:  # written anew, of videos in another folder
        writer.update("train-0", path="elsewhere/train-0.mp4")
    assert identified(moved, table) == known
    with FeatureWriter(moved, CONTRACT) as writer:
        row = SplitRow("train-0", "train", "Cats")
        other = replace(feature_row(row, 8), sha256="another file")
        writer.add(other, np.ones((8, CONTRACT.feature_dim)))
    changed = identified(moved, table)
    assert {key for key in known if known[key] != changed[key]} == {"features"}
    turned = SplitTable(tuple(replace(r, split="train") for r in table.rows))
    assert {k for k, v in identified(small_set.features, turned).items() if v != known[k]} == {
        "split"
    }
