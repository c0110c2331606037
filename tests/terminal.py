"""A command on a terminal, in this process, and what stands on the screen when it has ended."""

import os
import pty
import re
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from unittest.mock import patch

import click

WIDTH = 80
BAR = "━"
"""Every progress bar has some, and no row."""
_PIECE = re.compile(r"\x1b\[(\??[0-9;]*)([A-Za-z])|(.)", re.DOTALL)


def shown(work: Callable[[], object]) -> list[str]:
    """The lines that `work` leaves on a terminal, without empty ones and whole where they were
    broken at its edge.

    Asserts that it drew a bar, and that no line has a part of one: they go away at the end, so a
    line that does has a row on it too.
    """
    master, slave = pty.openpty()
    received: list[bytes] = []
    reader = Thread(target=_read, args=(master, received))
    reader.start()
    size = {"COLUMNS": str(WIDTH), "LINES": "40", "TERM": "xterm"}
    with (
        os.fdopen(slave, "w", encoding="utf-8") as stdout,
        os.fdopen(os.dup(slave), "w", encoding="utf-8") as stderr,
        patch.dict(os.environ, size),
        patch.multiple(sys, stdout=stdout, stderr=stderr),
    ):
        work()
    reader.join()
    os.close(master)
    text = b"".join(received).decode()
    assert BAR in text
    lines = _screen(text)
    assert not [line for line in lines if BAR in line]
    return [line for line in lines if line]


def shown_by(command: click.Command, *arguments: str | Path) -> list[str]:
    """The same for a click command."""
    return shown(lambda: command.main(list(map(str, arguments)), standalone_mode=False))


def _read(master: int, received: list[bytes]) -> None:
    while True:
        try:
            received.append(os.read(master, 65536))
        except OSError:  # nobody has the other side open any more
            return


def _screen(text: str) -> list[str]:
    """What a terminal makes of the few control sequences that rich uses; it never scrolls."""
    rows, broken = [""], {0: False}
    row = column = 0
    for parameter, final, sign in _PIECE.findall(text):
        if final == "A":
            row = max(row - int(parameter or 1), 0)
        elif final == "K":
            assert parameter == "2"
            rows[row] = ""
        elif final or sign in "\r\n":
            column = column if final else 0
        elif column == WIDTH:
            broken[row] = True
            row, column = row + 1, 0
        if sign == "\n":
            broken[row] = False
            row += 1
        rows += [""] * (row + 1 - len(rows))
        if sign and sign not in "\r\n":
            rows[row] = rows[row][:column].ljust(column) + sign + rows[row][column + 1 :]
            column += 1
    whole = [""]
    for number, line in enumerate(rows):
        whole[-1] += line
        if not broken.get(number):
            whole[-1] = whole[-1].rstrip()
            whole.append("")
    return whole[:-1]
