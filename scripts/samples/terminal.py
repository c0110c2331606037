"""A recording of a terminal: commands are typed, their output scrolls by."""

from collections.abc import Iterator
from pathlib import Path

from PIL import ImageDraw

from samples.encode import Rgb
from samples.screen import FPS, HEIGHT, MARGIN, TITLE_BAR, Color, mono, pixels, typewrite, window

GREY, WHITE, GREEN = (150, 156, 170), (222, 226, 234), (126, 200, 120)
BLUE, YELLOW, RED = (110, 168, 240), (226, 192, 110), (236, 110, 108)
BACK, BAR = (24, 27, 34), (44, 48, 58)
ROW, COLUMN, FONT_SIZE = 19, 8.6, 14
ROWS = (HEIGHT - 2 * MARGIN - TITLE_BAR - 14) // ROW

Line = list[tuple[str, Color]]
PROMPT: Line = [("mira@atlas", GREEN), (":", WHITE), ("~/src/harbour", BLUE), ("$ ", WHITE)]

LISTING = """total 64
drwxr-xr-x  4 mira mira  4096 Mar  3 09:12 docs
-rw-r--r--  1 mira mira   412 Feb 27 18:40 Makefile
-rw-r--r--  1 mira mira  2981 Mar  3 09:12 README.md
-rw-r--r--  1 mira mira  1207 Mar  1 11:05 pyproject.toml
drwxr-xr-x  6 mira mira  4096 Mar  3 09:30 src
drwxr-xr-x  3 mira mira  4096 Mar  2 16:21 tests""".splitlines()

HISTORY = (
    ("4be1c02", "Read tide tables from the new feed"),
    ("91d07aa", "Round berths to whole metres"),
    ("d3381f5", "Fix off-by-one in the queue at midnight"),
    ("0c6f2be", "Speed up the weekly report by a third"),
    ("77aa913", "Document the export format"),
)
TESTS = (
    ("tests/test_berths.py", 14),
    ("tests/test_export.py", 9),
    ("tests/test_feed.py", 21),
    ("tests/test_queue.py", 17),
    ("tests/test_report.py", 12),
    ("tests/test_tides.py", 26),
)


def frames(font_path: Path | None) -> Iterator[Rgb]:
    """About eight seconds at FPS; `font_path` names a typewriter face (TrueType)."""
    base = window("mira@atlas: ~/src/harbour", BACK, BAR, GREY)
    font = mono(font_path, FONT_SIZE)
    for number, lines in enumerate(_session()):
        image = base.copy()
        draw = ImageDraw.Draw(image)
        y = float(MARGIN + TITLE_BAR + 8)
        x = 0.0
        for line in lines[-ROWS:]:
            x = MARGIN + 12.0
            for text, color in line:
                typewrite(draw, (x, y), text, color, font, COLUMN)
                x += len(text) * COLUMN
            y += ROW
        if number % FPS < 10:
            draw.rectangle((x, y - ROW, x + COLUMN, y - 2), fill=WHITE)
        yield pixels(image)


def _session() -> Iterator[list[Line]]:
    """The lines on the screen, once a frame."""
    lines: list[Line] = []
    yield from _type(lines, "ls -l")
    for text in LISTING:
        about, _, name = text.rpartition(" ")
        lines.append([(about + " ", GREY), (name, BLUE if text[0] == "d" else WHITE)])
    yield from _wait(lines, 5)
    yield from _type(lines, "git log --oneline -5")
    for commit, subject in HISTORY:
        lines.append([(commit, YELLOW), (" " + subject, WHITE)])
    yield from _wait(lines, 6)
    yield from _type(lines, "pytest -q tests/")
    yield from _test_run(lines)
    yield from _type(lines, "make report")
    for step in range(12):
        lines.append([(f"[{step + 1:2}/12] ", GREY), (f"rendering week {step + 1}", WHITE)])
        yield from _wait(lines, 1)
    lines.append([("report written to build/report.html", GREEN)])
    lines.append(list(PROMPT))
    yield from _wait(lines, 6)


def _test_run(lines: list[Line]) -> Iterator[list[Line]]:
    done, total = 0, sum(count for _, count in TESTS)
    for name, count in TESTS:
        lines.append([])
        for passed in (*range(0, count, 4), count):
            share = f"[{100 * (done + passed) // total:3}%]"
            line = f"{name} {'.' * passed}"
            lines[-1] = [(line.ljust(60), WHITE), (share, GREEN)]
            yield from _wait(lines, 1)
        done += count
    lines.append([(f"{total - 1} passed, ", GREEN), ("1 skipped", YELLOW), (" in 2.31s", GREEN)])
    yield from _wait(lines, 5)


def _type(lines: list[Line], command: str) -> Iterator[list[Line]]:
    for end in range(len(command) + 1):
        typed: Line = [*PROMPT, (command[:end], WHITE)]
        yield [*lines, typed]
    lines.append([*PROMPT, (command, WHITE)])


def _wait(lines: list[Line], count: int) -> Iterator[list[Line]]:
    for _ in range(count):
        yield lines
