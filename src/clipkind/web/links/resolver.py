"""From a host's name to addresses that may be connected to."""

import socket
import threading
from contextlib import suppress
from typing import Any

from clipkind.text import printable
from clipkind.web.links.address import Judge, Names
from clipkind.web.links.refused import LinkReason, LinkRefused


class Resolver:
    """Asks the system, or `names` where given: then nothing is asked, and other names are unknown.

    Odd spellings of addresses (octal, hexadecimal, short) are read as the system's resolver reads
    them, and judged by what it makes of them.
    """

    def __init__(self, judge: Judge, names: Names | None = None) -> None:
        self._judge = judge
        self._names = None if names is None else {name: list(names[name]) for name in names}
        self._asking = threading.local()
        self._system = socket.getaddrinfo  # the guard puts another in its place

    @property
    def asking(self) -> bool:
        """Whether this thread is in the midst of asking the system."""
        return getattr(self._asking, "now", False)

    def addresses(self, host: str, port: int) -> list[str]:
        """Numeric addresses, the system's favourite first.

        Raises LinkRefused where there are none, or where a single one may not be connected to.
        """
        found = list(dict.fromkeys(self._ask(host, port)))
        if not found:
            raise LinkRefused(
                LinkReason.UNRESOLVED,
                f"no host is known by the name {_shown(host)}: check the link's spelling",
            )
        if not all(map(self._judge.permits, found)):
            raise _private(host)
        return found

    def check_literal(self, host: str, port: int) -> None:
        """Raises LinkRefused for an address, however it is written, that may not be connected to.

        Nobody is asked: what a name stands for is judged when it is connected to.
        """
        found = [each[4][0] for each in self.ask_system(host, port, socket.AI_NUMERICHOST)]
        if not all(map(self._judge.permits, found)):
            raise _private(host)

    def _ask(self, host: str, port: int) -> list[str]:
        if self._names is None:
            return [each[4][0] for each in self.ask_system(host, port)]
        if answers := self._names.get(host):
            return list(answers.pop(0) if len(answers) > 1 else answers[0])
        numeric = self.ask_system(host, port, socket.AI_NUMERICHOST)
        return [each[4][0] for each in numeric]

    def ask_system(self, host: str, port: int, flags: int = 0) -> list[Any]:
        """`socket.getaddrinfo` for a stream; nothing where the name is not known."""
        self._asking.now = True
        try:
            with suppress(socket.gaierror, UnicodeError):
                return self._system(host, port, 0, socket.SOCK_STREAM, 0, flags)
        finally:
            self._asking.now = False
        return []


def _shown(host: str) -> str:
    return printable(host)[:80]


def _private(host: str) -> LinkRefused:
    return LinkRefused(
        LinkReason.PRIVATE,
        f"{_shown(host)} is not on the public network: download the video yourself and upload it, "
        "or ask the operator to allow that network",
    )
