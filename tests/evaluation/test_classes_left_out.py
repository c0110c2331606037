"""The outlier score on classes it was fitted without."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from clipkind.evaluation.outliers import auroc, left_out
from evaluation.asked import ask


@settings(max_examples=50, deadline=None)
@given(
    scores=st.lists(st.integers(0, 5), min_size=2, max_size=20),
    seed=st.integers(0, 99),
)
def test_it_is_the_area_under_the_roc_curve(scores: list[int], seed: int) -> None:
    random = np.random.default_rng(seed)
    foreign = random.random(len(scores)) < 0.5
    foreign[:2] = True, False
    asked = ask(foreign.astype(int), random.integers(0, 4, len(scores)))
    found = auroc(asked, np.array(scores, float), foreign)
    assert found.value == pytest.approx(roc_auc_score(foreign, scores))
    for draw in (0, 1):  # each draw is the area with its videos as often as drawn
        weights = asked.draws.counts[draw][asked.draws.index]
        if weights[foreign].any() and weights[~foreign].any():
            area = roc_auc_score(foreign, scores, sample_weight=weights)
            assert found.draws[draw] == pytest.approx(area)
        else:
            assert np.isnan(found.draws[draw])


def blobs(labels: np.ndarray, seed: int) -> np.ndarray:
    """Features [N, 8] in which class 2 points where class 1 does, and class 0 elsewhere."""
    centres = 6 * np.eye(3, 8)
    centres[2] = 6.1 * np.eye(3, 8)[1]
    return centres[labels] + np.random.default_rng(seed).standard_normal((len(labels), 8))


def test_a_class_like_another_is_not_told_and_one_unlike_all_is() -> None:
    y_train, y_true = np.arange(90) % 3, np.arange(120) % 3
    groups = (np.arange(90) // 6).astype(str)
    asked = ask(y_true, np.arange(120) // 6)
    found = left_out(asked, blobs(y_true, 1), blobs(y_train, 2), y_train, groups)
    assert [row["kind"] for row in found] == [f"class left out: {name}" for name in "abc"]
    assert [row["videos"] for row in found] == [40, 40, 40]
    alone, *alike = (row["auroc"] for row in found)
    assert alone["value"] == 1.0
    for auroc_of in alike:
        assert auroc_of["low"] < 0.5 < auroc_of["high"]


@pytest.mark.parametrize(
    ("of_a", "of_others", "low"),
    [
        (1, 30, 0.0),
        (30, 1, 0.0),
        (2, 30, 0.025**0.5),
        (30, 2, 0.025**0.5),
        (30, 30, 0.025 ** (1 / 30)),
    ],
)
def test_few_groups_on_either_side_say_little(of_a: int, of_others: int, low: float) -> None:
    """Class a is told without a mistake; how much that is worth depends on its sources."""
    y_train, y_true = np.arange(90) % 3, np.arange(120) % 3
    number = np.arange(120) // 3
    sources = np.where(y_true == 0, number % of_a, 1000 + number % of_others)
    asked = ask(y_true, sources)
    found = left_out(asked, blobs(y_true, 1), blobs(y_train, 2), y_train, np.arange(90).astype(str))
    assert found[0]["auroc"]["value"] == 1.0
    assert found[0]["auroc"]["low"] == pytest.approx(low, abs=1e-5)


def test_what_cannot_be_measured_is_passed_over() -> None:
    y_train, y_true = np.array([0, 0, 1, 1, 2, 2]), np.array([0, 0, 1, 1])
    groups = np.array(["x", "y", "z", "z", "z", "z"])
    asked = ask(y_true)
    found = left_out(asked, blobs(y_true, 1), blobs(y_train, 2), y_train, groups)
    assert [row["kind"] for row in found] == ["class left out: b"]
    one = ask([1, 1])
    assert left_out(one, blobs(np.array([1, 1]), 1), blobs(y_train, 2), y_train, groups) == []
