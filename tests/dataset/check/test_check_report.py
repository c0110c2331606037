"""What a check says of a data set: classes, conflicts, shortcuts, warnings; and its page."""

from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.check.page import MEMBERS, SHOWN, families, page, shown_families
from clipkind.dataset.check.report import CheckReport, check
from clipkind.dataset.links import Link
from clipkind.dataset.manifest import Entry
from clipkind.video.jpeg import jpeg

Sizes = dict[str, tuple[int, int]]
"""Videos and groups of each class."""


def entries(classes: Sizes, **known: float) -> list[Entry]:
    """`classes` says how many videos and groups each has; all have the same properties."""
    facts = {"fps": 25.0, "width": 640, "height": 360, "duration_s": 8.0} | known
    return [
        Entry(
            id=f"{label}-{i}",
            path=f"/videos/{label}/{i}.mp4",
            label=label,
            group=f"{label}-source-{i % groups}",
            **facts,  # type: ignore[arg-type]
        )
        for label, (videos, groups) in classes.items()
        for i in range(videos)
    ]


def link(a: str, b: str, how: str = "same") -> Link:
    return Link(a=a, b=b, score=0.9, how=how)


def warned(report: CheckReport, text: str) -> bool:
    return any(text in warning for warning in report.warnings)


def test_an_exact_copy_under_another_label_is_told_though_no_link_can_tell_it() -> None:
    videos = entries({"Cat": (12, 6), "Dog": (12, 6)})
    copy = replace(videos[0], path="/x\n.mp4", label="Dog", status="refused", reason="duplicate")
    report = check([*videos, replace(copy, label="Cat")], [])
    assert not warned(report, "exact cop")
    report = check([*videos, copy, replace(copy, label="")], [])
    assert warned(report, "2 refused exact copies of a video under another label, such as /x\\x0a")


def test_links_join_sources_and_disagreeing_labels_are_conflicts() -> None:
    videos = entries({"Cat": (12, 6), "Dog": (12, 6)})
    links = [
        link("Cat-0", "Cat-1"),
        link("Cat-0", "Cat-6"),  # both of source 0
        link("Cat-2", "Dog-3"),
        link("Cat-2", "gone"),
    ]
    report = check(videos, links)
    assert (report.groups, report.joined) == (12, 10)
    assert len(report.links) == 3
    assert {(k.a, k.b) for k in report.across} == {("Cat-0", "Cat-1"), ("Cat-2", "Dog-3")}
    assert [(k.a, k.b) for k in report.conflicts] == [("Cat-2", "Dog-3")]
    cat, dog = report.classes
    assert (cat.label, cat.videos, cat.groups, cat.linked) == ("Cat", 12, 5, 4)
    assert (dog.label, dog.groups, dog.linked) == ("Dog", 6, 1)
    assert warned(report, "1 pair of videos with the same footage but different labels")


def test_refused_videos_are_counted_and_take_no_part() -> None:
    videos = entries({"Cat": (12, 6), "Dog": (12, 6)})
    bad = [
        replace(videos[0], id="", path="x", status="refused", reason="not_a_video", width=0),
        replace(videos[0], id="Cat-0", path="y", status="refused", reason="duplicate"),
        replace(videos[0], id="Cat-0", path="z", status="refused", reason="duplicate"),
    ]
    report = check([*videos, *bad], [], unread=2)
    assert (report.entries, report.ok, report.unread) == (27, 24, 2)
    assert report.refused == (("duplicate", 2), ("not_a_video", 1))
    assert [(row.videos, row.refused) for row in report.classes] == [(12, 3), (12, 0)]
    assert warned(report, "2 videos could not be read")


def test_thin_and_uneven_classes_are_named() -> None:
    report = check(entries({"Cat": (60, 20), "Dog": (12, 1), "Emu": (3, 3)}), [])
    assert warned(report, "Dog: all videos (12) come from 1 source, ")
    assert warned(report, "Emu: 3 videos are few")
    assert warned(report, "Cat has 20 times as many videos as Emu")
    assert not check(entries({"Cat": (20, 10), "Dog": (18, 9)}), []).warnings
    assert warned(check(entries({"Cat": (20, 10)}), []), "only one class")
    assert warned(check(entries({"": (4, 4), "Cat": (20, 10)}), []), "4 videos without a label")
    assert check([], []).classes == ()


def test_that_no_source_is_known_is_told_once() -> None:
    videos = entries({"Cat": (20, 10), "Dog": (18, 9)})
    unknown = [replace(video, group="") for video in videos]
    assert len([w for w in check(unknown, []).warnings if "sources are not known" in w]) == 1
    assert not warned(check([*unknown[1:], videos[0]], []), "sources are not known")


def test_joining_can_leave_a_class_with_too_few_sources() -> None:
    videos = entries({"Cat": (21, 3), "Dog": (20, 10)})
    assert not warned(check(videos, []), "come from")
    assert warned(check(videos, [link("Cat-0", "Cat-1")]), "Cat: all videos (21) come from 2")


def with_fps(label: str, rates: list[float]) -> list[Entry]:
    videos = entries({label: (len(rates), len(rates))})
    return [replace(video, fps=rate) for video, rate in zip(videos, rates, strict=True)]


def test_a_frame_rate_that_gives_the_class_away_is_named_with_its_figures() -> None:
    videos = with_fps("Film", [24.0] * 38 + [60.0] * 2) + with_fps("Game", [60.0] * 58 + [24.0] * 2)
    report = check(videos, [])
    (found,) = report.shortcuts  # nothing else varies
    assert (found.name, found.majority) == ("frame rate", "Game")
    assert found.accuracy == pytest.approx(0.96)
    assert found.baseline == pytest.approx(0.6)
    assert warned(report, "frame rate alone tells the class right in 96% of videos (60% by always")


def test_a_shortcut_counts_only_if_it_holds_for_other_sources() -> None:
    # every source has a rate of its own: known for itself, it tells nothing of the next
    rates = np.linspace(10, 60, 40)
    videos = [
        replace(video, fps=float(rates[int(video.group.rpartition("-")[2]) * 2 + dog]))
        for dog, label in enumerate(("Cat", "Dog"))
        for video in entries({label: (100, 20)})
    ]
    report = check(videos, [])
    assert [s.name for s in report.shortcuts] == ["frame rate"]
    assert not report.shortcuts[0].warns


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["A", "B", "C", ""]),
            st.integers(0, 6),
            st.sampled_from([0.0, 12.5, 25.0, 29.97, 60.0]),
            st.integers(0, 2000),
        ),
        max_size=30,
    ),
    st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=8),
)
def test_any_data_set_is_judged_and_shown(
    videos: list[tuple[str, int, float, int]], linked: list[tuple[int, int]]
) -> None:
    listed = [
        Entry(id=str(i), path=f"{i}.mp4", label=label, group=f"g{g}" * bool(g), fps=fps, width=w)
        for i, (label, g, fps, w) in enumerate(videos)
    ]
    links = [link(str(min(a, b)), str(max(a, b))) for a, b in linked if a != b]
    report = check(listed, links)
    assert sum(row.videos for row in report.classes) == report.ok == len(videos)
    assert report.joined <= report.groups
    for shortcut in report.shortcuts:
        assert 0 <= shortcut.baseline <= 1
        assert 0 <= shortcut.accuracy <= 1
    shown = {video.id for family in families(listed, report.links) for video in family.members}
    assert shown == {id for k in report.links for id in (k.a, k.b)}
    Reader().feed(page(report, listed, {}, title="t"))


class Reader(HTMLParser):
    """Collects text, tags and what a page would fetch; fails where tags do not nest."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.fetched: list[str] = []
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_self_contained_and_what_names_say_is_text() -> None:
    evil = "<script>alert(1)</script>&\x1b$title"
    videos = entries({"Cat": (12, 6), evil: (12, 6)})
    videos[0] = replace(videos[0], path="/videos/caf\udce9<i>.mp4", group=evil)
    report = check(videos, [link("Cat-0", "Cat-1", evil), link("Cat-0", f"{evil}-1")])
    strip = jpeg(np.full((40, 100, 3), 200, dtype=np.uint8))
    content = page(report, videos, {videos[0].path: strip}, title=evil)
    content.encode("utf-8")
    reader = Reader()
    reader.feed(content)
    assert "script" not in reader.tags
    assert r"caf\xe9<i>.mp4" in reader.text
    assert "<script>alert(1)</script>&\\x1b$title" in reader.text
    assert "\x1b" not in content
    assert len(reader.fetched) == 1
    assert reader.fetched[0].startswith("data:image/jpeg;base64,/9j/")
    assert "no picture" in reader.text
    assert "under different labels (1)" in reader.text


def test_the_page_shows_a_bounded_number_and_says_how_many_more() -> None:
    count = SHOWN + 5
    videos = entries({"Cat": (2 * count, 2 * count), "Dog": (30, 30)})
    pairs = [link(f"Cat-{2 * i}", f"Cat-{2 * i + 1}") for i in range(count)]
    big = [link("Dog-0", f"Dog-{i}") for i in range(1, 30)]
    report = check(videos, [*pairs, *big])
    shown, pictured = shown_families(families(videos, report.links))
    assert len(shown[0].members) == 30
    assert len(pictured) == MEMBERS + 2 * (SHOWN - 1)
    reader = Reader()
    reader.feed(page(report, videos, {}, title="t"))
    assert f"… and {30 - MEMBERS} more videos" in reader.text
    assert "… and 6 more, in the file of links" in reader.text
