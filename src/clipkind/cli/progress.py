"""What commands show while they work and at the end.

The one progress bar: videos done, a rate, time left. On terminals only, and gone at the end.
"""

import os
import stat
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

PLAIN_WIDTH = 120
"""Columns of a table that goes to a file or pipe."""


def table_console() -> Console:
    """Standard output for tables, which are wide enough where no terminal says how wide it is."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=PLAIN_WIDTH)


def progress_bar(console: Console, beside: TextIO | None = None) -> Progress:
    """A bar whose tasks carry a `rate` field of text, such as `231 frames/s`.

    `beside`: the stream of a command's answers. Where that is a pipe there is no bar, as its reader
    may print to the same terminal.
    """
    hidden = not console.is_terminal  # blank lines otherwise
    if beside is not None and not hidden:
        hidden = stat.S_ISFIFO(os.fstat(beside.fileno()).st_mode)
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=hidden,
    )
