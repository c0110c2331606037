"""What an epoch of training came to, and the files that keep it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch. Losses are means over videos, accuracies and F1 are 0..1."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """At the start of the epoch."""
    train_loss: float
    train_accuracy: float
    """On the augmented videos, as they were trained on."""
    train_weighted_f1: float
    val_loss: float
    val_nll: float
    """Mean negative log-likelihood of the true class: how well the confidences fit."""
    val_accuracy: float
    val_macro_f1: float
    val_weighted_f1: float
    val_f1: tuple[float, ...]
    """By class."""
    seconds: float
