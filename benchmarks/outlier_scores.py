"""The outlier scores that were tried, each as a fit that gives a function of pooled features.

Higher is stranger. What clipkind ships is `shipped`; the others are here to be measured beside it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from clipkind.model.outliers import OutlierModel

Array = npt.NDArray[np.float64]
Names = npt.NDArray[np.str_]
Score = Callable[[Array], Array]


def shipped(features: Array, labels: Names, groups: Names) -> Score:
    """What `clipkind.model.outliers` does."""
    return OutlierModel.fit(features, labels, groups).scores


def linear_head(kind: str) -> Callable[[Array, Names, Names], Score]:
    """Energy (Liu 2020) or one less max-softmax (Hendrycks 2017) of a logistic regression."""

    def fit(features: Array, labels: Names, _: Names) -> Score:
        from sklearn.linear_model import LogisticRegression

        mean, std = features.mean(axis=0), features.std(axis=0) + 1e-9
        head = LogisticRegression(C=0.003, max_iter=500).fit((features - mean) / std, labels)

        def score(rows: Array) -> Array:
            logits = (rows - mean) / std @ head.coef_.T + head.intercept_
            top = logits.max(axis=1)
            energy = -top - np.log(np.exp(logits - top[:, None]).sum(axis=1))
            result: Array = energy if kind == "energy" else -np.exp(top + energy)
            return result

        return score

    return fit


class _Pca:
    """The first `count` principal axes; training rows in them are whitened by `scale`."""

    def __init__(self, rows: Array, count: int) -> None:
        self.mean = rows.mean(axis=0)
        centred = rows - self.mean
        values, vectors = np.linalg.eigh(centred @ centred.T)  # N is smaller than D
        values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
        self.axes = (vectors / np.sqrt(values)).T @ centred
        self.scale = np.sqrt(values / len(rows))

    def __call__(self, rows: Array) -> Array:
        result: Array = (rows - self.mean) @ self.axes.T
        return result


def _shrunk_precision(rows: Array) -> Array:
    """Inverse covariance of centred rows, shrunk as by Ledoit and Wolf (2004)."""
    count, width = rows.shape
    sample = rows.T @ rows / count
    target = np.trace(sample) / width * np.eye(width)
    noise = (((rows**2).T @ rows**2) / count - sample**2).sum() / count
    share = min(noise / ((sample - target) ** 2).sum(), 1.0)
    inverse: Array = np.linalg.inv((1 - share) * sample + share * target)
    return inverse


def mahalanobis(count: int, *, relative: bool = False) -> Callable[[Array, Names, Names], Score]:
    """To the nearest class mean, one shrunk covariance (Lee 2018); less that to all (Ren 2021)."""

    def fit(features: Array, labels: Names, _: Names) -> Score:
        pca = _Pca(features, count)
        rows = pca(features)
        means = {name: rows[labels == name].mean(axis=0) for name in np.unique(labels)}
        within = _shrunk_precision(rows - np.stack([means[name] for name in labels]))
        overall = _shrunk_precision(rows)

        def distance(rows: Array, precision: Array) -> Array:
            result: Array = np.einsum("ij,jk,ik->i", rows, precision, rows)
            return result

        def score(new: Array) -> Array:
            placed = pca(new)
            nearest: Array = np.min([distance(placed - m, within) for m in means.values()], axis=0)
            return nearest - distance(placed, overall) if relative else nearest

        return score

    return fit


def residual(count: int) -> Callable[[Array, Names, Names], Score]:
    """What the principal axes leave over (as in ViM, Wang 2022)."""

    def fit(features: Array, _: Names, __: Names) -> Score:
        pca = _Pca(features, count)
        return lambda rows: ((rows - pca.mean) ** 2).sum(axis=1) - (pca(rows) ** 2).sum(axis=1)

    return fit


def neighbour(k: int, count: int = 0) -> Callable[[Array, Names, Names], Score]:
    """To the k-th nearest training video (Sun 2022): by cosine, or in whitened PCA space."""

    def fit(features: Array, _: Names, __: Names) -> Score:
        pca = _Pca(features, count) if count else None

        def place(rows: Array) -> Array:
            if pca is not None:
                return pca(rows) / pca.scale
            unit: Array = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-12)
            return unit

        bank = place(features)

        def score(rows: Array) -> Array:
            new = place(rows)
            squares = (new**2).sum(axis=1)[:, None] + (bank**2).sum(axis=1) - 2 * new @ bank.T
            result: Array = np.partition(squares, k - 1, axis=1)[:, k - 1]
            return result

        return score

    return fit


def plain_means(features: Array, labels: Names, groups: Names) -> Score:
    """As shipped, without dividing each feature by its spread."""
    means = np.stack([features[labels == name].mean(axis=0) for name in np.unique(labels)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)

    def score(rows: Array) -> Array:
        lengths = np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
        found: Array = 1.0 - (rows / lengths @ means.T).max(axis=1)
        return found

    return score


CANDIDATES: dict[str, Callable[[Array, Names, Names], Score]] = {
    "max-softmax, linear head": linear_head("softmax"),
    "energy, linear head": linear_head("energy"),
    "Mahalanobis, PCA 64": mahalanobis(64),
    "Mahalanobis, PCA 256": mahalanobis(256),
    "relative Mahalanobis, PCA 64": mahalanobis(64, relative=True),
    "PCA 64 residual": residual(64),
    "5th neighbour, whitened PCA 64": neighbour(5, 64),
    "20th neighbour, cosine": neighbour(20),
    "100th neighbour, cosine": neighbour(100),
    "nearest class mean, scaled, cosine": shipped,
    "nearest class mean, cosine": plain_means,
}


def calibration(
    features: Array, labels: Names, groups: Names, fold: npt.NDArray[np.int64]
) -> dict[str, Any]:
    """Percentiles of videos the whole model, its own held-out scores included, never saw."""
    percentiles = np.empty(len(features))
    for number in np.unique(fold):
        out = fold == number
        model = OutlierModel.fit(features[~out], labels[~out], groups[~out])
        percentiles[out] = [model.percentile(score) for score in model.scores(features[out])]
    even = (np.arange(len(percentiles)) + 0.5) / len(percentiles)
    return {
        "share_above": {
            str(level): round(float((percentiles >= level).mean()), 4)
            for level in (0.5, 0.8, 0.9, 0.95, 0.99)
        },
        "largest_distance_from_even": round(float(np.abs(np.sort(percentiles) - even).max()), 4),
    }
