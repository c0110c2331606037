"""Answers whose errors come in groups, as those for several clips of one source do."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

OUT_OF_FOLD = Path(__file__).parents[2] / "benchmarks" / "results" / "out_of_fold.json"
"""The corpus' own answers, where `scripts/make_bundle.py --answers` left them."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """Labelled videos with an ensemble's probabilities."""

    probabilities: NDArray[np.float64]
    y_true: NDArray[np.int64]
    groups: NDArray[np.int64]

    def part(self, where: NDArray[np.bool_]) -> "Answered":
        return Answered(self.probabilities[where], self.y_true[where], self.groups[where])


def answered(
    groups: int, correlation: float, seed: int, *, mean_size: float = 2.2, classes: int = 4
) -> Answered:
    """Videos of `groups` sources of very different sizes, of one class each.

    Of the noise in a video's logits, the share `correlation` is its source's: its videos are
    mistaken together and in the same way. About one in six answers is wrong.
    """
    random = np.random.default_rng(seed)
    sizes = np.minimum(random.geometric(1 / mean_size, groups), 40)
    group = np.repeat(np.arange(groups), sizes)
    y_true = random.integers(classes, size=groups)[group]
    shared = random.standard_normal((groups, classes))[group]
    own = random.standard_normal((len(group), classes))
    logits = 1.2 * (correlation**0.5 * shared + (1 - correlation) ** 0.5 * own)
    logits[np.arange(len(group)), y_true] += 2.4
    raised = np.exp(logits)
    return Answered(raised / raised.sum(axis=1, keepdims=True), y_true, group)


def of_the_corpus() -> Answered | None:
    """The out-of-fold answers for the shared clips, if they were made."""
    if not OUT_OF_FOLD.is_file():
        return None
    data: dict[str, Any] = json.loads(OUT_OF_FOLD.read_text(encoding="utf-8"))
    return Answered(
        np.array(data["probabilities"], np.float64),
        np.array(data["y_true"], np.int64),
        np.array(data["groups"], np.int64),
    )
