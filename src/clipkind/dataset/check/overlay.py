"""Small pictures laid over each other: evened out, turned, squeezed and moved, and compared."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from clipkind.dataset.check.fingerprint import SIDE

Floats = npt.NDArray[np.float32]
Place = tuple[float, float, float]
"""Side, top and left of one picture in the other, whose side is 1."""

COARSE = 16
"""Pixels of the pictures for which all of `PLACES` are tried."""
SIDES = (1.0, 0.95, 0.9, 0.85, 0.8, 0.75)
FLOOR = 0.05
"""Variance of an evened-out picture that is mere noise."""
_CONTRAST = 4.0
"""Contrast, in grey levels, below which evening out leaves a place flat."""


def row_correlation(a: Floats, b: Floats, floor: float = FLOOR) -> Floats:
    """[n] correlations of the rows of two [n, pixels], whose means are 0; noise counts as none."""
    floor *= a.shape[1]
    products = np.einsum("ij,ij->i", a, b)
    squares = np.einsum("ij,ij->i", a, a) + floor, np.einsum("ij,ij->i", b, b) + floor
    correlation: Floats = products / np.sqrt(squares[0] * squares[1])
    return correlation


def overlaid(outer: Floats, inner: Floats, place: Place) -> tuple[Floats, Floats]:
    """Both videos' pixels [n, pixels], row means 0, where the inner picture covers the outer."""
    side, top, left = place
    rows, covered_rows = laid(SIDE, top, side)
    columns, covered_columns = laid(SIDE, left, side)
    ours = np.asarray(rows[covered_rows] @ inner @ columns[covered_columns].T, dtype=np.float32)
    theirs = outer[:, covered_rows, covered_columns]
    return _centred(theirs), _centred(ours)


def _centred(pictures: Floats) -> Floats:
    flat = pictures.reshape(len(pictures), -1)
    centred: Floats = flat - flat.mean(axis=1, keepdims=True)
    return centred


def turned(pictures: Floats, mirrored: bool) -> Floats:
    return pictures[:, :, ::-1] if mirrored else pictures


def evened(pictures: Floats, reach: int) -> Floats:
    """Local mean to 0 and local contrast to 1, in windows of `reach` pixels to all sides."""
    places = np.arange(pictures.shape[-1])
    window = (np.abs(places[:, None] - places) <= reach).astype(np.float32)
    window /= window.sum(axis=1, keepdims=True)
    detail = pictures - window @ pictures @ window.T
    spread = window @ (detail * detail) @ window.T
    evened: Floats = detail / np.sqrt(spread + _CONTRAST**2)
    return evened


def laid(pixels: int, start: float, share: float) -> tuple[Floats, slice]:
    """How a line of pixels, squeezed to `share` and moved to `start`, shows on one as long."""
    return _laid_rounded(pixels, round(start, 4), round(share, 4))


@lru_cache(maxsize=20_000)
def _laid_rounded(pixels: int, start: float, share: float) -> tuple[Floats, slice]:
    """[pixels, pixels] weights, and which pixels are covered; each averages four samples."""
    fine = 4
    spots = ((np.arange(pixels * fine) + 0.5) / (pixels * fine) - start) / share
    inside = (spots > -1e-6) & (spots < 1 + 1e-6)
    clipped = np.clip(spots * pixels - 0.5, 0, pixels - 1)
    low = np.minimum(clipped.astype(np.int64), pixels - 2)
    weights = np.zeros((pixels * fine, pixels), dtype=np.float32)
    line = np.arange(pixels * fine)
    weights[line, low] += 1 - (clipped - low)
    weights[line, low + 1] += clipped - low
    covered = np.flatnonzero(inside.reshape(pixels, fine).mean(axis=1) > 0.6)
    shown = slice(int(covered[0]), int(covered[-1]) + 1)
    averaged = weights.reshape(pixels, fine, pixels).mean(axis=1)
    averaged[: shown.start] = averaged[shown.stop :] = 0
    return averaged, shown


def _grid() -> list[Place]:
    """Places of a picture within another, at most three quarters of a coarse pixel apart."""
    places = []
    for side in SIDES:
        room = 1 - side
        starts = np.linspace(0, room, int(np.ceil(room * COARSE / 0.75)) + 1) if room else [0.0]
        places += [(side, float(top), float(left)) for top in starts for left in starts]
    return places


PLACES = _grid()
