"""Text that is safe to print, log and store."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.text import class_heads, columns, printable, shortened


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        (b"caf\xe9.mp4", "caf\\xe9.mp4"),
        ("café 日本 👨‍👩‍👧.mp4".encode(), "café 日本 👨‍👩‍👧.mp4"),
        (b"two\nlines\x1b[31m", "two\\x0alines\\x1b[31m"),
        (b"back\\slash", "back\\slash"),
    ],
)
def test_file_names(raw: bytes, shown: str) -> None:
    assert printable(os.fsdecode(raw)) == shown


@given(st.text(st.characters(exclude_categories=()), max_size=40))
def test_any_text_becomes_one_encodable_line_and_stays_so(text: str) -> None:
    shown = printable(text)
    shown.encode()
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


def _in_words(sizes: st.SearchStrategy[int]) -> st.SearchStrategy[str]:
    """Names as classes have, of few words, so that many begin or end alike."""
    words = st.sampled_from(["shoot", "Shoot", "a", "ride", "日本語", "é" * 9, "x" * 14, "", "#1"])
    return sizes.flatmap(lambda n: st.lists(words, min_size=n, max_size=n).map("_".join))


@given(
    st.lists(st.one_of(_in_words(st.integers(1, 4)), st.text(max_size=30)), unique_by=printable),
    st.integers(5, 20),
)
def test_different_classes_have_different_short_names_of_bounded_width(
    names: list[str], most: int
) -> None:
    for short in (class_heads(names, most), shortened(names, most)):
        assert len(set(short)) == len(names)
        assert [printable(head) for head in short] == short
        if len(names) < 10 and not any("#" in name or "…" in name for name in names):
            assert all(columns(head) <= most for head in short)


def test_short_names_are_words_that_tell_classes_apart() -> None:
    standard = ["Animation", "Flat_Content", "Gaming", "Natural_Content"]
    assert class_heads(standard) == ["Animation", "Flat", "Gaming", "Natural"]
    assert class_heads(["shoot_ball", "shoot_bow", "ride_bike", "ride"]) == [
        *("shoot_ball", "shoot_bow", "ride_bike", "ride"),
    ]
    assert class_heads(["Cat_big", "cat", "Dog_big"]) == ["Cat_big", "cat", "Dog"]
    assert class_heads([f"kind_{number}" for number in range(20)])[19] == "kind_19"
    ends = class_heads([f"{'long' * 9}_{end}" for end in ("one", "two")])
    assert [head[-3:] for head in ends] == ["one", "two"]
    middles = class_heads([f"{'x' * 15}{sign}{'y' * 15}" for sign in "ab"])
    assert [head[-2:] for head in middles] == ["#1", "#2"]
