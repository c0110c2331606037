"""A run with data it was not trained on: the option that is at fault is told."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from clipkind.dataset.splits.table import SplitTable, read_split, write_split
from clipkind.errors import FileFormatError
from clipkind.features.store import FeatureWriter, open_features
from clipkind.workflow.evaluate import evaluate
from clipkind.workflow.evaluate_input import EvaluateOptions, Sources
from clipkind.workflow.train import TrainOptions, train
from training.small_set import CONTRACT, RECIPE, SmallSet, make_small_set

pytestmark = pytest.mark.usefixtures("one_torch_thread")
PLAIN = EvaluateOptions(ablations=False)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


@pytest.fixture(scope="module")
def run(small_set: SmallSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pets"
    train(small_set.features, small_set.split, out, RECIPE, TrainOptions(seeds=(7,), jobs=1))
    return out


@pytest.mark.parametrize("change", ["fewer videos", "other videos"])
def test_of_a_split_of_other_videos_the_split_file_is_told_not_the_features(
    run: Path, small_set: SmallSet, tmp_path: Path, change: str
) -> None:
    def changed(table: SplitTable) -> SplitTable:
        if change == "fewer videos":
            return SplitTable(table.rows[:-4])
        return SplitTable(tuple(replace(row, id=f"other-{row.id}") for row in table.rows))

    path = tmp_path / "s.csv"
    write_split(path, changed(read_split(small_set.split)))
    with pytest.raises(FileFormatError) as caught:
        evaluate(run, replace(PLAIN, sources=Sources(split=path)))
    message = str(caught.value)
    assert f"was trained with other split than {path}" in message
    assert f"give with --split-file what it was trained with (it was {small_set.split})" in message
    assert "--features" not in message


def test_of_other_features_the_features_are_told(
    run: Path, small_set: SmallSet, tmp_path: Path
) -> None:
    other = tmp_path / "other.h5"
    shutil.copyfile(small_set.features, other)
    with open_features(other) as file:
        first = file.rows[0].id
    with FeatureWriter(other, CONTRACT) as writer:
        writer.update(first, sha256="of another video")
    with pytest.raises(FileFormatError) as caught:
        evaluate(run, replace(PLAIN, sources=Sources(features=other)))
    message = str(caught.value)
    assert f"was trained with other features than {other}" in message
    assert "give with --features" in message
    assert "--split-file" not in message
