"""Words for people, and text that is safe to print, log and store, whatever a file is called."""

import re
import shlex
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


def quoted(path: Path) -> str:
    """A path as one word of a shell command that is shown to people."""
    return printable(shlex.quote(str(path)))


def counted(number: int, thing: str, things: str = "") -> str:
    """`1 video`, `2 videos`."""
    return f"{number} {thing if number == 1 else things or thing + 's'}"


def _escape(match: re.Match[str]) -> str:
    code = ord(match[0])
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
