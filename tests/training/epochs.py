"""Epochs as a training would bring them, without a training."""

import math
import random

from clipkind.training.history import EpochResult


def some_epochs(count: int, classes: int = 4, seed: int = 0) -> list[EpochResult]:
    """Epochs 1 to `count` of a training that goes well, the same for the same seed."""
    draw = random.Random(seed)  # noqa: S311 - no secrets
    epochs = []
    for number in range(1, count + 1):
        learnt = 1 - math.exp(-number / 8)
        f1 = tuple(min(0.95 * learnt + 0.05 * draw.random(), 1.0) for _ in range(classes))
        mean = sum(f1) / classes
        epochs.append(
            EpochResult(
                epoch=number,
                learning_rate=1e-3 * 0.9**number,
                train_loss=0.8 - 0.7 * learnt,
                train_accuracy=mean * 0.97,
                train_weighted_f1=mean * 0.96,
                val_loss=0.8 - 0.6 * learnt,
                val_nll=1.4 - learnt,
                val_accuracy=mean * 0.99,
                val_macro_f1=mean,
                val_weighted_f1=mean * 0.98,
                val_f1=f1,
                seconds=0.9 + 0.1 * draw.random(),
            )
        )
    return epochs
