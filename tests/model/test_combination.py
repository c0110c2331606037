"""How members vote: all alike, or as the validation videos say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.model.combination import COMBINE, Combination, Combine, equal, fit_combination
from model.sources import answered


def members(seed: int, noises: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities [M, N, C] of members that know so much less than the first world, and y."""
    videos = answered(300, 0.0, seed)
    random = np.random.default_rng(seed)
    logits = np.log(videos.probabilities)
    made = [np.exp(logits + noise * random.standard_normal(logits.shape)) for noise in noises]
    return np.stack([m / m.sum(axis=1, keepdims=True) for m in made]), videos.y_true


def likelihood(combination: Combination, found: np.ndarray, y_true: np.ndarray) -> float:
    return float(np.log(combination(found)[np.arange(len(y_true)), y_true]).mean())


def test_equal_is_the_plain_mean() -> None:
    found, y_true = members(0, (0.1, 0.5, 1.0))
    combination = fit_combination("equal", found, y_true)
    assert combination == equal(3)
    np.testing.assert_allclose(combination(found), found.mean(axis=0))


@given(st.integers(0, 50), st.sampled_from(COMBINE))
@settings(max_examples=20, deadline=None)
def test_weights_are_weights_and_answers_probabilities(seed: int, how: Combine) -> None:
    found, y_true = members(seed, (0.2, 1.0, 3.0))
    combination = fit_combination(how, found, y_true)
    assert sum(combination.weights) == pytest.approx(1)
    assert min(combination.weights) >= 0
    np.testing.assert_allclose(combination(found).sum(axis=1), 1)
    voters = combination.of_voters()
    assert min(voters.weights) > 0
    np.testing.assert_allclose(voters(found[list(combination.voters)]), combination(found))


@pytest.mark.parametrize("how", ["weighted", "selected"])
def test_what_was_fitted_is_likelier_than_equal_and_a_useless_member_has_no_say(
    how: Combine,
) -> None:
    found, y_true = members(1, (0.1, 0.4, 6.0))
    combination = fit_combination(how, found, y_true)
    assert likelihood(combination, found, y_true) > likelihood(equal(3), found, y_true)
    assert combination.weights[2] < 0.1


def test_the_weights_are_the_likeliest_there_are() -> None:
    found, y_true = members(2, (0.5, 0.8))
    best = likelihood(fit_combination("weighted", found, y_true), found, y_true)
    others = [Combination("weighted", (w, 1 - w)) for w in np.linspace(0, 1, 101)]
    assert best >= max(likelihood(other, found, y_true) for other in others) - 1e-6


def test_a_member_that_says_0_to_the_truth_breaks_nothing() -> None:
    found = np.array([[[1.0, 0.0]] * 4, [[0.4, 0.6]] * 4])
    for how in COMBINE:
        combination = fit_combination(how, found, np.array([1, 1, 1, 1]))
        assert np.isfinite(combination.weights).all()


def test_one_member_has_all_the_say() -> None:
    for how in COMBINE:
        assert fit_combination(how, np.ones((1, 3, 2)) / 2, np.zeros(3, int)).weights == (1.0,)
