"""How strange a video is: the angle between its features and the nearest class's mean, each feature
measured by its spread over the training videos.

Of the scores measured (`benchmarks/outliers.py`: energy, Mahalanobis, relative Mahalanobis, PCA
residual, nearest neighbours and this) it told foreign clips and classes left out best, over all.
What nothing in the training set looks like points another way, while its length says little: blank
pictures are short, noise is long. A score means something only as a percentile: the share of
videos like those trained on, held out of the fit, that are less strange. As a file it is the
`outliers.npz` of a model bundle.
"""

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.files import replacing
from clipkind.text import printable

FORMAT = "clipkind-outliers"
FORMAT_VERSION = 1
_LEAST_SPREAD = 1e-3
"""Added to every spread: a feature that never changed in training must not decide alone."""
FOLDS = 10
"""Parts for the percentiles; each is scored by a model of the others. Many, so that these models
are nearly as well informed as the final one."""
_LARGEST = 16_000_000
"""Bytes unpacked that no honest file comes near."""
_PARTS = ("spread", "directions", "held_out")
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class OutlierModel:
    """Class means of pooled features and how held-out videos scored. Make one with `fit`."""

    spread: npt.NDArray[np.float32]
    """[D], above 0: what each feature is divided by."""
    directions: npt.NDArray[np.float32]
    """Unit vectors [C, D]: the classes' mean features, so divided."""
    held_out: npt.NDArray[np.float32]
    """Scores [N] of the training videos, ascending, each by a model that saw none of its group."""

    @classmethod
    def fit(
        cls, features: npt.ArrayLike, labels: npt.ArrayLike, groups: npt.ArrayLike
    ) -> "OutlierModel":
        """From training videos: `pooled` features [N, D], class names or indices [N], groups [N].

        Raises ClipkindError where they come from fewer than two groups (nothing could be held
        out), ValueError where shapes do not fit or features are not finite.
        """
        rows = np.asarray(features, dtype=np.float64)
        classes, sources = np.asarray(labels), np.asarray(groups)
        if rows.ndim != 2 or classes.shape != (len(rows),) or sources.shape != (len(rows),):
            raise ValueError(
                f"features {rows.shape}, labels {classes.shape} and groups {sources.shape} "
                "do not belong together: give [N, D], [N] and [N]"
            )
        if not np.isfinite(rows).all():
            raise ValueError("features hold numbers that are not finite")
        fold = grouped_folds(sources, FOLDS)
        scores = np.empty(len(rows))
        for number in range(int(fold.max()) + 1):
            out = fold == number
            scores[out] = _strangeness(rows[out], *_fitted(rows[~out], classes[~out]))
        return cls(*_fitted(rows, classes), np.sort(scores).astype(np.float32))

    def score(self, sequence: npt.ArrayLike) -> float:
        """Strangeness of one video's feature sequence [T, D]: 0 (as its class) to 2, mostly < 1."""
        return float(self.scores(pooled(sequence)[None])[0])

    def scores(self, features: npt.ArrayLike) -> FloatArray:
        """The same for pooled features [N, D]. Raises ValueError for another D than fitted."""
        rows = np.asarray(features, dtype=np.float64)
        if rows.ndim != 2 or rows.shape[1] != self.directions.shape[1]:
            raise ValueError(
                f"features {rows.shape} do not fit an outlier score of "
                f"{self.directions.shape[1]} dimensions"
            )
        return _strangeness(rows, self.spread, self.directions)

    def percentile(self, score: float) -> float:
        """Share of the N held-out videos like those trained on, and of this one, less strange.

        0 to N / (N + 1). Of videos like them about the share 1 - P is at P or above. It would be at
        most that if one model scored both them and this (the conformal p-value's complement); but
        each of them was scored by a model of fewer videos, and those of one group are alike.
        Measured: `percentile` in `benchmarks/results/outliers.json`.
        """
        return float(np.searchsorted(self.held_out, np.float32(score)) / (len(self.held_out) + 1))

    def save(self, path: Path) -> None:
        """Write the model to `path` (.npz, no pickle) in one step; equal models, equal bytes."""
        with replacing(path) as temporary, temporary.open("wb") as file:
            np.savez(
                file,
                format=np.array(FORMAT),
                format_version=np.array(FORMAT_VERSION),
                spread=self.spread,
                directions=self.directions,
                held_out=self.held_out,
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Inverse of `save`. Raises FileFormatError where the file is missing or damaged."""
        name = printable(str(path))
        try:
            arrays = _read(path)
        except FileNotFoundError:
            raise FileFormatError(
                f"{name} is missing; copy the whole bundle again or fit anew"
            ) from None
        except (
            OSError,
            ValueError,  # what numpy makes of a bad header; also unpacked too large
            KeyError,
            EOFError,
            SyntaxError,
            NotImplementedError,  # zipfile: a compression or version it does not know
            RuntimeError,  # zipfile: marked as encrypted
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            why = printable(str(error) or type(error).__name__)
            raise FileFormatError(f"{name} is damaged or no outlier score: {why}") from None
        if arrays["format"] != FORMAT or arrays["format_version"] != FORMAT_VERSION:
            raise FileFormatError(
                f"{name} is no outlier score of version {FORMAT_VERSION}; fit anew, or use the "
                "clipkind that made it"
            )
        spread, directions, held_out = (arrays[part] for part in _PARTS)
        if problem := _problem(spread, directions, held_out):
            raise FileFormatError(f"{name} is damaged: {problem}; copy it again or fit anew")
        return cls(spread, directions, held_out)


def pooled(sequence: npt.ArrayLike) -> FloatArray:
    """The mean over time [D] of a feature sequence [T, D]: what the score looks at."""
    rows = np.asarray(sequence, dtype=np.float64)
    if rows.ndim != 2 or not len(rows):
        raise ValueError(f"a feature sequence has the shape [T, D], not {rows.shape}")
    mean: FloatArray = rows.mean(axis=0)
    return mean


def grouped_folds(groups: npt.ArrayLike, count: int) -> npt.NDArray[np.int64]:
    """A fold for each video [N], groups kept whole, of about equal size; always the same.

    There are fewer than `count` folds where there are fewer groups. Raises ClipkindError for less
    than two groups.
    """
    names, index, sizes = np.unique(np.asarray(groups), return_inverse=True, return_counts=True)
    if len(names) < 2:
        raise ClipkindError(
            f"an outlier score needs videos of at least two groups, not {len(names)}: some must "
            "be held out to say how strange is strange; add videos from other sources"
        )
    fold = np.empty(len(names), dtype=np.int64)
    filled = np.zeros(min(count, len(names)))
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = filled.argmin()
        filled[fold[group]] += sizes[group]
    of_video: npt.NDArray[np.int64] = fold[index.reshape(-1)]
    return of_video


def _fitted(
    rows: FloatArray, classes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Spread [D] and directions [C, D]."""
    spread = (rows.std(axis=0) + _LEAST_SPREAD).astype(np.float32)
    means = np.stack([rows[classes == name].mean(axis=0) for name in np.unique(classes)])
    return spread, _unit(means / spread).astype(np.float32)


def _strangeness(
    rows: FloatArray, spread: npt.NDArray[np.float32], directions: npt.NDArray[np.float32]
) -> FloatArray:
    """One less the cosine to the nearest direction [N]; 1 for features that are all zero."""
    cosines = _unit(rows / spread) @ directions.T.astype(np.float64)
    strangeness: FloatArray = 1.0 - cosines.max(axis=1)
    return strangeness


def _unit(rows: FloatArray) -> FloatArray:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: FloatArray = rows / np.where(lengths > 0, lengths, 1.0)
    return unit


def _read(path: Path) -> dict[str, npt.NDArray[Any]]:
    with zipfile.ZipFile(path) as archive:
        if sum(entry.file_size for entry in archive.infolist()) > _LARGEST:
            raise ValueError("it is far too large")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in ("format", "format_version", *_PARTS)}


def _problem(
    spread: npt.NDArray[Any], directions: npt.NDArray[Any], held_out: npt.NDArray[Any]
) -> str:
    if directions.dtype != np.float32 or directions.ndim != 2 or not directions.size:
        return f"directions are {directions.dtype} {directions.shape}"
    if held_out.dtype != np.float32 or held_out.ndim != 1 or not held_out.size:
        return f"held_out is {held_out.dtype} {held_out.shape}"
    if spread.dtype != np.float32 or spread.shape != directions.shape[1:]:
        return f"spread is {spread.dtype} {spread.shape}"
    if not all(np.isfinite(part).all() for part in (spread, directions, held_out)):
        return "it holds numbers that are not finite"
    if spread.min() <= 0:
        return "spread holds numbers that are not above 0"
    if (np.diff(held_out) < 0).any():
        return "held_out is not in order"
    return ""
