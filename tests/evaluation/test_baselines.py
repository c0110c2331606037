"""Baselines: each looks at what it says it looks at."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from clipkind.errors import FileFormatError
from clipkind.evaluation.baselines import FRAME, LINEAR, MAJORITY, SVM, Pooled, baselines, pool
from clipkind.features.store import open_features
from evaluation.asked import ask
from training.small_set import SmallSet, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def blobs(labels: np.ndarray, seed: int) -> np.ndarray:
    """Features [N, 8] that tell three classes apart."""
    centres = 6 * np.eye(3, 8)
    random = np.random.default_rng(seed)
    return (centres[labels] + random.standard_normal((len(labels), 8))).astype(np.float32)


def test_each_baseline_sees_only_its_own_part() -> None:
    """Here the mean tells everything and the middle row nothing."""
    y_train, y_true = np.arange(90) % 3, np.arange(60) % 3
    y_train[:3] = 1
    random = np.random.default_rng(1)
    train = Pooled(blobs(y_train, 1), random.standard_normal((90, 8)).astype(np.float32))
    test = Pooled(blobs(y_true, 2), random.standard_normal((60, 8)).astype(np.float32))
    asked = ask(y_true)
    found = {answers.name: answers for answers in baselines(asked, test, train, y_train)}
    right = {name: (a.labels == y_true).mean() for name, a in found.items()}
    assert right[LINEAR] > 0.95
    assert right[SVM] > 0.95
    assert right[FRAME] < 0.6
    assert (found[MAJORITY].labels == 1).all()
    assert found[SVM].probabilities is None
    assert found[LINEAR].ranking.sum(axis=1) == pytest.approx(1.0)


def test_a_class_that_training_lacks_is_never_answered() -> None:
    y_train, y_true = np.arange(60) % 2 + 1, np.arange(30) % 3
    train, test = (Pooled(x, x) for x in (blobs(y_train, 1), blobs(y_true, 2)))
    for answers in baselines(ask(y_true), test, train, y_train):
        assert answers.ranking.shape == (30, 3)
        assert not (answers.labels == 0).any()


def test_pooling_leaves_the_padding_out(small_set: SmallSet) -> None:
    with open_features(small_set.features) as file:
        ids = ("test-2", "train-0", "test-1")
        pooled = pool(file, ids)
        for n, id in enumerate(ids):
            length = file.rows[file.index(id)].length
            real = file.features([id])[0, :length].astype(np.float32)
            assert pooled.mean[n] == pytest.approx(real.mean(axis=0), abs=1e-5)
            assert np.array_equal(pooled.middle[n], real[length // 2])


def test_features_that_are_no_numbers_are_named(tmp_path: Path, small_set: SmallSet) -> None:
    path = tmp_path / "features.h5"
    shutil.copyfile(small_set.features, path)
    with open_features(path) as file:
        where = file.index("val-3")
    with h5py.File(path, "r+") as raw:
        raw["features"][where, 2, 5] = np.nan
    with open_features(path) as file, pytest.raises(FileFormatError, match="val-3 are no finite"):
        pool(file, ("test-0", "val-3"))
