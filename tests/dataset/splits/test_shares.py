"""Shares of the splits: of every class and subcategory, for small and for large sources."""

import random
from collections import Counter, defaultdict

import pytest

from clipkind.dataset.splits.split import kfold, make_split
from clipkind.dataset.splits.table import SPLITS
from dataset.videos import CLASSES, entry, everywhere, several


@pytest.mark.parametrize("seed", range(5))
def test_shares_are_met_by_class_and_by_subcategory(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    videos = [
        entry(
            f"{number}",
            chance.choice(["a", "a", "a", "b"]),
            subcategory=chance.choice("uvwx"),
            group=f"{number // chance.choice([1, 2, 5])}",
        )
        for number in range(1000)
    ]
    split = make_split(videos, [], seed=seed)
    strata = defaultdict(Counter)
    for row in split.rows:
        strata[row.label][row.split] += 1
        strata[row.label, row.subcategory][row.split] += 1
    for name, found in strata.items():
        for side, share in zip(SPLITS, (0.7, 0.2, 0.1), strict=True):
            off = abs(found[side] - share * found.total())
            assert off <= (2 if isinstance(name, str) else 4), (name, side, found)


def test_rare_subcategories_are_not_all_trained_on() -> None:
    videos = [
        entry(f"{label}{number}", label, subcategory=f"{number}")
        for label in CLASSES
        for number in range(40)
    ]
    split = make_split(videos, [])
    assert [len(split.ids(name)) for name in SPLITS] == [56, 16, 8]


def test_large_sources_are_tested_on_too() -> None:
    """Else a test would say nothing of sources with many videos."""
    videos = [
        entry(f"{label}{number}", label, group=f"{label}{number // 8}")
        for label in CLASSES
        for number in range(160)
    ]
    videos += [video for label in CLASSES for video in several(label, 160)]
    split = make_split(videos, [])
    large = [r for r in split.rows if r.group[-1].isdigit() and "-" not in r.group]
    found = Counter(row.split for row in large)
    assert found["test"] >= 0.05 * len(large)
    assert found["val"] >= 0.1 * len(large)


@pytest.mark.parametrize(("videos", "wanted"), [(3, [1, 1, 1]), (6, [4, 1, 1]), (10, [7, 2, 1])])
def test_small_sets_have_every_class_on_every_side(videos: int, wanted: list[int]) -> None:
    for seed in range(10):
        split = make_split(several("cats", videos) + several("dogs", videos), [], seed=seed)
        for label in ("cats", "dogs"):
            found = Counter(row.split for row in split.rows if row.label == label)
            assert [found[name] for name in SPLITS] == wanted


def test_many_small_classes_do_not_all_round_to_the_same_side() -> None:
    videos = [video for number in range(40) for video in several(f"class {number:02}", 7)]
    folds = kfold(videos, [], 5)
    assert {len(fold.ids("test")) for fold in folds} == {56}


def test_classes_that_share_all_their_sources_stand_on_every_side() -> None:
    videos = [
        entry(f"{label}{number}", label, group=f"film {number % 5}")
        for label in CLASSES
        for number in range(25)
    ]
    assert everywhere(make_split(videos, []))
