"""Failed runs are seen: guessing, and classes given up."""

from dataclasses import replace

import numpy as np
import pytest

from clipkind.training.collapse import lost_class
from clipkind.training.data import Split
from clipkind.training.history import EpochResult
from clipkind.training.trainer import Trainer
from training.ramps import CLASSES, SHORT, ramps

EPOCH = EpochResult(
    epoch=3,
    learning_rate=1e-3,
    train_loss=0.1,
    train_accuracy=0.9,
    train_weighted_f1=0.9,
    val_loss=0.2,
    val_nll=0.3,
    val_accuracy=0.8,
    val_macro_f1=0.7,
    val_weighted_f1=0.8,
    val_f1=(0.9, 0.1, 0.95),
    seconds=1.0,
)


def blank(split: Split) -> Split:
    """The same labels, and nothing to tell them by."""
    return Split(np.zeros_like(split.features), split.lengths, split.labels)


def test_a_run_that_keeps_guessing_is_stopped_and_named() -> None:
    recipe = replace(SHORT, num_epochs=30, patience=30, collapse_epochs=4)
    result = Trainer(recipe, 6, CLASSES).fit(blank(ramps(48, seed=5)), ramps(16, seed=6))
    assert len(result.epochs) == 4
    assert "still that of guessing" in result.failure
    assert "after 4 epochs" in result.failure


@pytest.mark.parametrize("sampler", ["shuffle", "weighted"])
def test_guessing_is_seen_with_unbalanced_classes_too(sampler: str) -> None:
    data = ramps(120, seed=5)
    keep = np.flatnonzero((data.labels == 0) | (np.arange(120) % 6 == 1))
    recipe = replace(
        SHORT,
        num_epochs=30,
        patience=30,
        collapse_epochs=2,
        sampler=sampler,  # type: ignore[arg-type]
    )
    result = Trainer(recipe, 6, CLASSES).fit(blank(data.take(keep)), ramps(16, seed=6))
    assert "guessing" in result.failure


def test_a_run_that_learns_has_not_failed() -> None:
    recipe = replace(SHORT, num_epochs=12, collapse_epochs=8)
    data = ramps(280, seed=5)
    train, val = data.take(np.arange(240)), data.take(np.arange(240, 280))
    result = Trainer(recipe, 6, CLASSES).fit(train, val)
    assert result.failure == ""


def test_a_class_given_up_is_named() -> None:
    failure = lost_class(EPOCH, [20, 20, 20], ["Cats", "Dogs", "Birds"])
    assert failure == "class Dogs is not told apart: F1 0.10 on 20 validation videos"
    assert lost_class(EPOCH, [20, 4, 20], ["Cats", "Dogs", "Birds"]) == ""  # too few to tell
