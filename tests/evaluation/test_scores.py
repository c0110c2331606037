"""Scores: scikit-learn's figures, and defined answers where a class has no video."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, f1_score, log_loss, precision_score, roc_auc_score

from clipkind.evaluation.answers import Answers
from clipkind.evaluation.intervals import draw_groups
from clipkind.evaluation.scores import scores
from evaluation.asked import NAMES, answer, ask, doubt


def all_figures(value: object) -> list[dict[str, float]]:
    if isinstance(value, dict) and value.keys() == {"value", "low", "high"}:
        return [value]
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else []
    return [figure for part in parts for figure in all_figures(part)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 2), st.integers(0, 4)), min_size=1, max_size=30),
    st.integers(0, 1000),
)
def test_figures_are_those_of_scikit_learn_and_never_nan(
    videos: list[tuple[int, int]], seed: int
) -> None:
    y_true = np.array([label for label, _ in videos])
    found = doubt(len(videos), seed)
    result = scores(ask(y_true, [g for _, g in videos]), Answers("x", "member", "", found))
    json.dumps(result, allow_nan=False)
    said, there = found.argmax(axis=1), sorted(set(y_true.tolist()))
    assert result["accuracy"]["value"] == pytest.approx(accuracy_score(y_true, said), abs=1e-5)
    macro = f1_score(y_true, said, labels=there, average="macro", zero_division=0.0)
    assert result["macro_f1"]["value"] == pytest.approx(macro, abs=1e-5)
    weighted = f1_score(y_true, said, average="weighted", zero_division=0.0)
    assert result["weighted_f1"]["value"] == pytest.approx(weighted, abs=1e-5)
    precision = precision_score(y_true, said, labels=[0, 1, 2], average=None, zero_division=0.0)
    assert [c["precision"] for c in result["classes"].values()] == pytest.approx(
        precision, abs=1e-5
    )
    assert result["nll"]["value"] == pytest.approx(
        log_loss(y_true, found, labels=[0, 1, 2]), abs=1e-5
    )
    assert all(f["low"] <= f["value"] <= f["high"] for f in all_figures(result))


def test_the_draws_of_a_figure_are_the_figure_of_the_draws() -> None:
    """F1 and calibration error in a draw are those of the videos in it, counted as often."""
    random = np.random.default_rng(5)
    y_true, groups, found = random.integers(0, 3, 60), np.arange(60) // 4, doubt(60, 6)
    asked = replace(ask(y_true, groups), draws=draw_groups(groups, rounds=200))
    result = scores(asked, Answers("x", "member", "", found))
    macros, eces = [], []
    for counts in asked.draws.counts:
        rows = np.repeat(np.arange(60), counts[asked.draws.index].astype(int))
        said = found[rows].argmax(axis=1)
        there = np.unique(y_true[rows])
        macros.append(
            f1_score(y_true[rows], said, labels=there, average="macro", zero_division=0.0)
        )
        confidence, right = found[rows].max(axis=1), said == y_true[rows]
        bins = np.digitize(confidence, np.arange(1, 15) / 15, right=True)
        gaps = [abs((right - confidence)[bins == b].sum()) for b in range(15)]
        eces.append(sum(gaps) / len(rows))
    for name, wanted in (("macro_f1", macros), ("ece", eces)):
        low, high = np.percentile(wanted, [2.5, 97.5])
        assert result[name]["high"] == pytest.approx(high, abs=1e-5)
        assert result[name]["low"] == pytest.approx(min(low, result[name]["value"]), abs=1e-5)


def test_calibration_by_hand() -> None:
    """Two videos at 0.75, one of them right; two at 0.95, both right."""
    found = np.array([[0.75, 0.25], [0.75, 0.25], [0.05, 0.95], [0.05, 0.95]])
    asked = ask([0, 1, 1, 1], names=("a", "b"))
    result = scores(asked, Answers("x", "member", "", found))
    assert result["ece"] is not None
    assert result["ece"]["value"] == pytest.approx((2 * 0.25 + 2 * 0.05) / 4, abs=1e-6)
    assert result["brier"] is not None
    brier = (2 * 0.25**2 + 2 * 0.75**2 + 2 * 2 * 0.05**2) / 4
    assert result["brier"]["value"] == pytest.approx(brier, abs=1e-6)
    assert result["reliability"] is not None
    assert [(b["videos"], b["accuracy"]) for b in result["reliability"]] == [(2, 0.5), (2, 1.0)]


def test_a_class_without_videos_has_no_curve_and_does_not_count() -> None:
    asked = ask([0, 0, 1, 1])
    result = scores(asked, answer([0, 2, 1, 1]))
    assert result["classes"]["c"]["f1"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    assert result["classes"]["c"]["support"] == 0
    assert result["macro_f1"]["value"] == pytest.approx((2 / 3 + 1) / 2, abs=1e-5)
    assert result["roc"] is not None
    assert result["pr"] is not None
    assert set(result["roc"]) == set(result["pr"]) == {"a", "b"}
    assert [sum(row) for row in result["confusion"]] == [2, 2, 0]


def test_curves_run_upwards_and_have_the_area_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    y_true, found = random.integers(0, 3, 900), doubt(900, 1)
    result = scores(ask(y_true), Answers("x", "member", "", found))
    for k, name in enumerate(NAMES):
        curve = result["roc"][name]
        assert curve["area"] == pytest.approx(roc_auc_score(y_true == k, found[:, k]), abs=1e-5)
        assert (curve["x"][0], curve["y"][0], curve["x"][-1], curve["y"][-1]) == (0, 0, 1, 1)
        assert curve["x"] == sorted(curve["x"])
        assert result["pr"][name]["x"] == sorted(result["pr"][name]["x"])
        assert len(curve["x"]) <= 200


def test_margins_are_no_probabilities() -> None:
    margins = np.array([[2.0, -1.0, -3.0], [0.1, 0.3, -9.0]])
    result = scores(ask([0, 1]), Answers("svm", "baseline", "", margins, has_probabilities=False))
    assert result["ece"] is result["brier"] is result["nll"] is result["reliability"] is None
    assert result["roc"] is not None


def test_a_class_answered_without_error_is_no_certainty() -> None:
    result = scores(ask([0] * 4 + [1] * 4), answer([0] * 4 + [1] * 4))
    assert result["classes"]["a"]["f1"]["low"] == pytest.approx(1 - (1 - 0.025**0.25), abs=1e-5)
