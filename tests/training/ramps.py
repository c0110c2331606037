"""Sequences of two classes that only their order in time tells apart, and recipes to learn them."""

from dataclasses import replace

import numpy as np

from clipkind.training.data import Split
from clipkind.training.recipe import DEFAULT

CLASSES = ("falling", "rising")
TINY = replace(
    DEFAULT,
    hidden_dim=16,
    num_attention_heads=2,
    classifier_dims=(16,),
    dropout=0.1,
    learning_rate=5e-3,
    num_epochs=6,
    feature_noise=0.01,
    standardize=False,
)
SHORT = replace(TINY, num_epochs=3, warmup_epochs=1.0)


def ramps(count: int, seed: int) -> Split:
    """Sequences that rise or fall; each pair of classes holds the same rows in another order."""
    random = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    lengths = random.integers(8, 17, count)
    direction = random.standard_normal(6)
    features = np.full((count, 16, 6), np.nan, np.float32)  # padding is garbage
    for video, length in enumerate(lengths):
        ramp = np.linspace(-1, 1, length)[:, None] * direction
        ramp += 0.3 * random.standard_normal(ramp.shape)
        features[video, :length] = ramp if labels[video] else ramp[::-1]
    return Split(features, lengths, labels)
