"""Shortcuts: properties of the files, not of what they show, that give the class away."""

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
import numpy.typing as npt

from clipkind.dataset.manifest import Entry
from clipkind.text import printable

FOLDS = 5
BINS = 12
"""Values a property is told apart by, at most; each holds about as many videos."""
MARGIN = 0.10
"""How much more often than the largest class a property must be right to be worth a warning."""

PROPERTIES: Mapping[str, Callable[[Entry], float]] = {
    "frame rate": lambda entry: entry.fps,
    "resolution": lambda entry: entry.width * entry.height,
    "shape of the picture": lambda entry: entry.width / max(entry.height, 1),
    "duration": lambda entry: entry.duration_s,
}
"""What a manifest tells of a file; 0 where it does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortcut:
    """How well one property alone tells the class, on sources that were not used to learn it."""

    name: str
    accuracy: float
    """Share of videos it puts into the right class."""
    baseline: float
    """Share that always saying the largest class gets right."""
    error: float
    """Standard error of their difference, over sources."""
    majority: str
    """The largest class."""
    videos: int

    @property
    def warns(self) -> bool:
        """Whether it is markedly better than always saying the largest class."""
        return self.accuracy - self.baseline > max(MARGIN, 2 * self.error)

    @property
    def sentence(self) -> str:
        """For people."""
        return (
            f"{self.name} alone tells the class right in {self.accuracy:.0%} of videos "
            f"({self.baseline:.0%} by always saying {printable(self.majority)}): a model may learn "
            "that instead of the content"
        )


def shortcuts(entries: Sequence[Entry], groups: Mapping[str, str]) -> tuple[Shortcut, ...]:
    """Every property that can be judged, the best first. `groups` by id never stand on both sides.

    A property is judged by a table: its values in bins, and for each bin the most frequent class
    among the other folds' videos. Properties that do not vary, or are unknown for most videos, are
    left out; so is everything with less than two classes or groups.
    """
    labelled = [entry for entry in entries if entry.label]
    found = []
    for name, value in PROPERTIES.items():
        known = [entry for entry in labelled if value(entry) > 0]
        classes = sorted({entry.label for entry in known})
        sources = [groups[entry.id] for entry in known]
        if 2 * len(known) < len(labelled) or len(classes) < 2 or len(set(sources)) < 2:
            continue
        values = np.array([value(entry) for entry in known], dtype=np.float64)
        if np.ptp(values) == 0:
            continue
        truth = np.array([classes.index(entry.label) for entry in known])
        found.append(_judge(name, values, truth, sources, classes))
    return tuple(sorted(found, key=lambda s: s.baseline - s.accuracy))


def _judge(
    name: str,
    values: npt.NDArray[np.float64],
    truth: npt.NDArray[np.int64],
    sources: list[str],
    classes: list[str],
) -> Shortcut:
    folds = _folds(sources)
    right = np.zeros(len(truth))
    majority = int(np.bincount(truth).argmax())
    usual = truth == majority
    for fold in range(FOLDS):
        test, train = folds == fold, folds != fold
        if not test.any() or not train.any():
            continue
        counts = np.bincount(truth[train], minlength=len(classes))
        bins = _edges(values[train])
        table = np.zeros((len(bins) + 1, len(classes)))
        np.add.at(table, (np.searchsorted(bins, values[train], "right"), truth[train]), 1)
        table += 0.5 * counts / counts.sum()  # an empty bin says the largest class
        guess = table[np.searchsorted(bins, values[test], "right")].argmax(axis=1)
        right[test] = guess == truth[test]
    return Shortcut(
        name=name,
        accuracy=float(right.mean()),
        baseline=float(usual.mean()),
        error=_grouped_error(right - usual, sources),
        majority=classes[majority],
        videos=len(truth),
    )


def _folds(sources: Sequence[str]) -> npt.NDArray[np.int64]:
    """A fold for each video: sources whole, large ones first, each to the fold with least."""
    sizes = Counter(sources)
    order = sorted(sizes, key=lambda name: (-sizes[name], _shuffled(name)))
    filled = [0] * FOLDS
    fold_of = {}
    for name in order:
        fold = filled.index(min(filled))
        fold_of[name] = fold
        filled[fold] += sizes[name]
    return np.array([fold_of[name] for name in sources])


def _shuffled(name: str) -> bytes:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _edges(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Borders between bins: between frequent values where there are few, else at quantiles."""
    distinct = np.unique(values)
    if len(distinct) > BINS:
        return np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)[1:-1]))
    middles: npt.NDArray[np.float64] = (distinct[1:] + distinct[:-1]) / 2
    return middles


def _grouped_error(difference: npt.NDArray[np.float64], sources: Sequence[str]) -> float:
    """Standard error of the mean where videos of one source count as dependent."""
    names, index = np.unique(np.array(sources, dtype=object).astype(str), return_inverse=True)
    sums = np.bincount(index, weights=difference - difference.mean(), minlength=len(names))
    return sqrt(float((sums**2).sum())) / len(difference)
