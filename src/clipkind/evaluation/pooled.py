"""Videos without their course in time: what the simple systems look at."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.errors import FileFormatError
from clipkind.features.store import FeatureFile
from clipkind.model.outliers import pooled
from clipkind.text import printable

_BLOCK = 64
"""Videos read at a time."""


@dataclass(frozen=True, slots=True, eq=False)
class Pooled:
    """Mean and middle of N videos."""

    mean: NDArray[np.float32]
    """[N, D], over the rows that are real."""
    middle: NDArray[np.float32]
    """[N, D], the row in the middle."""

    def take(self, rows: NDArray[np.integer[Any]] | slice) -> "Pooled":
        return Pooled(self.mean[rows], self.middle[rows])


def mean_over_time(features: NDArray[Any], lengths: Any) -> NDArray[np.float32]:
    """The mean [N, D] of sequences [N, T, D] over the rows that are real, `lengths` [N] each."""
    means = [pooled(rows[:length]) for rows, length in zip(features, lengths, strict=True)]
    return np.array(means, np.float32).reshape(len(means), features.shape[2])


def pool(file: FeatureFile, ids: tuple[str, ...]) -> Pooled:
    """The videos `ids`, in that order. Raises FileFormatError where features are no numbers."""
    mean = np.empty((len(ids), file.contract.feature_dim), np.float32)
    middle = np.empty_like(mean)
    for start in range(0, len(ids), _BLOCK):
        block = ids[start : start + _BLOCK]
        features = file.features(block)
        lengths = np.array([file.rows[file.index(id)].length for id in block], np.intp)
        mean[start : start + len(block)] = mean_over_time(features, lengths)
        middle[start : start + len(block)] = features[np.arange(len(block)), lengths // 2]
    bad = ~np.isfinite(mean).all(axis=1)
    if bad.any():
        raise FileFormatError(
            f"{printable(str(file.path))}: the features of {ids[int(bad.argmax())]} are no finite "
            "numbers: extract it again"
        )
    return Pooled(mean, middle)
