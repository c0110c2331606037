"""A linear head is solved for: the answer is scikit-learn's, at once, whatever the seed."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from clipkind.model.pooled import PooledHead
from clipkind.training.data import Split
from clipkind.training.learner import predict_logits
from clipkind.training.recipe import LINEAR, Recipe, default_seeds
from clipkind.training.trainer import Trainer

CLASSES = ("a", "b", "c")


def videos(seed: int, each: int = 12) -> Split:
    """Three classes, each a direction in the mean over time, of unequal lengths."""
    random = np.random.default_rng(seed)
    labels = np.arange(3 * each) % 3
    lengths = random.integers(2, 9, len(labels))
    features = random.standard_normal((len(labels), 8, 5)) * [1, 30, 0.1, 1, 1] + [0, 9, 0, 0, 1]
    features[:, :, 0] += labels[:, None] * 0.7
    features[np.arange(8)[None, :] >= lengths[:, None]] = 1e9  # none of the videos'
    return Split(features.astype(np.float32), lengths, labels)


def trained(recipe: Recipe, split: Split, seed: int = 42) -> Any:
    return Trainer(recipe, 5, CLASSES, seed=seed).fit(split, split)


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 999), c=st.sampled_from([0.01, 0.1, 1.0]))
def test_the_answer_is_that_of_logistic_regression(seed: int, c: float) -> None:
    split = videos(seed)
    model = trained(replace(LINEAR, weight_decay=1 / c), split).model
    assert isinstance(model, PooledHead)
    inputs = model.inputs(torch.from_numpy(split.features), torch.from_numpy(split.lengths))
    expected = LogisticRegression(C=c, tol=1e-9, max_iter=9999).fit(inputs.numpy(), split.labels)
    found = predict_logits(model, split.features, split.lengths)
    probabilities = torch.from_numpy(found).softmax(dim=1).numpy()
    np.testing.assert_allclose(probabilities, expected.predict_proba(inputs.numpy()), atol=2e-3)


def test_it_takes_one_epoch_and_no_chance() -> None:
    split = videos(1)
    one, other = (trained(LINEAR, split, seed) for seed in (1, 2))
    assert len(one.epochs) == 1
    assert not one.failure
    for name, tensor in one.model.state_dict().items():
        assert torch.equal(tensor, other.model.state_dict()[name]), name
    assert len(default_seeds(LINEAR)) == 1  # more members would all be this one


def test_classes_weigh_alike_however_many_videos_they_have() -> None:
    split = videos(3, each=40)
    few = np.flatnonzero((split.labels != 2) | (np.arange(120) < 12))
    rare = Split(split.features[few], split.lengths[few], split.labels[few])
    answers = predict_logits(trained(LINEAR, rare).model, split.features, split.lengths)
    named = np.bincount(answers.argmax(axis=1), minlength=3)
    assert named[2] > 20


@pytest.mark.parametrize(
    "change", [{"head": "temporal"}, {"classifier_dims": (8,)}, {"num_epochs": 2}]
)
def test_only_a_linear_network_can_be_solved_for(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="solver lbfgs is for a linear network"):
        replace(LINEAR, **change)


def test_a_run_begun_before_there_was_a_choice_is_the_same_run() -> None:
    assert "solver" not in replace(LINEAR, solver="adamw").to_json()
    assert LINEAR.to_json()["solver"] == "lbfgs"
