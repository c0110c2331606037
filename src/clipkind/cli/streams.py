"""Standard output and error that are closed from the start, or go away while a command works."""

import errno
import io
import os
import sys
import threading
from typing import TYPE_CHECKING, TextIO

from click.exceptions import Exit

from clipkind.errors import ClipkindError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Stream(io.FileIO):
    """When its terminal or reader is gone, what is written to it is lost, and not the work."""

    absent = False
    """It was closed when the process began."""
    needed = False
    """The work is for what is written here: it ends, quietly, when nobody is there any more."""
    _gone = False

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            if not self._gone:
                return super().write(data)
        except OSError as error:
            self._gone = True  # so that nothing complains again at exit
            if error.errno not in (errno.EIO, errno.EPIPE):
                raise
        if self.needed and threading.current_thread() is threading.main_thread():  # no bar's
            self.needed = False
            raise Exit(0)
        return memoryview(data).nbytes


def steady_streams() -> None:
    """Make sys.stdout and sys.stderr such that writing to them ends no work.

    Standard streams that are closed lead nowhere then: the next file that is opened would get their
    number, and with it what libraries print.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old: TextIO | None = getattr(sys, name)
        if old is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)
            os.set_inheritable(number, True)
        if name == "stdin" or old is not getattr(sys, f"__{name}__"):  # not of the system
            continue
        raw = _Stream(number, "w", closefd=False)
        raw.absent = old is None
        new = io.TextIOWrapper(
            io.BufferedWriter(raw),
            encoding=old.encoding if old else "utf-8",
            errors="backslashreplace",  # a name the terminal cannot show must not end a run
            line_buffering=name == "stderr" or raw.isatty(),
        )
        setattr(sys, name, new)


def results() -> TextIO:
    """Standard output, for a command whose answers go there and nowhere else.

    Raises ClipkindError where it is closed. When its reader goes away the command ends.
    """
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Stream):
        if raw.absent:
            raise ClipkindError("standard output is closed; name a file with --output")
        raw.needed = True
    return sys.stdout
