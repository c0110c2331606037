"""What a network is trained on: arrays of features, checked before the first step."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from clipkind.errors import FileFormatError


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The videos of one split, as arrays. What stands past a video's length is never looked at."""

    features: NDArray[np.float32] | NDArray[np.float16]
    """[N, T, D], in memory or mapped."""
    lengths: NDArray[np.integer]
    """[N], rows that are real, each 1..T."""
    labels: NDArray[np.integer]
    """[N], class indices."""

    def take(self, rows: NDArray[np.integer]) -> "Split":
        """A copy of the videos at `rows`."""
        return Split(self.features[rows], self.lengths[rows], self.labels[rows])


def check_split(split: Split, name: str, feature_dim: int, num_classes: int) -> None:
    """Raise FileFormatError where arrays do not fit each other or the network, or are damaged."""
    count = len(split.labels)
    shape = split.features.shape
    if len(shape) != 3 or shape[2] != feature_dim or not count == shape[0] == len(split.lengths):
        raise FileFormatError(
            f"{name} split: features {shape}, {len(split.lengths)} lengths and {count} labels "
            f"are not [N, T, {feature_dim}], N and N"
        )
    if not count:
        raise FileFormatError(f"{name} split is empty")
    if split.lengths.min() < 1 or split.lengths.max() > shape[1]:
        raise FileFormatError(f"{name} split: lengths must be 1 to {shape[1]}, the rows there are")
    if split.labels.min() < 0 or split.labels.max() >= num_classes:
        raise FileFormatError(f"{name} split: labels must be 0 to {num_classes - 1}")
    bad = [
        video
        for video, length in enumerate(split.lengths)
        if not np.isfinite(split.features[video, :length]).all()
    ]
    if bad:
        raise FileFormatError(
            f"{name} split: the features of {len(bad)} videos are not finite "
            f"(the first is row {bad[0]}); extract them again"
        )


def check_classes(train: Split, class_names: tuple[str, ...]) -> None:
    """Raise FileFormatError for a class that has nothing to learn from."""
    counts = np.bincount(train.labels, minlength=len(class_names))
    if not counts.all():
        missing = class_names[int(counts.argmin())]
        raise FileFormatError(
            f"no video of class {missing!r} is in the train split: add some, or drop the class"
        )
