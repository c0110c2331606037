"""Training: learns order in time, repeats exactly, refuses bad data, keeps the best epoch."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from clipkind.errors import FileFormatError
from clipkind.model.temporal import TemporalClassifier
from clipkind.training.data import Split
from clipkind.training.history import EpochResult
from clipkind.training.learner import TrainingDiverged, predict_logits
from clipkind.training.trainer import Trainer
from training.ramps import CLASSES, SHORT, TINY, ramps


def reversed_in_time(split: Split) -> Split:
    features = split.features.copy()
    for video, length in zip(features, split.lengths, strict=True):
        video[:length] = video[:length][::-1].copy()
    return Split(features, split.lengths, 1 - split.labels)


def test_learns_the_order_of_frames() -> None:
    data = ramps(320, seed=0)
    train = Split(data.features[:240], data.lengths[:240], data.labels[:240])
    val = Split(data.features[240:], data.lengths[240:], data.labels[240:])
    result = Trainer(TINY, 6, CLASSES).fit(train, val)
    assert result.best.val_accuracy > 0.95
    assert result.best.val_macro_f1 > 0.95
    backwards = reversed_in_time(val)
    answers = predict_logits(result.model, backwards.features, backwards.lengths).argmax(axis=1)
    assert (answers == backwards.labels).mean() > 0.95


def test_same_seed_gives_the_same_weights_to_the_bit() -> None:
    train, val = ramps(48, seed=1), ramps(16, seed=2)
    first = Trainer(SHORT, 6, CLASSES).fit(train, val)
    torch.rand(7)  # the caller's random state must not matter
    second = Trainer(SHORT, 6, CLASSES).fit(train, val)
    other = Trainer(SHORT, 6, CLASSES, seed=43).fit(train, val)
    state = second.model.state_dict()
    for name, tensor in first.model.state_dict().items():
        assert torch.equal(state[name], tensor), name
    assert not torch.equal(
        other.model.state_dict()["lstm.weight_hh_l0"], state["lstm.weight_hh_l0"]
    )


def test_callers_random_state_is_left_alone() -> None:
    before = torch.get_rng_state()
    Trainer(SHORT, 6, CLASSES).fit(ramps(16, seed=1), ramps(8, seed=2))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_best_epoch_is_kept_and_reported() -> None:
    train, val = ramps(48, seed=3), ramps(40, seed=4)
    told: list[EpochResult] = []
    result = Trainer(TINY, 6, CLASSES).fit(train, val, lambda epochs: told.append(epochs[-1]))
    assert result.epochs == tuple(told)
    assert [e.epoch for e in told] == list(range(1, len(told) + 1))
    assert result.best == max(told, key=lambda e: (e.val_macro_f1, -e.val_nll))
    answers = predict_logits(result.model, val.features, val.lengths).argmax(axis=1)
    assert (answers == val.labels).mean() == pytest.approx(result.best.val_accuracy)
    assert not result.model.training


def test_learning_rate_warms_up_then_falls() -> None:
    recipe = replace(TINY, warmup_epochs=2.0, patience=6)
    result = Trainer(recipe, 6, CLASSES).fit(ramps(64, seed=3), ramps(8, seed=4))
    rates = [e.learning_rate for e in result.epochs]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(recipe.learning_rate)
    assert rates[2] > rates[3] > rates[4] > rates[5] > 0


def test_stops_when_validation_no_longer_improves() -> None:
    recipe = replace(TINY, learning_rate=1e-30, patience=2, num_epochs=30)  # learns nothing
    result = Trainer(recipe, 6, CLASSES).fit(ramps(48, seed=5), ramps(16, seed=6))
    assert result.stopped_early
    assert result.best.epoch == 1
    assert len(result.epochs) == 3


def test_half_precision_features_train_as_well() -> None:
    train, val = ramps(48, seed=7), ramps(16, seed=8)
    half = Split(train.features.astype(np.float16), train.lengths, train.labels)
    result = Trainer(SHORT, 6, CLASSES).fit(half, val)
    assert np.isfinite(result.best.train_loss)


def spoiled(split: Split, value: float) -> Split:
    features = split.features.copy()
    features[5, 2, 3] = value
    return Split(features, split.lengths, split.labels)


def only(split: Split, label: int) -> Split:
    keep = split.labels == label
    return Split(split.features[keep], split.lengths[keep], split.labels[keep])


GOOD = ramps(16, seed=9)
LONG = Split(GOOD.features, GOOD.lengths + 16, GOOD.labels)
OTHER = Split(GOOD.features, GOOD.lengths, GOOD.labels + 1)
NARROW = Split(GOOD.features[:, :, :5], GOOD.lengths, GOOD.labels)
FEWER = Split(GOOD.features[:-1], GOOD.lengths, GOOD.labels)
NONE = Split(GOOD.features[:0], GOOD.lengths[:0], GOOD.labels[:0])


@pytest.mark.parametrize(
    ("train", "val", "message"),
    [
        (spoiled(GOOD, np.nan), GOOD, r"train split: the features of 1 videos .* row 5"),
        (GOOD, spoiled(GOOD, np.inf), r"val split: the features of 1 videos .* row 5"),
        (only(GOOD, 1), GOOD, "no video of class 'falling'"),
        (LONG, GOOD, "lengths must be 1 to 16"),
        (OTHER, GOOD, "labels must be 0 to 1"),
        (NARROW, GOOD, r"train split: features \(16, 16, 5\)"),
        (FEWER, GOOD, r"train split: features \(15, 16, 6\)"),
        (GOOD, NONE, "val split is empty"),
    ],
)
def test_bad_data_are_refused(train: Split, val: Split, message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        Trainer(SHORT, 6, CLASSES).fit(train, val)


def test_divergence_is_an_error_not_a_model() -> None:
    recipe = replace(SHORT, learning_rate=1e30, warmup_epochs=0.0)
    with pytest.raises(TrainingDiverged, match="lower the learning rate"):
        Trainer(recipe, 6, CLASSES).fit(GOOD, GOOD)


def test_predictions_do_not_depend_on_the_batch() -> None:
    torch.manual_seed(0)
    model = TemporalClassifier(Trainer(TINY, 6, CLASSES).config).train()
    batches: list[NDArray[np.float32]] = [
        predict_logits(model, GOOD.features, GOOD.lengths, batch_size=n) for n in (1, 3, 256)
    ]
    assert batches[0].shape == (16, 2)
    for other in batches[1:]:
        np.testing.assert_allclose(other, batches[0], rtol=0, atol=1e-5)
    assert predict_logits(model, NONE.features, NONE.lengths).shape == (0, 2)
    assert model.training


def test_standardising_makes_the_unit_and_offset_of_the_features_irrelevant() -> None:
    data = ramps(320, seed=0)
    moved = data.features * 1000 + 5000
    train = Split(moved[:240], data.lengths[:240], data.labels[:240])
    val = Split(moved[240:], data.lengths[240:], data.labels[240:])
    recipe = replace(TINY, standardize=True, num_epochs=12, feature_dropout=0.0)
    with_it = Trainer(recipe, 6, CLASSES).fit(train, val)
    assert with_it.best.val_accuracy > 0.95
