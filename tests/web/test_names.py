"""Names that others chose: they print as one line, in one direction, and have an end."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.web.http.uploads import upload_name
from clipkind.web.names import NAME_LENGTH, shown_name


@given(st.text(max_size=300))
def test_any_name_can_stand_within_other_text(text: str) -> None:
    name = shown_name(text)
    assert len(name) <= NAME_LENGTH
    assert not {unicodedata.bidirectional(sign) for sign in name} & {
        "LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"
    }  # fmt: skip
    assert not any(unicodedata.category(sign) in ("Cc", "Cs") for sign in name)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("clips/holiday ü.mp4", "holiday ü.mp4"),
        ("C:\\clips\\a.mp4", "a.mp4"),
        ("photo\u202egpj.exe", "photogpj.exe"),
        ("a\nb", "a\\x0ab"),
        ("", "video"),
        (None, "video"),
        ("clips/", "video"),
    ],
)
def test_an_upload_goes_by_the_last_part_of_its_name(given: str | None, shown: str) -> None:
    assert upload_name(given) == shown
