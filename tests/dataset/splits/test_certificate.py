"""A certificate counts what is there and finds what crosses, whoever made the split."""

from dataclasses import replace

import pytest

from clipkind.dataset.links import Link
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.certificate import Count, certify
from clipkind.dataset.splits.table import SplitName, SplitRow, SplitTable
from clipkind.errors import FileFormatError

SIDES: dict[str, SplitName] = {
    "a": "train", "b": "train", "c": "val", "d": "test", "e": "excluded", "f": "train",
}  # fmt: skip
VIDEOS = [
    Entry(id=id, path=f"{id}.mp4", label="Cats" if id < "e" else "Dogs", subcategory="tabby")
    for id in SIDES
]


def split(sides: dict[str, SplitName], **groups: str) -> SplitTable:
    rows = [
        SplitRow(v.id, sides[v.id], v.label, v.subcategory, groups.get(v.id, v.id)) for v in VIDEOS
    ]
    return SplitTable(tuple(rows))


def link(a: str, b: str) -> Link:
    return Link(a=a, b=b, score=1)


def test_videos_groups_and_shares_are_counted() -> None:
    refused = replace(VIDEOS[0], id="z", status="refused")
    found = certify(split(SIDES, a="film", b="film"), [*VIDEOS, refused], [])
    assert found.total == {
        "train": Count(videos=3, groups=2, share=0.6),
        "val": Count(videos=1, groups=1, share=0.2),
        "test": Count(videos=1, groups=1, share=0.2),
        "excluded": Count(videos=1, groups=1, share=0.1667),
    }
    assert {name: count.videos for name, count in found.classes["Cats"].items()} == {
        "train": 2, "val": 1, "test": 1, "excluded": 0,
    }  # fmt: skip
    assert found.subcategories == {f"{k}/tabby": v for k, v in found.classes.items()}
    assert (found.refused, found.sources, found.links) == (1, 6, 0)
    assert found.cross_split_near_duplicates == found.cross_split_groups == 0


def test_links_and_sources_that_cross_are_found_and_named() -> None:
    links = [link("a", "b"), link("d", "b"), link("e", "a"), link("x", "a")]
    found = certify(split(SIDES), VIDEOS, links)
    assert (found.links, found.cross_split_near_duplicates) == (3, 1)
    assert found.crossing == (("d", "b"),)
    one_source = [replace(video, group="film" if video.id in "ace" else "") for video in VIDEOS]
    found = certify(split(SIDES), one_source, [])
    assert (found.cross_split_groups, found.crossing) == (1, (("a", "c"),))
    found = certify(split(SIDES, c="film", f="film"), VIDEOS, [])
    assert (found.cross_split_groups, found.crossing) == (1, (("c", "f"),))


def test_what_nobody_looked_for_is_not_said_to_be_none() -> None:
    found = certify(split(SIDES), VIDEOS, None)
    assert found.links is None
    assert found.cross_split_near_duplicates is None
    assert found.cross_split_groups == 0


def test_videos_that_were_not_compared_are_counted() -> None:
    assert certify(split(SIDES), VIDEOS, [link("a", "b")]).not_compared is None
    found = certify(split(SIDES), VIDEOS, [link("a", "b")], compared={"a", "b", "c", "gone"})
    assert found.not_compared == 2  # d and f; e is excluded


def test_what_became_of_an_earlier_split_is_counted() -> None:
    earlier = split({**SIDES, "a": "excluded", "b": "test", "e": "train"})
    earlier = SplitTable(tuple(row for row in earlier.rows if row.id != "c"))
    found = certify(split(SIDES), VIDEOS, [], earlier)
    assert (found.kept, found.assigned, found.moved_out) == (2, 1, 1)
    assert certify(split(SIDES), VIDEOS, []).assigned == len(VIDEOS)


@pytest.mark.parametrize("change", [{"id": "z"}, {"label": "Birds"}, {"status": "refused"}])
def test_a_split_of_other_videos_gets_none(change: dict[str, str]) -> None:
    videos = [*VIDEOS[:-1], replace(VIDEOS[-1], **change)]  # type: ignore[arg-type]
    with pytest.raises(FileFormatError, match="the split is not of these videos"):
        certify(split(SIDES), videos, [])


def test_the_digest_is_of_ids_labels_and_groups_in_any_order() -> None:
    first = certify(split(SIDES), VIDEOS, []).videos_sha256
    assert certify(split(SIDES), VIDEOS[::-1], []).videos_sha256 == first
    moved = [replace(VIDEOS[0], path="elsewhere.mp4"), *VIDEOS[1:]]
    assert certify(split(SIDES), moved, []).videos_sha256 == first
    regrouped = [replace(VIDEOS[0], group="film"), *VIDEOS[1:]]
    assert certify(split(SIDES), regrouped, []).videos_sha256 != first
