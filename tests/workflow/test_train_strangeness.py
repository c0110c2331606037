"""Training leaves an outlier score in the bundle: of the training videos, if they allow one."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import clipkind
from clipkind.dataset.splits.table import SplitTable, read_split, write_split
from clipkind.features.store import open_features
from clipkind.model.bundle import load_bundle
from clipkind.model.card import model_card
from clipkind.model.outliers import OutlierModel, pooled
from clipkind.training.data import Split
from clipkind.training.run import read_result
from clipkind.workflow.strangeness import outlier_score
from clipkind.workflow.train import Trained, TrainOptions, train
from training.small_set import RECIPE, SmallSet, make_small_set

pytestmark = pytest.mark.usefixtures("one_torch_thread")
QUICK = replace(RECIPE, num_epochs=2, patience=2)
OPTIONS = TrainOptions(seeds=(7,), jobs=1)


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def trained(small_set: SmallSet, out: Path) -> Trained:
    found = train(small_set.features, small_set.split, out, QUICK, OPTIONS)
    assert found is not None
    return found


def test_a_run_knows_its_training_videos_and_no_others(small_set: SmallSet, tmp_path: Path) -> None:
    bundle = load_bundle(trained(small_set, tmp_path / "run").bundle.path)
    rows = [row for row in read_split(small_set.split).rows if row.split == "train"]
    with open_features(small_set.features) as file:
        lengths = [file.rows[file.index(row.id)].length for row in rows]
        sequences = file.features([row.id for row in rows])
    means = [pooled(s[:length]) for s, length in zip(sequences, lengths, strict=True)]
    labels, groups = [row.label for row in rows], [row.group for row in rows]
    wanted = OutlierModel.fit(means, labels, groups)
    assert bundle.outliers is not None
    np.testing.assert_allclose(bundle.outliers.directions, wanted.directions, atol=1e-6)
    np.testing.assert_allclose(bundle.outliers.held_out, wanted.held_out, atol=1e-6)
    assert bundle.provenance["outliers"] == "24 videos of 12 groups"
    assert "is a share of 24 videos of 12 groups" in (bundle.path / "README.md").read_text()
    with clipkind.load(bundle.path) as classifier:
        answers = list(classifier.classify_features(small_set.features))
    assert all(answer.strangeness is not None for answer in answers)


def test_videos_of_one_group_give_none_and_the_bundle_says_why(
    small_set: SmallSet, tmp_path: Path
) -> None:
    rows = read_split(small_set.split).rows
    split = tmp_path / "split.csv"
    alike = (replace(row, group="one") if row.split == "train" else row for row in rows)
    write_split(split, SplitTable(tuple(alike)))
    bundle = load_bundle(trained(replace(small_set, split=split), tmp_path / "run").bundle.path)
    assert bundle.outliers is None
    assert bundle.provenance["outliers"].startswith("none: videos of one group")
    assert "Strange videos" not in model_card(bundle)


def test_a_run_made_before_there_was_a_score_gets_one_and_trains_nothing_anew(
    small_set: SmallSet, tmp_path: Path
) -> None:
    first = trained(small_set, tmp_path / "run")
    folder = first.run.bundle
    about = json.loads((folder / "model.json").read_text())
    del about["provenance"]["outliers"], about["files"]["outliers.npz"]
    (folder / "model.json").write_text(json.dumps(about))
    (folder / "outliers.npz").unlink()
    before = read_result(first.run.member_folder("member-0"))
    weights = first.run.member_folder("member-0") / "best.safetensors"
    written = weights.stat().st_mtime_ns
    again = trained(small_set, tmp_path / "run")
    assert load_bundle(folder).outliers is not None
    assert read_result(again.run.member_folder("member-0")) == before
    assert weights.stat().st_mtime_ns == written


def test_what_stands_past_the_end_of_a_video_is_not_looked_at() -> None:
    features = np.random.default_rng(0).random((6, 4, 5), dtype=np.float32)
    lengths, labels, groups = np.array([4, 1, 2, 3, 4, 2]), np.arange(6) % 2, list("aabbcc")
    clean, _ = outlier_score(Split(features, lengths, labels), groups)
    for video, length in enumerate(lengths):
        features[video, length:] = np.nan
    found, _ = outlier_score(Split(features, lengths, labels), groups)
    assert clean is not None
    assert found is not None
    np.testing.assert_array_equal(found.held_out, clean.held_out)
