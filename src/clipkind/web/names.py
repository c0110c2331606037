"""Names that others chose for videos, safe to print and to stand within other text."""

import re

from clipkind.text import printable

NAME_LENGTH = 200
# direction marks would show "gpj.exe" as "exe.jpg", and spill over into the text around the name
_DIRECTION = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def shown_name(text: str) -> str:
    """At most NAME_LENGTH printable characters, which run in one direction; maybe none."""
    return printable(_DIRECTION.sub("", text)).strip()[:NAME_LENGTH]
