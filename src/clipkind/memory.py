"""How much memory the system lets a process have, and what to say where that is too little."""

import errno
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import shorten

from clipkind.errors import MissingDependency

LEAST = 270_000_000
"""Bytes of address space below which imports end the process before anything can be said."""
OPENVINO_LEAST = 1_000_000_000
"""The same where OpenVINO is used, which needs more for the first answer on any machine."""
_SIGNS = re.compile(
    "bad_alloc|(not|n.t|to) alloc|(out of|enough) memory|failed to map|start new thread"
    "|Resource temporarily unavailable",
    re.I,
)
"""How libraries say that memory, or that of one more thread, cannot be had."""


def cap(what: int, most: int) -> None:
    """Limit a resource of this process (`resource.RLIMIT_…`) to `most`; a lower limit stays."""
    import resource

    limits = (most, *resource.getrlimit(what))
    lowest = min(limit for limit in limits if limit != resource.RLIM_INFINITY)
    resource.setrlimit(what, (lowest, lowest))


def cap_address_space(most: int) -> None:
    """Limit the memory of this process to `most` bytes, where the system can."""
    if sys.platform != "win32":
        import resource

        cap(resource.RLIMIT_AS, most)


def address_space() -> int | None:
    """Bytes of address space that this process may have (`ulimit -v`); None: no limit."""
    if sys.platform == "win32":
        return None
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return None if limit == resource.RLIM_INFINITY else limit


def limit_told(below: float = float("inf")) -> str:
    """The limit on address space and the way out; empty where it is not below so many bytes."""
    limit = address_space()
    if limit is None or limit >= below:
        return ""
    return (
        f"the system lets a process have {limit / 1e6:.0f} MB of address space "
        f"(ulimit -v {limit // 1024}); raise that limit where it is set"
    )


def shortage(error: BaseException) -> str:
    """One line on an error for want of memory, however a library puts it; empty for another."""
    lines = [line for line in str(error).splitlines() if _SIGNS.search(line)]
    limit = limit_told()
    out_of_memory = isinstance(error, MemoryError) or getattr(error, "errno", 0) == errno.ENOMEM
    # a library that cannot be loaded is broken, unless there is a limit it may not fit in
    by_words = isinstance(error, RuntimeError) or (limit and isinstance(error, ImportError))
    if not out_of_memory and not (lines and by_words):
        return ""
    why = f" ({shorten(lines[-1], 160, placeholder=' …')})" if lines else ""
    return f"there is not enough memory{why}" + (f": {limit}" if limit else "")


@contextmanager
def shortage_told() -> Iterator[None]:
    """Raises MissingDependency for errors for want of memory. Serves as a decorator, too."""
    try:
        yield
    except (MemoryError, RuntimeError, ImportError, OSError) as error:
        if told := shortage(error):
            raise MissingDependency(told) from error
        raise


def require_address_space(least: int) -> None:
    """Raises MissingDependency where this process may have less than so many bytes."""
    if told := limit_told(below=least):
        raise MissingDependency(f"there is not enough memory: {told}")
