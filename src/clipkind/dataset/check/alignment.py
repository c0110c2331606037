"""How one video lies in another: mirrored or not, where in the picture, from when and how fast.

Two videos are laid over each other by the small pictures of their fingerprints. Pictures are first
evened out (local mean to 0, local contrast to 1), so that a logo, a bright sky or an empty page
counts no more than the rest. Then, in this order:

1. where the picture lies: all of a grid of sizes and places, at 16 pixels, for 8 pictures of the
   one against all 64 of the other, both ways round and mirrored;
2. the best few exactly, at 32 pixels;
3. when: all speeds from 0.75 to 1.33 and all offsets, along which likeness is highest;
4. the verdict's evidence: do they look alike on the whole, and do they *change* alike?
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clipkind.dataset.check.fingerprint import FRAMES, SIDE, Fingerprint
from clipkind.dataset.check.overlay import (
    COARSE,
    FLOOR,
    PLACES,
    Floats,
    Place,
    evened,
    laid,
    overlaid,
    row_correlation,
    turned,
)

SPEEDS = (1, 0.98, 1.02, 0.95, 1.05, 0.92, 1.09, 0.88, 1.13, 0.84, 1.19, 0.8, 1.25, 0.77, 1.3)
LEAST_SIDE = 0.7
LEAST_OVERLAP = 0.5
"""Share of the shorter video that must lie in the longer one."""
KEYS = np.arange(FRAMES // 16, FRAMES, FRAMES // 8)
"""Pictures looked for in the first step."""
BEST = 4
"""Of these, as many as must be found: a video cut to half shows half of them."""
TRIED = 3
"""Places followed up, at most."""
PROMISING = 0.5
"""Likeness in the first step below which nothing is followed up. Copies have 0.60 and more."""
BEHIND = 0.15
"""A place that is so much worse than the best in the first step is not followed up."""
CLEAR = 1.0
"""Likeness and 0.3 of the likeness of motion, from which no other place is tried."""
_MOMENTS = (np.arange(FRAMES) + 0.5) / FRAMES
"""When the pictures were taken, as shares of the duration."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """One video laid over another, and how well it fits."""

    inner_is_second: bool
    """Whether the second video's picture lies in the first's, or the other way round."""
    mirrored: bool
    place: Place
    """Of the inner video's picture in the outer's."""
    speed: float
    """Seconds of the outer video that pass in one of the inner."""
    overlap: float
    """Share of the shorter video that lies in the longer one."""
    likeness: float
    """Mean correlation of the evened-out pictures."""
    still: float
    """Correlation of what stays the same."""
    still_evened: float
    """The same of the evened-out pictures."""
    motion: float
    """Correlation of what changes."""
    motion_evened: float
    liveliness: float
    """How much changes, in grey levels: the smaller of both videos."""


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """A fingerprint made ready for comparing."""

    duration_s: float
    grey: Floats
    """Shape [FRAMES, SIDE, SIDE]."""
    even: Floats
    """The same, evened out."""
    coarse: Floats
    """Shape [FRAMES, COARSE, COARSE], evened out."""
    sums: Floats
    """Shape [places, FRAMES]: sums over the part of the picture each place covers."""
    variances: Floats
    """The same of squared deviations."""


def sketch(fingerprint: Fingerprint) -> Sketch:
    """Prepare a fingerprint, once for all its comparisons."""
    grey = fingerprint.pictures.astype(np.float32)
    halved = grey.reshape(FRAMES, COARSE, 2, COARSE, 2).mean(axis=(2, 4))
    coarse = evened(halved, reach=3)
    flat = coarse.reshape(FRAMES, -1).T
    sums = _MASKS @ flat
    return Sketch(
        duration_s=fingerprint.duration_s,
        grey=grey,
        even=evened(grey, reach=4),
        coarse=coarse,
        sums=sums,
        variances=_MASKS @ flat**2 - sums**2 / _COVERED,
    )


def align(first: Sketch, second: Sketch) -> Alignment | None:
    """The best way to lay the two over each other; None where none is worth following up."""
    starts = [
        (score, second_inside, mirrored, place, pairs)
        for second_inside, outer, inner in ((True, first, second), (False, second, first))
        for mirrored in (False, True)
        for score, place, pairs in _places(outer, inner, mirrored)
    ]
    starts.sort(key=lambda start: -start[0])
    best: tuple[float, Alignment] | None = None
    for score, second_inside, mirrored, place, pairs in starts[:TRIED]:
        if score < max(PROMISING, starts[0][0] - BEHIND) or (best and best[0] > CLEAR):
            break
        outer, inner = (first, second) if second_inside else (second, first)
        place = _refined(outer, inner, mirrored, place, pairs)
        worth, found = _in_time(outer, inner, mirrored, place, second_inside)
        worth += 0.3 * found.motion
        if best is None or worth > best[0]:
            best = worth, found
    return best[1] if best else None


def _places(
    outer: Sketch, inner: Sketch, mirrored: bool
) -> list[tuple[float, Place, list[tuple[int, int]]]]:
    """The two best places of the grid, with the (outer, inner) pictures that speak for them."""
    pictures = turned(inner.coarse[KEYS], mirrored)
    laid = (_ROWS[:, None] @ pictures[None] @ _COLUMNS[:, None]).reshape(len(PLACES), len(KEYS), -1)
    sums = laid.sum(axis=2)
    variances = (laid * laid).sum(axis=2) - sums**2 / _COVERED
    products = laid.reshape(-1, COARSE**2) @ outer.coarse.reshape(FRAMES, -1).T
    products = products.reshape(len(PLACES), len(KEYS), FRAMES)
    products -= outer.sums[:, None] * (sums / _COVERED)[:, :, None]
    floor = FLOOR * _COVERED
    products /= np.sqrt((outer.variances + floor)[:, None] * (variances + floor)[:, :, None])
    found = products.max(axis=2)
    scores = np.sort(found, axis=1)[:, -BEST:].mean(axis=1)
    best = []
    for i in np.argsort(-scores)[:2]:
        keys = np.argsort(-found[i])[:BEST]
        pairs = [(int(products[i, k].argmax()), int(KEYS[k])) for k in keys]
        best.append((float(scores[i]), PLACES[i], pairs))
    return best


def _refined(
    outer: Sketch, inner: Sketch, mirrored: bool, place: Place, pairs: Sequence[tuple[int, int]]
) -> Place:
    """The place near `place` at which the pairs of pictures are most alike."""
    theirs = outer.even[[pair[0] for pair in pairs]]
    ours = turned(inner.even[[pair[1] for pair in pairs]], mirrored)

    def worth(candidate: Place) -> float:
        return float(row_correlation(*overlaid(theirs, ours, candidate)).mean())

    best = worth(place)
    for step in (1 / SIDE, 0.5 / SIDE, 0.25 / SIDE):
        for _ in range(3):
            candidates = _neighbours(place, step)
            values = [worth(candidate) for candidate in candidates]
            top = int(np.argmax(values))
            if values[top] <= best + 1e-4:
                break
            best, place = values[top], candidates[top]
    return place


def _neighbours(place: Place, step: float) -> list[Place]:
    """Larger, smaller and moved a step."""
    side, top, left = place
    found = []
    for other in {min(side + step, 1.0), max(side - step, LEAST_SIDE), side}:
        slack = (side - other) / 2  # the middle stays
        for down, right in ((0, 0), (step, 0), (-step, 0), (0, step), (0, -step)):
            if (other, down, right) != (side, 0, 0):
                found.append((other, top + slack + down, left + slack + right))
    return found


def _in_time(
    outer: Sketch, inner: Sketch, mirrored: bool, place: Place, second_inside: bool
) -> tuple[float, Alignment]:
    """Speed and offset for a place, how much that is worth, and the evidence."""
    theirs, ours = overlaid(outer.even, turned(inner.even, mirrored), place)
    floor = FLOOR * ours.shape[1]
    lengths = np.sqrt(np.einsum("ij,ij->i", theirs, theirs) + floor)
    widths = np.sqrt(np.einsum("ij,ij->i", ours, ours) + floor)
    alike = (theirs @ ours.T) / lengths[:, None] / widths[None]
    worth, speed, offset, overlap, likeness = _timeline(alike, outer.duration_s, inner.duration_s)
    spots = (offset + speed * inner.duration_s * _MOMENTS) * FRAMES / outer.duration_s - 0.5
    still, motion, liveliness = _evidence(outer.grey, inner.grey, mirrored, place, spots, 1.0)
    still_evened, motion_evened, _ = _evidence(outer.even, inner.even, mirrored, place, spots, 0.1)
    return worth, Alignment(
        inner_is_second=second_inside,
        mirrored=mirrored,
        place=place,
        speed=speed,
        overlap=overlap,
        likeness=likeness,
        still=still,
        still_evened=still_evened,
        motion=motion,
        motion_evened=motion_evened,
        liveliness=liveliness,
    )


def _timeline(alike: Floats, outer_s: float, inner_s: float) -> tuple[float, ...]:
    """(worth, speed, offset, overlap, likeness) of the line of highest likeness.

    `alike[i, k]` is that of picture i of the outer and k of the inner video.
    """
    step = outer_s / FRAMES
    best: tuple[float, ...] = (-np.inf,)
    for speed in SPEEDS:
        shorter = min(outer_s, speed * inner_s)
        first = -speed * inner_s + LEAST_OVERLAP * shorter
        offsets = np.append(np.arange(first, outer_s - LEAST_OVERLAP * shorter, step), 0.0)
        best = max(best, _best_line(alike, outer_s, inner_s, np.full(len(offsets), speed), offsets))
    _, speed, offset, *_ = best
    speeds = speed * np.repeat(np.linspace(0.98, 1.02, 5), 7)
    offsets = (
        offset + (speed - speeds) * inner_s / 2 + np.tile(np.linspace(-0.75, 0.75, 7), 5) * step
    )
    return max(best, _best_line(alike, outer_s, inner_s, speeds, offsets))


def _best_line(
    alike: Floats,
    outer_s: float,
    inner_s: float,
    speeds: npt.NDArray[np.float64],
    offsets: npt.NDArray[np.float64],
) -> tuple[float, ...]:
    """The best of some lines: likeness, less a little for what does not overlap.

    Where all is alike, as in a still picture, the line without change of speed or start wins.
    """
    spots = (offsets[:, None] + speeds[:, None] * inner_s * _MOMENTS) * FRAMES / outer_s - 0.5
    low, share, inside = _between(spots)
    column = np.arange(FRAMES)
    values = alike[low, column] * (1 - share) + alike[low + 1, column] * share
    counts = inside.sum(axis=1)
    likeness = (values * inside).sum(axis=1) / np.maximum(counts, 1)
    shorter = np.minimum(outer_s, speeds * inner_s)
    overlap = np.minimum(counts / FRAMES * speeds * inner_s / shorter, 1.0)
    worth = likeness - 0.15 * (1 - overlap) - 5e-4 * (speeds != 1) - 1e-4 * (offsets != 0)
    worth -= counts < FRAMES / 8
    i = int(worth.argmax())
    return tuple(float(v[i]) for v in (worth, speeds, offsets, overlap, likeness))


def _between(
    spots: npt.NDArray[np.float64],
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """For places between pictures: the picture before, the share of the next, whether inside."""
    inside = (spots > -0.51) & (spots < FRAMES - 0.49)
    clipped = np.clip(spots, 0, FRAMES - 1)
    low = np.minimum(clipped.astype(np.int64), FRAMES - 2)
    return low, clipped - low, inside


def _evidence(
    outer: Floats,
    inner: Floats,
    mirrored: bool,
    place: Place,
    spots: npt.NDArray[np.float64],
    noise: float,
) -> tuple[float, float, float]:
    """(correlation of what stays, of what changes, how much changes) of aligned pictures."""
    theirs, ours = overlaid(outer, turned(inner, mirrored), place)
    low, share, inside = _between(spots)
    weight = share[:, None].astype(np.float32)
    theirs = (theirs[low] * (1 - weight) + theirs[low + 1] * weight)[inside]
    ours = ours[inside]
    still_theirs, still_ours = theirs.mean(axis=0), ours.mean(axis=0)
    moving_theirs, moving_ours = theirs - still_theirs, ours - still_ours
    still = row_correlation(still_theirs[None], still_ours[None], noise**2)
    motion = row_correlation(moving_theirs.reshape(1, -1), moving_ours.reshape(1, -1), noise**2 / 4)
    liveliness = min(moving_theirs.std(), moving_ours.std())
    return float(still[0]), float(motion[0]), float(liveliness)


def _masks() -> Floats:
    """[places, pixels]: 1 where a picture in that place covers the coarse picture, else 0."""
    masks = np.zeros((len(PLACES), COARSE, COARSE), dtype=np.float32)
    for mask, (side, top, left) in zip(masks, PLACES, strict=True):
        mask[laid(COARSE, top, side)[1], laid(COARSE, left, side)[1]] = 1
    return masks.reshape(len(PLACES), -1)


_ROWS = np.stack([laid(COARSE, top, side)[0] for side, top, _ in PLACES])
_COLUMNS = np.stack([laid(COARSE, left, side)[0].T for side, _, left in PLACES])
_MASKS = _masks()
_COVERED = _MASKS.sum(axis=1, keepdims=True)
"""Pixels each place covers, shape [places, 1]."""
