"""Splits: footage never crosses, answers repeat, old videos keep their side."""

import random
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.links import Link
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.split import holdout, kfold, make_split
from clipkind.dataset.splits.table import SPLITS, SplitRow, SplitTable
from clipkind.errors import ClipkindError, FileFormatError
from dataset.videos import CLASSES, entry, everywhere, link, several

quick = settings(max_examples=40, deadline=None)

GUARDS = [video for label in CLASSES for video in several(label, 6)]
"""Never linked, so that both classes always have enough groups for six folds."""


@st.composite
def entries(draw: st.DrawFn, most: int = 25) -> list[Entry]:
    """A data set with shared sources, classes mixed within them and odd rows, and the guards."""
    count = draw(st.integers(0, most))
    rows = [
        entry(
            f"v{number:02}",
            draw(st.sampled_from(CLASSES)),
            subcategory=draw(st.sampled_from(["", "chess", "race"])),
            group=draw(st.sampled_from(["", "", "film 1", "film 2", "film 3"])),
            status=draw(st.sampled_from(["ok", "ok", "ok", "refused"])),
        )
        for number in range(count)
    ]
    return [*GUARDS, *rows]


@st.composite
def some_links(draw: st.DrawFn, most: int = 25) -> list[Link]:
    """Links among videos that may exist, one with itself or an unknown one included."""
    ids = st.integers(0, most).map(lambda number: f"v{number:02}")
    return draw(st.lists(st.builds(link, ids, ids), max_size=12))


def crossings(
    split: SplitTable, videos: Iterable[Entry], links: Iterable[Link]
) -> list[tuple[str, str]]:
    """Pairs of one source, one written group or one link that stand on two sides."""
    side = {row.id: row.split for row in split.rows if row.split != "excluded"}
    groups = defaultdict(list)
    for video in videos:
        if video.group:
            groups["source", video.group].append(video.id)
    for row in split.rows:
        groups["written", row.group].append(row.id)
    pairs = [pair for ids in groups.values() for pair in pairwise(i for i in ids if i in side)]
    pairs += [(link.a, link.b) for link in links if link.a in side and link.b in side]
    return [(a, b) for a, b in pairs if side[a] != side[b]]


def ok_ids(videos: Iterable[Entry]) -> list[str]:
    return sorted(video.id for video in videos if video.status == "ok")


@quick
@given(entries(), some_links(), st.integers(0, 5))
def test_every_video_stands_in_one_split_and_no_footage_in_two(
    videos: list[Entry], links: list[Link], seed: int
) -> None:
    split = make_split(videos, links, seed=seed)
    assert [row.id for row in split.rows] == ok_ids(videos)
    assert all(row.split in SPLITS for row in split.rows)
    assert crossings(split, videos, links) == []
    assert everywhere(split)


@quick
@given(entries(), some_links(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_links_does_not_matter(
    videos: list[Entry], links: list[Link], random: random.Random
) -> None:
    shuffled = random.sample(videos, len(videos))
    turned = [link(pair.b, pair.a) for pair in random.sample(links, len(links))]
    assert make_split(shuffled, turned) == make_split(videos, links)


def test_another_process_gives_the_same_split_and_another_seed_another() -> None:
    program = (
        "import sys\n"
        "from clipkind.dataset.manifest import Entry\n"
        "from clipkind.dataset.splits.split import make_split\n"
        "from clipkind.dataset.splits.table import encode_split\n"
        "videos = [Entry(id=f'{n}', path='', label='ab'[n % 2], subcategory=f'{n % 5}',"
        " group=f'{n % 40}') for n in range(200)]\n"
        "sys.stdout.buffer.write(encode_split(make_split(videos, [], seed=int(sys.argv[1]))))\n"
    )

    def output(seed: int, hash_seed: int) -> bytes:
        return subprocess.run(
            [sys.executable, "-c", program, str(seed)],
            env={"PYTHONHASHSEED": str(hash_seed), "LC_ALL": "C"},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout

    assert output(42, 1) == output(42, 2)
    assert output(42, 1) != output(43, 1)


@quick
@given(entries(), entries(), some_links(), some_links())
def test_old_videos_keep_their_side_when_videos_and_links_are_added(
    old: list[Entry], more: list[Entry], links: list[Link], new_links: list[Link]
) -> None:
    before = make_split(old, links)
    # new ones have ids of their own, sources and links they share with the old ones
    new = [replace(v, id=f"new {v.id}") for v in more if v not in GUARDS]
    joins = [link(f"new {pair.a}", pair.b) for pair in new_links]
    after = make_split([*old, *new], [*links, *joins], previous=before)
    assert before.sides.items() <= after.sides.items()
    assert crossings(after, [*old, *new], [*links, *joins]) == []
    assert sorted(after.sides) == ok_ids([*old, *new])
    again = make_split([*old, *new], [*links, *joins], previous=after)
    assert again == after


@quick
@given(entries(), some_links(), st.data())
def test_whatever_stood_where_before_nothing_crosses_and_none_changes_sides(
    videos: list[Entry], links: list[Link], data: st.DataObject
) -> None:
    guards = make_split(GUARDS, []).rows
    others = [id for id in ok_ids(videos) if id.startswith("v")]
    sides = data.draw(st.lists(st.sampled_from(SPLITS), max_size=len(others)))
    rows = [SplitRow(id, split, "") for id, split in zip(others, sides, strict=False)]
    before = SplitTable((*guards, *rows))
    after = make_split(videos, links, previous=before)
    assert crossings(after, videos, links) == []
    for id, split in before.sides.items():
        assert after.sides.get(id, split) in (split, "excluded")
    assert {*before.ids("test")} & {*ok_ids(videos)} <= {*after.ids("test")}


def test_footage_of_two_sides_is_excluded_on_the_side_that_is_missed_least() -> None:
    videos = several("Animation", 20) + several("Gaming", 20)
    before = make_split(videos, [])
    train, val, test = (before.ids(name) for name in SPLITS)
    found = [link(train[0], test[0]), link(val[0], test[1]), link(train[1], val[0])]
    bridge = entry("bridge")
    found += [link("bridge", train[2]), link("bridge", test[1])]
    after = make_split([*videos, bridge], found, previous=before)
    # train[1] may stay, as val[0], which it shares footage with, is out
    assert set(after.ids("excluded")) == {train[0], val[0], "bridge"}
    assert {*before.rows} - {*after.rows} == {
        row for row in before.rows if row.id in (train[0], val[0])
    }
    # and they stay out when the links are gone, as they may have been trained on meanwhile
    assert make_split([*videos, bridge], [], previous=after).sides == after.sides


def test_a_new_video_goes_where_its_source_and_its_copies_are() -> None:
    videos = several("Animation", 20, group="") + several("Gaming", 20)
    before = make_split(videos, [])
    for name in SPLITS:
        copied = before.ids(name)[0]
        new = [entry("copy", group="new film"), entry("same film", group="new film")]
        after = make_split([*videos, *new], [link("copy", copied)], previous=before)
        assert after.sides["copy"] == after.sides["same film"] == name
        groups = {row.id: row.group for row in after.rows}
        assert groups["copy"] == groups["same film"] == groups[copied]


def test_removed_and_refused_videos_leave_the_split() -> None:
    videos = several("Animation", 20) + several("Gaming", 20)
    before = make_split(videos, [])
    gone, refused = before.ids("train")[:2]
    fewer = [
        replace(video, status="refused" if video.id == refused else "ok")
        for video in videos
        if video.id != gone
    ]
    after = make_split(fewer, [], previous=before)
    assert after.rows == tuple(row for row in before.rows if row.id not in (gone, refused))


def test_test_may_be_left_out() -> None:
    videos = several("Animation", 2) + several("Gaming", 10)
    split = make_split(videos, [], ratios=(80, 20, 0))
    assert split.ids("test") == ()
    assert len(split.ids("val")) == 3


@quick
@given(entries(), some_links(), st.integers(3, 6))
def test_every_video_is_tested_on_in_one_fold_and_chosen_by_in_another(
    videos: list[Entry], links: list[Link], count: int
) -> None:
    folds = kfold(videos, links, count)
    assert len(folds) == count
    assert sorted(id for fold in folds for id in fold.ids("test")) == ok_ids(videos)
    for number, fold in enumerate(folds):
        assert fold.ids("val") == folds[(number + 1) % count].ids("test")
        assert sorted(fold.sides) == ok_ids(videos)
        assert fold.ids("excluded") == ()
        assert crossings(fold, videos, links) == []
        assert everywhere(fold)


@quick
@given(entries(), entries(), some_links())
def test_folds_keep_their_videos(old: list[Entry], more: list[Entry], links: list[Link]) -> None:
    new = [replace(v, id=f"new {v.id}") for v in more if v not in GUARDS]
    joins = [link(f"new {pair.a}", pair.b) for pair in links]
    before = kfold(old, [], 3)
    after = kfold([*old, *new], joins, 3, previous=before)
    for was, fold in zip(before, after, strict=True):
        assert was.sides.items() <= fold.sides.items()
        assert crossings(fold, [*old, *new], joins) == []


@quick
@given(entries(), some_links())
def test_nothing_that_is_trained_on_shares_a_source_with_what_is_held_out(
    videos: list[Entry], links: list[Link]
) -> None:
    videos = [*videos, entry("x", subcategory="chess", group="film 1")]
    split = holdout(videos, links, ["chess"])
    chess = ok_ids(v for v in videos if v.subcategory == "chess")
    assert list(split.ids("test")) == chess
    assert sorted(split.sides) == ok_ids(videos)
    assert crossings(split, videos, links) == []
    films = {v.group for v in videos if v.id in chess} - {""}
    excluded = set(split.ids("excluded"))
    assert {v.id for v in videos if v.group in films and v.status == "ok"} <= {*chess, *excluded}
    copies = {a for pair in links for a, b in [(pair.a, pair.b), (pair.b, pair.a)] if b in chess}
    assert copies & split.sides.keys() <= {*chess, *excluded}
    for name in ("train", "val"):
        assert {row.label for row in split.rows if row.split == name} == set(CLASSES)
    assert holdout(videos, links, ["chess"], previous=split) == split


def test_a_subcategory_is_held_out_of_one_class_or_of_all() -> None:
    videos = several("Gaming", 5, subcategory="sports") + several(
        "Natural", 5, subcategory="sports"
    )
    videos += [replace(v, id=f"{v.id}x", subcategory="other") for v in videos]
    one = holdout(videos, [], ["Natural/sports"])
    assert {row.label for row in one.rows if row.split == "test"} == {"Natural"}
    both = holdout(videos, [], ["sports"])
    assert len(both.ids("test")) == 10
    with pytest.raises(ClipkindError, match=r"subcategory Sport: did you mean .*\bsports\b"):
        holdout(videos, [], ["other", "Sport"])
    with pytest.raises(FileFormatError, match="class Natural has no video left to train on"):
        holdout(videos, [], ["Natural/sports", "Natural/other"])


BAD = {
    "class Animation has 1 group ": [*GUARDS[6:], *several("Animation", 5, group="one film")],
    "class Animation has 2 groups": [*GUARDS[6:], *several("Animation", 2)],
    "'Flat Content'.*'flat_content'": [*several("Flat Content", 3), *several("flat_content", 3)],
    "only class Gaming": GUARDS[6:],
    "no labelled video to divide": [],
    "class Flat is empty: all of its videos .1. are refused": [
        *GUARDS, entry("x", "Flat", status="refused"),
    ],
    r"clips/x.mp4 .id x. has no label": [*GUARDS, entry("x", "")],
    r"clips/x.mp4 .id x. is listed twice": [*GUARDS, entry("x"), entry("x")],
}  # fmt: skip


@pytest.mark.parametrize("message", BAD)
def test_what_cannot_be_divided_is_refused_in_one_line(message: str) -> None:
    for divide in (
        lambda: make_split(BAD[message], []),
        lambda: kfold(BAD[message], [], 3),
    ):
        with pytest.raises(FileFormatError, match=message) as caught:
            divide()
        assert "\n" not in str(caught.value)


def test_sources_that_links_join_count_once() -> None:
    videos = several("Animation", 4) + several("Gaming", 4)
    links = [link("Animation-000", "Animation-001"), link("Animation-001", "Animation-002")]
    with pytest.raises(FileFormatError, match="class Animation has 2 groups"):
        make_split(videos, links)


def test_a_class_that_old_sides_keep_out_of_a_split_is_refused() -> None:
    before = SplitTable(tuple(SplitRow(video.id, "train", "") for video in GUARDS))
    with pytest.raises(FileFormatError, match=r"class Animation stands nowhere in val.*--fresh"):
        make_split(GUARDS, [], previous=before)


@pytest.mark.parametrize("ratios", [(70, 20, 20), (80, 30, -10), (90, 0, 10), (0, 90, 10)])
def test_ratios_that_make_no_sense_are_refused(ratios: tuple[int, int, int]) -> None:
    with pytest.raises(ClipkindError, match=r"^ratios "):
        make_split(GUARDS, [], ratios)


def test_fewer_folds_than_sides_or_groups_are_refused() -> None:
    with pytest.raises(ClipkindError, match="2 folds are too few"):
        kfold(GUARDS, [], 2)
    with pytest.raises(FileFormatError, match=r"class Animation has 6 groups.* fold 6 need one"):
        kfold(GUARDS, [], 7)
    with pytest.raises(ClipkindError, match="4 folds cannot go on from 3"):
        kfold(GUARDS, [], 4, previous=kfold(GUARDS, [], 3))
    one, _, three = kfold(GUARDS, [], 3)
    with pytest.raises(FileFormatError, match="in test in fold 0 and fold 1"):
        kfold(GUARDS, [], 3, previous=(one, one, three))
