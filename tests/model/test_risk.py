"""What is promised of answers at a risk, held against what comes of them on other sources."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.model.calibration import Calibration, fit_calibration
from clipkind.model.risk import decide, decision_of, require_risk, risk_rule, sources_for
from model.sources import OUT_OF_FOLD, Answered, answered, of_the_corpus

SPLITS = 1000


def calibrated(videos: Answered) -> Calibration:
    return fit_calibration(videos.probabilities, videos.y_true, videos.groups)


def single_error(known: Answered, new: Answered, risk: float) -> tuple[float, float]:
    """Share of wrong ones among the single answers to `new` (0: none), and how many are single."""
    calibration = calibrated(known)
    labels = decide(calibration(new.probabilities), risk_rule(calibration, risk))
    single = labels.sum(axis=1) == 1
    wrong = single & ~labels[np.arange(len(labels)), new.y_true]
    return wrong.sum() / max(single.sum(), 1), single.mean()


def resplits(videos: Answered, risk: float, splits: int = SPLITS) -> tuple[float, float]:
    """Halve the sources over and over, calibrate on one half, answer the other: how often the error
    of single answers stays within the risk, and the mean share of single answers."""
    random = np.random.default_rng(0)
    groups, number = np.unique(videos.groups, return_inverse=True)
    within, share = 0, 0.0
    for _ in range(splits):
        first = np.zeros(len(groups), np.bool_)
        first[random.permutation(len(groups))[: len(groups) // 2]] = True
        known = first[number]
        error, single = single_error(videos.part(known), videos.part(~known), risk)
        within += error <= risk
        share += single
    return within / splits, share / splits


@pytest.mark.parametrize(("correlation", "risk"), [(0.4, 0.05), (0.9, 0.1)])
def test_the_error_of_single_answers_stays_within_the_risk_over_resplits_by_group(
    correlation: float, risk: float
) -> None:
    within, share = resplits(answered(320, correlation, seed=1), risk)
    assert within >= 0.95
    assert share > 0.05  # it is not kept by never answering


@pytest.mark.parametrize("risk", [0.05, 0.1, 0.15])
def test_the_same_on_the_out_of_fold_answers_for_the_shared_clips(risk: float) -> None:
    videos = of_the_corpus()
    if videos is None:
        pytest.skip(f"{OUT_OF_FOLD} is not there: scripts/make_bundle.py --answers makes it")
    within, share = resplits(videos, risk)
    assert within >= 0.95
    assert share > 0.0


def worlds(groups: int, correlation: float, size: float, risk: float) -> tuple[float, float]:
    """Of 300 worlds drawn afresh, how many keep the risk: of all, and of those that give single
    answers."""
    within, answering = [], []
    for seed in range(300):
        videos = answered(2 * groups, correlation, seed, mean_size=size)
        known = videos.groups < groups
        error, single = single_error(videos.part(known), videos.part(~known), risk)
        within.append(error <= risk)
        answering.append(single > 0)
    kept = np.array(within)
    return kept.mean(), kept[answering].mean()


def enough(count: float) -> float:
    """0.95, less what so many draws of a fair 0.95 may miss it by (two standard errors)."""
    return 0.95 - 2 * math.sqrt(0.95 * 0.05 / count)


@pytest.mark.parametrize(("correlation", "size"), [(0.0, 2.2), (0.5, 2.2), (0.9, 2.2), (0.5, 6.0)])
@pytest.mark.parametrize("risk", [0.1, 0.2])
def test_with_as_many_sources_as_a_promise_takes_new_sources_keep_it(
    risk: float, correlation: float, size: float
) -> None:
    """Those that give single answers do too: not answering is no way to keep it."""
    within, answering = worlds(sources_for(risk), correlation, size, risk)
    assert within >= enough(300)
    assert answering >= enough(150)


@pytest.mark.parametrize("correlation", [0.5, 0.9])
def test_with_few_sources_no_more_worlds_break_it_and_it_is_no_promise(correlation: float) -> None:
    within, _ = worlds(60, correlation, 2.2, 0.1)
    assert within >= enough(300)
    rule = risk_rule(calibrated(answered(60, correlation, seed=3)), 0.1)
    assert rule.doubt == (
        f"the model was calibrated with videos of 60 sources, a promise takes {sources_for(0.1)}"
    )
    assert risk_rule(calibrated(answered(sources_for(0.1), correlation, seed=3)), 0.1).doubt == ""


def test_it_takes_more_sources_to_promise_a_smaller_risk() -> None:
    needed = [sources_for(risk) for risk in (0.5, 0.2, 0.1, 0.05, 0.01)]
    assert needed == sorted(set(needed))


def sure_and_then(errors: list[int], videos: int = 400) -> Calibration:
    """Videos of as many sources, ever less sure, of which those with these numbers are wrong."""
    confidence = np.linspace(0.99, 0.5, videos)
    right = np.ones(videos, np.bool_)
    right[errors] = False
    truth = np.where(right, confidence, 1 - confidence)
    return Calibration(1.0, "", confidence, truth, right, np.arange(videos))


def test_errors_do_not_choose_where_to_start() -> None:
    """Among all 400 so few errors are within the risk, but not among the first hundred."""
    early, late = sure_and_then(list(range(10, 22))), sure_and_then(list(range(300, 312)))
    assert risk_rule(early, 0.1).single_from == math.inf
    assert risk_rule(early, 0.1).smallest > 0.1
    assert risk_rule(late, 0.1).single_from == late.confidence.min()


def test_nothing_comes_after_a_step_that_failed() -> None:
    """The errors in the middle end it, though in the end they would be few enough again."""
    calibration = sure_and_then(list(range(110, 122)))
    rule = risk_rule(calibration, 0.1)
    assert calibration.confidence[121] < rule.single_from <= calibration.confidence[109]


def test_what_also_chose_the_model_promises_nothing() -> None:
    videos = answered(400, 0.3, seed=0)
    also = fit_calibration(
        videos.probabilities, videos.y_true, videos.groups, also_chose="the epochs"
    )
    rule = risk_rule(also, 0.2)
    assert rule.single_from == risk_rule(calibrated(videos), 0.2).single_from < math.inf
    assert rule.note == (
        "a risk of 0.2 is aimed at, not promised: the videos that the model was calibrated with "
        "also chose the epochs"
    )
    assert risk_rule(calibrated(videos), 0.2).note == ""


def test_sets_of_labels_hold_the_truth_as_often_as_the_risk_says() -> None:
    missed = []
    for seed in range(100):
        videos = answered(300, 0.5, seed)
        known = videos.groups < 150
        calibration = calibrated(videos.part(known))
        new = videos.part(~known)
        labels = decide(calibration(new.probabilities), risk_rule(calibration, 0.1))
        several = labels.sum(axis=1) > 1
        missed.append((several & ~labels[np.arange(len(labels)), new.y_true]).sum() / several.sum())
    assert np.mean(missed) <= 0.1


def test_more_videos_of_the_same_sources_promise_no_more() -> None:
    """Ten videos of a source that are answered alike say what one says."""
    videos = answered(200, 0.4, seed=0)
    ten = Answered(*(np.repeat(a, 10, axis=0) for a in (videos.probabilities, videos.y_true,
                                                        videos.groups)))  # fmt: skip
    others = Answered(ten.probabilities, ten.y_true, np.arange(len(ten.y_true)))
    smallest = [risk_rule(calibrated(v), 0.1).smallest for v in (videos, ten, others)]
    assert smallest[1] > 0.8 * smallest[0]
    assert smallest[2] < 0.4 * smallest[0]


def test_no_error_among_few_sources_is_no_promise_of_none() -> None:
    """Each source counts once where no error tells how alike its videos are."""
    sure = np.tile([0.97, 0.01, 0.01, 0.01], (1000, 1))
    y_true = np.zeros(1000, np.int64)
    rule = risk_rule(fit_calibration(sure, y_true, np.arange(1000) // 100), 0.05)
    assert rule.single_from == math.inf
    assert not decide(sure, rule).any()  # nor can ten sources say how often a set is wrong
    rule = risk_rule(fit_calibration(sure, y_true, np.arange(1000)), 0.05)
    assert rule.single_from < 1


def test_where_single_labels_begin_is_told_for_what_it_is() -> None:
    calibration = calibrated(answered(60, 0.5, seed=3))
    rule = risk_rule(calibration, 0.01)
    assert rule.single_from == math.inf
    assert f"single labels begin at a risk of {rule.smallest:.3f}" in rule.note
    assert "cannot promise" in rule.note
    assert "\n" not in rule.note
    assert math.isfinite(risk_rule(calibration, rule.smallest).single_from)
    assert risk_rule(calibration, rule.smallest - 0.001).single_from == math.inf


def test_one_video_promises_nothing_and_breaks_nothing() -> None:
    calibration = fit_calibration(np.array([[0.7, 0.3]]), np.array([0]), np.array([5]))
    rule = risk_rule(calibration, 0.05)
    assert rule.single_from == math.inf
    assert not decide(np.array([[0.99, 0.01], [0.5, 0.5]]), rule).any()
    assert "\n" not in rule.note
    assert rule.note


@pytest.mark.parametrize("risk", [0.0, -0.1, 0.51, math.nan, 5])
def test_a_risk_is_above_0_and_at_most_a_half(risk: float) -> None:
    with pytest.raises(ValueError, match="above 0 and at most"):
        require_risk(risk)


WORLD = calibrated(answered(150, 0.3, seed=9))


@given(
    st.lists(st.lists(st.floats(0.001, 1), min_size=4, max_size=4), min_size=1, max_size=5),
    st.sampled_from([0.02, 0.1, 0.3, 0.5]),
)
@settings(max_examples=60, deadline=None)
def test_an_answer_is_the_best_label_or_some_that_hold_it_or_none(
    weights: list[list[float]], risk: float
) -> None:
    values = np.array(weights)
    probabilities = values / values.sum(axis=1, keepdims=True)
    labels = decide(probabilities, risk_rule(WORLD, risk))
    for row, chosen in zip(probabilities, labels, strict=True):
        decision = decision_of(int(chosen.sum()))
        assert (decision == "unsure") == (not chosen.any())
        assert not chosen.all()
        if chosen.any():
            assert chosen[row.argmax()]
            assert row[chosen].min() >= row[~chosen].max()  # nothing likelier is left out


def test_more_risk_never_makes_an_answer_less_definite() -> None:
    videos = answered(200, 0.4, seed=2)
    sizes = [
        decide(videos.probabilities, risk_rule(WORLD, risk)).sum(axis=1) for risk in (0.1, 0.2, 0.4)
    ]
    singles = [set(np.flatnonzero(size == 1)) for size in sizes]
    assert singles[0] <= singles[1] <= singles[2]
