"""What documents show: fenced examples with their marks, and the code spans of their text."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = {path.stem: path for path in sorted(DOCS.glob("*.md"))}
_MARK = re.compile(r"<!-- (not run|exit): (.+) -->")
_SPAN = re.compile(r"(?<!`)`([^`]+)`(?!`)")


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code."""

    line: int
    """Where it begins, from 1."""
    language: str
    code: str
    not_run: str = ""
    """Why it cannot run; empty: it must."""
    exit: int = 0


def fences(path: Path) -> list[Fence]:
    """All of a document. Raises ValueError where one does not end."""
    lines = path.read_text(encoding="utf-8").splitlines()
    found = []
    number = 0
    while number < len(lines):
        if not lines[number].startswith("```"):
            number += 1
            continue
        end = next((n for n in range(number + 1, len(lines)) if lines[n] == "```"), None)
        if end is None:
            raise ValueError(f"{path.name}, line {number + 1}: the fence does not end")
        mark = _MARK.fullmatch(lines[number - 1]) if number else None
        reason = mark[2] if mark and mark[1] == "not run" else ""
        code = int(mark[2]) if mark and mark[1] == "exit" else 0
        text = "\n".join(lines[number + 1 : end]) + "\n"
        found.append(Fence(number + 1, lines[number][3:], text, reason, code))
        number = end + 1
    return found


def without_fences(path: Path) -> str:
    """A document's text alone."""
    text = path.read_text(encoding="utf-8")
    return re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)


def spans(path: Path) -> list[str]:
    """`Code` within the text, on one line each."""
    return [" ".join(span.split()) for span in _SPAN.findall(without_fences(path))]


def commands(path: Path) -> Iterator[str]:
    """What follows the word clipkind in examples and code spans, and spans that leave it out."""
    for fence in fences(path):
        if fence.language == "sh":
            for line in fence.code.replace("\\\n", " ").splitlines():
                yield from re.findall(r"(?:^|[\s|/])clipkind( .*)", line.partition("  #")[0])
    for span in spans(path):
        yield span.removeprefix("clipkind")
