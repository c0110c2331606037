"""Baselines: each looks at what it says it looks at, and is as strong as its own videos make it."""

import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold

from clipkind.errors import FileFormatError
from clipkind.evaluation.baselines import FRAME, LINEAR, MAJORITY, SVM, Training, baselines
from clipkind.evaluation.linear import CS, FALLBACK, FOLDS, fit_logistic, fit_svm
from clipkind.evaluation.pooled import Pooled, mean_over_time, pool
from clipkind.features.store import open_features
from evaluation.asked import NAMES
from training.small_set import SmallSet, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def blobs(labels: np.ndarray, seed: int, noise: float = 1.0) -> np.ndarray:
    """Features [N, 8] that tell three classes apart."""
    centres = 6 * np.eye(3, 8)
    random = np.random.default_rng(seed)
    spread = noise * random.standard_normal((len(labels), 8))
    return (centres[labels] + spread).astype(np.float32)


def training(pooled: Pooled, y_true: np.ndarray) -> Training:
    return Training(pooled, y_true, np.arange(len(y_true)).astype(str), NAMES)


def test_each_baseline_sees_only_its_own_part() -> None:
    """Here the mean tells everything and the middle row nothing."""
    y_train, y_true = np.arange(90) % 3, np.arange(60) % 3
    y_train[:3] = 1
    random = np.random.default_rng(1)
    train = Pooled(blobs(y_train, 1), random.standard_normal((90, 8)).astype(np.float32))
    test = Pooled(blobs(y_true, 2), random.standard_normal((60, 8)).astype(np.float32))
    found = {b.name: b.answers(test) for b in baselines(training(train, y_train))}
    right = {name: (a.labels == y_true).mean() for name, a in found.items()}
    assert right[LINEAR] > 0.95
    assert right[SVM] > 0.95
    assert right[FRAME] < 0.6
    assert (found[MAJORITY].labels == 1).all()
    assert found[SVM].probabilities is None
    assert found[LINEAR].ranking.sum(axis=1) == pytest.approx(1.0)
    for name in (LINEAR, SVM, FRAME):
        assert "chosen by 3-fold cross-validation" in found[name].what


def test_a_class_that_training_lacks_is_never_answered() -> None:
    y_train, y_true = np.arange(60) % 2 + 1, np.arange(30) % 3
    train, test = (Pooled(x, x) for x in (blobs(y_train, 1), blobs(y_true, 2)))
    for baseline in baselines(training(train, y_train)):
        answers = baseline.answers(test)
        assert answers.ranking.shape == (30, 3)
        assert not (answers.labels == 0).any()


def test_c_is_the_one_that_a_grouped_search_finds() -> None:
    """The labels of whole groups are doubtful, so the weakest C is not always best."""
    random = np.random.default_rng(4)
    groups = np.arange(120) // 4
    labels = (random.integers(0, 3, 30))[groups]
    found = set()
    for noise in (0.5, 12.0):
        features = blobs(labels, 5, noise)
        fitted = fit_logistic(features, labels, groups)
        folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
        losses = []
        for c in CS:
            model = fitted.model.set_params(logisticregression__C=c)
            total = 0.0
            for inside, outside in folds.split(features, labels, groups):
                part = model.fit(features[inside], labels[inside])
                said = part.predict_proba(features[outside])
                total += log_loss(labels[outside], said, labels=[0, 1, 2], normalize=False)
            losses.append(total)
        assert fitted.c == CS[int(np.argmin(losses))]
        assert fitted.folds == FOLDS
        found.add(fitted.c)
    assert len(found) == 2
    svm = fit_svm(features, labels, groups)
    search = GridSearchCV(svm.model, {"linearsvc__C": CS}, cv=folds, refit=False)
    search.fit(features, labels, groups=groups)
    scores = search.cv_results_["mean_test_score"]
    assert scores[CS.index(svm.c)] == pytest.approx(scores.max(), abs=0.02)  # folds differ in size


@pytest.mark.parametrize("per_class", [(1, 6), (1, 1), (2, 2)])
def test_few_groups_are_said_to_be_too_few(per_class: tuple[int, int]) -> None:
    labels = np.repeat([0, 1], per_class).repeat(3)
    groups = np.arange(sum(per_class)).repeat(3)
    features = blobs(labels, 1, noise=0.3)
    fitted = fit_logistic(features, labels, groups)
    if min(per_class) == 1:
        assert (fitted.c, fitted.folds) == (FALLBACK, 0)
        assert "too few groups" in fitted.chosen
    else:
        assert fitted.folds == 2
    assert fitted.ranking(features, 2).sum(axis=1) == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(
    videos=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 5)), min_size=2, max_size=14),
)
def test_any_groups_of_any_classes_can_be_fitted(videos: list[tuple[int, int]]) -> None:
    """However classes and groups lie across each other (warnings are errors here)."""
    labels, groups = np.array(videos).T
    labels[:2] = 0, 2
    features = blobs(labels, 3)
    fitted = fit_logistic(features, labels, groups)
    assert fitted.c in CS
    ranking = fitted.ranking(features, 3)
    assert ranking.sum(axis=1) == pytest.approx(1.0)
    assert set(ranking.argmax(axis=1)) <= set(labels)


def test_pooling_leaves_the_padding_out(small_set: SmallSet) -> None:
    with open_features(small_set.features) as file:
        ids = ("test-2", "train-0", "test-1")
        pooled = pool(file, ids)
        lengths = []
        for n, id in enumerate(ids):
            length = file.rows[file.index(id)].length
            lengths.append(length)
            real = file.features([id])[0, :length].astype(np.float32)
            assert pooled.mean[n] == pytest.approx(real.mean(axis=0), abs=1e-5)
            assert np.array_equal(pooled.middle[n], real[length // 2])
        assert len(set(lengths)) > 1
        padded = file.features(ids).astype(np.float32)
        for n, length in enumerate(lengths):
            padded[n, length:] = 1e6
        assert np.array_equal(mean_over_time(padded, lengths), pooled.mean)


def test_features_that_are_no_numbers_are_named(tmp_path: Path, small_set: SmallSet) -> None:
    path = tmp_path / "features.h5"
    shutil.copyfile(small_set.features, path)
    with open_features(path) as file:
        where = file.index("val-3")
    with h5py.File(path, "r+") as raw:
        raw["features"][where, 2, 5] = np.nan
    with open_features(path) as file, pytest.raises(FileFormatError, match="val-3 are no finite"):
        pool(file, ("test-0", "val-3"))
