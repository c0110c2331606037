"""Text that is safe to print, log and store."""

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.text import printable


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
