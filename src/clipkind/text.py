"""Words for people, and text that is safe to print, log and store, whatever a file is called."""

import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

# Control characters would break one-line messages and drive terminals; surrogates, which Python
# uses for the bytes of a file name that is not UTF-8, cannot be encoded at all.
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


def printable(text: str) -> str:
    """`text` with bytes that are not UTF-8 and control characters as backslash escapes.

    A file name read as `b"caf\\xe9.mp4"` gives `caf\\xe9.mp4`, a newline gives `\\x0a`. Any other
    text, and anything already printable, comes back unchanged.
    """
    return _UNSAFE.sub(_escape, text)


def composed(text: str) -> str:
    """`text` in Unicode's composed form (NFC), so that names that look alike are the same."""
    return unicodedata.normalize("NFC", text)


def folded(text: str) -> str:
    """`text` to search in, or for: without regard to case and to how letters are composed."""
    return composed(text).casefold()


def columns(text: str) -> int:
    """Columns that `text` takes on a terminal: letters of East Asia two, combining marks none."""
    return sum(
        0
        if unicodedata.category(sign) in ("Mn", "Me", "Cf")
        else 1 + (unicodedata.east_asian_width(sign) in "WF")
        for sign in text
    )


def cut(text: str, fits: Callable[[str], bool]) -> str:
    """`text`, or as much of its beginning and end, with … between them, as `fits`."""
    signs, shown = len(text), text
    while signs and not fits(shown):
        signs -= 1
        tail = signs // 3  # names of classes often differ at their ends
        shown = f"{text[: signs - tail]}…{text[len(text) - tail :]}"
    return shown


def shortened(names: Sequence[str], most: int) -> list[str]:
    """`names`, printable, each `cut` to at most so many columns; different ones stay different.

    Those that would look the same end in their number, from 1: `screen record…#3`.
    """
    texts = [printable(name) for name in names]
    shown = [_cut_to(text, most) for text in texts]
    often = Counter(map(str.casefold, shown))
    for place, (text, short) in enumerate(zip(texts, shown, strict=True)):
        if short != text and often[short.casefold()] > 1:
            number = f"#{place + 1}"
            shown[place] = _cut_to(text, most - len(number)) + number
    return shown if len(set(shown)) == len(set(texts)) else texts


def class_heads(names: Sequence[str], most: int = 12) -> list[str]:
    """Short names of a model's classes that tell them apart: `Natural_Content` -> `Natural`.

    Each is as many words of the name as no other begins with, `shortened` to `most` columns.
    """
    starts = []
    for name in names:
        words = printable(name).split("_")
        starts.append(["_".join(words[:end]) for end in range(1, len(words) + 1)])
    often = Counter(start.casefold() for own in starts for start in own)
    heads = [
        next((s for s in own if s.strip("_") and often[s.casefold()] == 1), own[-1])
        for own in starts
    ]
    return shortened(heads, most)


def quoted(path: Path) -> str:
    """A path as one word of a shell command that is shown to people."""
    return printable(shlex.quote(str(path)))


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 video`, `2 videos`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def _cut_to(text: str, most: int) -> str:
    return cut(text, lambda short: columns(short) <= most)


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
