"""Which pairs are compared, and that no crowd of copies hides another."""

import numpy as np
import numpy.typing as npt
import pytest

from clipkind.dataset.check import matching
from clipkind.dataset.check.fingerprint import EMBEDDED, FRAMES, SIDE, Fingerprint
from clipkind.dataset.check.matching import find_links
from clipkind.dataset.links import joined_groups


def footage(seed: int) -> npt.NDArray[np.uint8]:
    """Something that moves over something that stays."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 256, (FRAMES, SIDE // 4, SIDE // 4)).repeat(4, 1).repeat(4, 2)
    still = chance.integers(0, 256, (SIDE, SIDE))
    return ((coarse + still) / 2).astype(np.uint8)


def crowd(
    name: str, count: int, pictures: npt.NDArray[np.uint8], place: npt.NDArray[np.float64]
) -> dict[str, Fingerprint]:
    """Copies, with embeddings close to `place`."""
    chance = np.random.default_rng(count)
    found = {}
    for number in range(count):
        embeddings = (place + 0.05 * chance.normal(size=place.shape)).astype(np.float16)
        id = f"{name}{number:02}"
        found[id] = Fingerprint(id, 4.0, pictures, embeddings)
    return found


def test_two_crowds_of_copies_of_one_clip_are_one_family(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "NEIGHBOURS", 5)  # crowds of 17 would take long
    chance = np.random.default_rng(1)
    place = chance.normal(size=(EMBEDDED, 32))
    turned = place + 0.5 * chance.normal(size=place.shape)
    one, other = footage(1), footage(2)
    videos = crowd("a", 6, one, place)
    videos |= crowd("mirrored", 7, one[:, :, ::-1], turned)
    videos |= crowd("other", 2, other, chance.normal(size=place.shape))
    steps: list[tuple[int, int]] = []
    links = find_links(videos, videos, progress=lambda *step: steps.append(step))
    groups = joined_groups({id: id for id in videos}, links)
    assert set(groups.values()) == {"a00", "other00"}
    assert groups["mirrored00"] == "a00"
    assert [(link.a, link.b) for link in links] == sorted({(link.a, link.b) for link in links})
    assert steps[-1][0] == steps[-1][1]
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)
