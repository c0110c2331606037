"""A run's folder: one process at a time, large data mapped, nothing left of refused input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipkind.cli.train import print_result
from clipkind.dataset.splits.table import SplitTable, read_split, write_split
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.training import prepare
from clipkind.training.prepare import TrainingData
from clipkind.training.recipe import RECIPES
from clipkind.training.run import Run, locked
from clipkind.workflow.train import TrainOptions, train
from training.small_set import RECIPE, SmallSet, make_small_set

OPTIONS = TrainOptions(seeds=(7, 8), jobs=2)


class Stop(Exception):
    """Raised where training would begin."""


def stop(_run: Run, _data: TrainingData, _resumed: bool) -> None:
    raise Stop


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def test_a_second_process_does_not_touch_the_data_of_the_first(
    tmp_path: Path, small_set: SmallSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipkind.training.run.LOCK_WAIT_S", 0.2)
    with pytest.raises(Stop):
        train(small_set.features, small_set.split, tmp_path, RECIPE, OPTIONS, on_data=stop)
    cached = tmp_path / "cache" / "features.npy"
    before = cached.stat().st_mtime_ns
    with locked(tmp_path), pytest.raises(ClipkindError, match="another process is training"):
        train(small_set.features, small_set.split, tmp_path, RECIPE, OPTIONS, on_data=stop)
    assert cached.stat().st_mtime_ns == before


def test_refused_input_leaves_no_data_and_can_be_mended(
    tmp_path: Path, small_set: SmallSet
) -> None:
    split, out = tmp_path / "split.csv", tmp_path / "run"
    lines = small_set.split.read_text().splitlines(keepends=True)
    split.write_text("".join(line for line in lines if ",val,Dogs" not in line))
    with pytest.raises(FileFormatError, match="no video of class Dogs"):
        train(small_set.features, split, out, RECIPE, OPTIONS)
    assert not (out / "cache").exists()
    with pytest.raises(Stop):
        train(small_set.features, small_set.split, out, RECIPE, OPTIONS, on_data=stop)


def test_that_no_source_is_known_is_told_with_the_figures(
    tmp_path: Path, small_set: SmallSet, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = (replace(row, group=row.id) for row in read_split(small_set.split).rows)
    write_split(tmp_path / "split.csv", SplitTable(tuple(rows)))
    out, options = tmp_path / "run", TrainOptions(seeds=(7,))
    trained = train(small_set.features, tmp_path / "split.csv", out, RECIPES["linear"], options)
    assert trained
    print_result(trained)
    assert "12 videos in 12 groups; sources are not known" in capsys.readouterr().out
    assert "sources are not known" in (out / "bundle" / "README.md").read_text()


@pytest.mark.parametrize("jobs", [1, 2])
def test_large_features_are_mapped_however_many_train(
    tmp_path: Path, small_set: SmallSet, jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prepare, "MEMORY_LIMIT", 0)
    seen: list[TrainingData] = []

    def look(_run: Run, data: TrainingData, _resumed: bool) -> None:
        seen.append(data)
        raise Stop

    options = TrainOptions(seeds=(7, 8), jobs=jobs)
    with pytest.raises(Stop):
        train(small_set.features, small_set.split, tmp_path, RECIPE, options, on_data=look)
    assert isinstance(seen[0].features, np.memmap)
