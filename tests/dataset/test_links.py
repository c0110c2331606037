"""Links come back as written, and join what shows the same footage."""

import random
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.links import (
    Link,
    joined_groups,
    links_file,
    read_compared,
    read_links,
    write_links,
)
from clipkind.errors import FileFormatError

ids = st.integers(0, 14).map(lambda number: f"v{number:02}")
pairs = st.lists(st.tuples(ids, ids), max_size=12)
sources = st.dictionaries(ids, st.sampled_from(["film 1", "film 2", "film 3", "own"]), max_size=15)


def link(a: str, b: str, score: float = 1.0) -> Link:
    return Link(a=a, b=b, score=score)


def test_links_come_back_and_a_new_check_replaces_them(tmp_path: Path) -> None:
    path = links_file(tmp_path / "my videos.csv")
    assert path == tmp_path / "my videos.links.csv"
    found = [
        Link(a="a, b.mp4", b='"ü".mp4', score=1 / 3, how="mirrored, cropped"),
        link("c", "d", 0.5),
    ]
    write_links(path, found)
    assert read_links(path) == found
    write_links(path, [])
    assert read_links(path) == []
    assert list(tmp_path.iterdir()) == [path]


def test_what_was_compared_is_told_apart_from_what_nobody_looked_at(tmp_path: Path) -> None:
    path = links_file(tmp_path / "videos.csv")
    write_links(
        path, [link("b\n.mp4", "caf\udce9.mp4")], compared=["b\n.mp4", "caf\udce9.mp4", "a"]
    )
    assert read_links(path) == [link("b\\x0a.mp4", "caf\\xe9.mp4")]  # as split files have them
    assert read_compared(path) == {"a", "b\\x0a.mp4", "caf\\xe9.mp4"}
    write_links(path, [link("a", "b")])
    assert read_compared(path) is None


@pytest.mark.parametrize(
    "text", [b"path,label\na.mp4,Gaming\n", b"a,b,score,how\nx,y\n", b"a,b,score,how\nx,y,high,\n",
             b"a,b,score,how\nx,,1,same\n",
             b"a,b,score,how\n\xff,y,1,\n"],
)  # fmt: skip
def test_another_or_damaged_file_is_refused_in_one_line(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "new\nline.csv"
    path.write_bytes(text)
    with pytest.raises(FileFormatError, match=r"is not a file of links.*dataset check") as caught:
        read_links(path)
    assert "\n" not in str(caught.value)


def reachable(start: str, groups: dict[str, str], links: list[tuple[str, str]]) -> set[str]:
    """All videos that a chain of links and common sources leads to."""
    near = defaultdict(set)
    for a, b in links:
        if a in groups and b in groups:
            near[a].add(b)
            near[b].add(a)
    for id, group in groups.items():
        near[id] |= {other for other, theirs in groups.items() if theirs == group}
    found, rest = {start}, [start]
    while rest:
        new = near[rest.pop()] - found
        found |= new
        rest += new
    return found


@settings(max_examples=100, deadline=None)
@given(sources, pairs, st.randoms(use_true_random=False))
def test_what_a_chain_of_links_and_sources_connects_has_one_name(
    groups: dict[str, str], links: list[tuple[str, str]], random: random.Random
) -> None:
    joined = joined_groups(groups, [link(a, b) for a, b in links])
    for id in groups:
        together = reachable(id, groups, links)
        assert {other for other in joined if joined[other] == joined[id]} == together
        assert joined[id] == min(groups[other] for other in together)
    turned = [link(b, a) for a, b in random.sample(links, len(links))]
    assert joined_groups(groups, turned) == joined
