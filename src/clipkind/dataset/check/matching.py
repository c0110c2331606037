"""Which videos of a data set show the same footage, by their fingerprints.

The embeddings propose, the pictures decide: for every video the few that look most like it, then
each of these pairs laid over each other (`clipkind.dataset.check.alignment`). What tells copies
from videos that merely look alike (two takes of one scene, two terminal sessions) is that copies
also *change* alike. The limits below were set on planted copies of 76 clips and not moved since;
what they give on others says `benchmarks/duplicates.py`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Protocol

import numpy as np
import numpy.typing as npt

from clipkind.dataset.check.alignment import Alignment, Sketch, align, sketch
from clipkind.dataset.check.fingerprint import EMBEDDED, Fingerprint
from clipkind.dataset.links import Link, joined_groups

NEIGHBOURS = 16
"""Videos compared with each, at most, beside those for which it is a neighbour."""
ALWAYS = 4
"""Nearest videos that are compared however far they are."""
LEAST_NEAR = 0.62
"""Mean cosine of embeddings below which others are not compared. Copies have 0.67 and more."""
LIVELY = 1.5
"""Change, in grey levels, from which it must be alike in copies."""
NOISY = 0.7
"""Change below which it may be that of the coding only."""
STILL = 0.4
"""Change below which there is none but noise."""
_QUERIES = 32
"""Videos whose neighbours are looked for at once: 50 MB among 5,000."""
_SKETCHES = 192
"""Prepared fingerprints kept in memory, 0.7 MB each."""


class Fingerprints(Protocol):
    """What `find_links` needs: a `FingerprintStore`, or a dict."""

    def __getitem__(self, id: str, /) -> Fingerprint: ...


Progress = Callable[[int, int], None]
"""Called with the pairs compared so far and in all."""


def find_links(
    fingerprints: Fingerprints,
    ids: Iterable[str],
    *,
    progress: Progress = lambda _done, _total: None,
) -> list[Link]:
    """The pairs of videos among `ids` that show the same footage, sorted by id.

    Where all neighbours of a video turn out to be of its family, those beyond are looked at too:
    else two flocks of copies of one clip, each near itself, would never be compared.
    """
    names = sorted(set(ids))
    number_of = {name: number for number, name in enumerate(names)}
    embeddings = [fingerprints[name].embeddings for name in names]

    @lru_cache(maxsize=_SKETCHES)
    def prepared(number: int) -> Sketch:
        return sketch(fingerprints[names[number]])

    links: list[Link] = []
    tried: set[tuple[int, int]] = set()
    pairs = near_pairs(embeddings)
    while pairs:
        for done, (a, b) in enumerate(pairs, len(tried)):
            progress(done, len(tried) + len(pairs))
            found = align(prepared(a), prepared(b))
            if found is not None and is_copy(found):
                score = min(max(found.likeness, 0.0), 1.0)
                how = describe(found, prepared(a).duration_s, prepared(b).duration_s)
                links.append(Link(a=names[a], b=names[b], score=round(score, 4), how=how))
        tried.update(pairs)
        family = joined_groups({name: name for name in names}, links)
        pairs = near_pairs(embeddings, [number_of[family[name]] for name in names])
        pairs = [pair for pair in pairs if pair not in tried]
    progress(len(tried), len(tried))
    return sorted(links, key=lambda link: (link.a, link.b))


def near_pairs(
    embeddings: Sequence[npt.NDArray[np.float16]], families: Sequence[int] | None = None
) -> list[tuple[int, int]]:
    """Pairs of numbers, ascending, worth comparing: of either the other is a near neighbour.

    How near b is to a: the mean over a's pictures of the best cosine with one of b's. So a part is
    near the whole, whatever else the whole shows. With `families`, a number for each video: only
    the pairs beyond the family of such videos as have no neighbour outside of it.
    """
    count = len(embeddings)
    family = np.arange(count) if families is None else np.array(families)
    if count < 2 or (families is not None and np.bincount(family).max() <= NEIGHBOURS):
        return []
    vectors = np.stack(embeddings).reshape(count * EMBEDDED, -1).astype(np.float32)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)
    pairs = set()
    for a, near in _nearness(vectors, count):
        near[a] = -1
        order = np.argsort(-near, kind="stable")[: count - 1]
        if families is not None:
            ours = family[order] == family[a]
            if not ours[:NEIGHBOURS].all():
                continue
            order = order[~ours]
        nearest = order[:NEIGHBOURS].tolist()
        chosen = [b for i, b in enumerate(nearest) if i < ALWAYS or near[b] >= LEAST_NEAR]
        pairs |= {(min(a, b), max(a, b)) for b in chosen}
    return sorted(pairs)


def _nearness(
    vectors: npt.NDArray[np.float32], count: int
) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """For each video, how near all others are, shape [count]; a block of queries at a time."""
    for start in range(0, count, _QUERIES):
        block = vectors[start * EMBEDDED : (start + _QUERIES) * EMBEDDED]
        cosines = (block @ vectors.T).reshape(-1, EMBEDDED, count, EMBEDDED)
        for offset, near in enumerate(cosines.max(axis=3).mean(axis=1)):
            yield start + offset, near


def is_copy(found: Alignment) -> bool:
    """Whether two videos laid over each other like this show the same footage."""
    if found.liveliness >= LIVELY:
        return found.likeness >= 0.4 and found.motion >= max(0.62, 1.25 - found.likeness)
    if found.liveliness >= STILL:  # little moves: coding noise blurs it
        return (
            (found.likeness >= 0.4 and found.motion >= 0.45)
            or (found.likeness >= 0.65 and found.motion >= 0.25)
            or (found.liveliness < NOISY and found.likeness >= 0.85 and found.still_evened >= 0.9)
        )
    return found.likeness >= 0.75 and found.still_evened >= 0.82


def describe(found: Alignment, first_s: float, second_s: float) -> str:
    """What relates two copies, in words; `same` where only the coding may differ."""
    outer_s, inner_s = (first_s, second_s) if found.inner_is_second else (second_s, first_s)
    inner_s *= found.speed
    words = []
    if found.mirrored:
        words.append("mirrored")
    if found.place[0] < 0.93:
        words.append("cropped")
    if found.overlap < 0.85:
        words.append("overlapping")
    elif min(outer_s, inner_s) < 0.9 * max(outer_s, inner_s):
        words.append("trimmed")
    if abs(found.speed - 1) > 0.06 and found.liveliness >= STILL:
        speed = found.speed if found.inner_is_second else 1 / found.speed
        words.append(f"speed {speed:.2f}")
    return ", ".join(words) or "same"
