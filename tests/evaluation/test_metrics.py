"""Scores: right by hand, intervals by group."""

import numpy as np
import pytest

from clipkind.evaluation.metrics import grouped_scores

NAMES = ("a", "b", "c")


def one_hot(answers: list[int]) -> np.ndarray:
    return np.eye(3)[answers]


def test_scores_are_those_worked_out_by_hand() -> None:
    y_true = np.array([0, 0, 0, 1, 1, 2])
    scores = grouped_scores(one_hot([0, 0, 1, 1, 1, 0]), y_true, np.arange(6), NAMES)
    assert scores["accuracy"] == pytest.approx(4 / 6, abs=1e-4)
    assert scores["confusion"] == [[2, 1, 0], [0, 2, 0], [1, 0, 0]]
    # a: precision 2/3, recall 2/3; b: precision 2/3, recall 1; c: never answered, so 0
    assert scores["f1"] == pytest.approx({"a": 2 / 3, "b": 0.8, "c": 0.0}, abs=1e-4)
    assert scores["macro_f1"] == pytest.approx((2 / 3 + 0.8) / 3, abs=1e-4)


def test_clips_of_one_source_do_not_narrow_the_interval() -> None:
    """Twenty copies of each answer are no more evidence than one."""
    rng = np.random.default_rng(1)
    y_true = rng.integers(0, 3, 60)
    answers = np.where(rng.random(60) < 0.7, y_true, (y_true + 1) % 3)
    alone = grouped_scores(one_hot(answers.tolist()), y_true, np.arange(60), NAMES)
    copies = np.repeat(np.arange(60), 20)
    together = grouped_scores(one_hot(answers[copies].tolist()), y_true[copies], copies, NAMES)
    assert together["accuracy_95"] == alone["accuracy_95"]
    apart = grouped_scores(
        one_hot(answers[copies].tolist()), y_true[copies], np.arange(1200), NAMES
    )
    low, high = apart["accuracy_95"]
    assert high - low < (alone["accuracy_95"][1] - alone["accuracy_95"][0]) / 3
    assert alone["accuracy_95"][0] < alone["accuracy"] < alone["accuracy_95"][1]


@pytest.mark.parametrize(("right", "wanted"), [(True, (0.541, 1.0)), (False, (0.0, 0.459))])
def test_a_few_sources_all_alike_do_not_make_certain(
    right: bool, wanted: tuple[float, float]
) -> None:
    """Drawing from six equal sources again and again shows no doubt; six are few all the same."""
    y_true = np.arange(6) % 2
    answers = np.eye(2)[y_true if right else 1 - y_true]
    scores = grouped_scores(answers, y_true, np.arange(6), ("a", "b"))
    assert scores["accuracy_95"] == pytest.approx(wanted, abs=1e-3)
