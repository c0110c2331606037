"""What the fetching process may not do, whatever the code in it is talked into.

An audit hook sees every connection made through Python's sockets, also those of yt-dlp's
extractors, with the very address that is about to be connected to: a name that resolves to a public
address when it is judged and to a private one later is refused there. It cannot be taken out again.
"""

import socket
import sys
from typing import Any

from clipkind.memory import cap
from clipkind.web.links.address import Judge
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.links.resolver import Resolver

MEMORY_LIMIT = 2 << 30
"""Address space of the fetching process, in bytes."""
_OPEN_FILES = 64
_NATIVE = ("curl_cffi", "pycurl", "requests", "urllib3", "websockets")
"""What yt-dlp would use instead of Python's own HTTP; libcurl's sockets raise no audit events."""
_PROGRAMS = frozenset(
    {
        *("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn"),
        *("os.fork", "os.forkpty", "pty.spawn"),
    }
)
_NAMES = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})


class Blocked(PermissionError):
    """Raised where something is refused: an OSError, so that code with another way takes it."""


class Guard:
    """Judges connections, look-ups, requests and programs; remembers the first link refused."""

    def __init__(self, judge: Judge, resolver: Resolver) -> None:
        self._judge = judge
        self._resolver = resolver
        self.refused: LinkRefused | None = None

    def install(self) -> None:
        """For the rest of this process. Call it once, before anything is fetched."""
        modules: dict[str, Any] = sys.modules
        for name in _NATIVE:
            modules[name] = None  # its import now fails
        socket.getaddrinfo = self._getaddrinfo
        sys.addaudithook(self._audit)

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in _PROGRAMS:
            raise Blocked("no program is started to fetch a link")
        if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
            self._judge_address(arguments[1])
        elif event == "socket.bind":
            raise Blocked("nobody is listened to while a link is fetched")
        elif event in _NAMES and not self._resolver.asking:
            raise Blocked("names are resolved in one place only")
        elif event == "urllib.Request":
            self._judge_scheme(str(arguments[0]))

    def _judge_address(self, address: object) -> None:
        """A name in an address would be resolved after it was judged: refused, as other kinds."""
        if address is None:
            return  # of a message on a socket that is connected already
        host = address[0] if isinstance(address, tuple) and address else None
        if not isinstance(host, str) or not self._judge.permits(host):
            self._refuse(
                LinkRefused(
                    LinkReason.PRIVATE,
                    "the link leads to a host that is not on the public network: download the "
                    "video yourself and upload it, or ask the operator to allow that network",
                )
            )

    def _judge_scheme(self, url: str) -> None:
        if not url.lower().startswith(("http://", "https://")):
            self._refuse(
                LinkRefused(
                    LinkReason.SCHEME,
                    "the page leads to something other than http:// and https://: link to the "
                    "video file itself",
                )
            )

    def _getaddrinfo(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        """In place of `socket.getaddrinfo`: permitted addresses, for streams."""
        if isinstance(host, bytes):
            host = host.decode("ascii", "replace")
        try:
            found = self._resolver.addresses(host, port)
        except LinkRefused as refused:
            if refused.reason == LinkReason.PRIVATE:
                self._refuse(refused)
            raise socket.gaierror(socket.EAI_NONAME, str(refused)) from None
        numeric = socket.AI_NUMERICHOST
        return [each for ip in found for each in self._resolver.ask_system(ip, port, numeric)]

    def _refuse(self, refused: LinkRefused) -> None:
        self.refused = self.refused or refused
        raise Blocked(str(refused))


def limit(max_size: int, seconds: float) -> None:
    """Cap this process's memory, files and processor time, where the system can."""
    if sys.platform == "win32":
        return
    import resource

    whole = int(seconds) + 1
    for what, most in (
        (resource.RLIMIT_AS, MEMORY_LIMIT),
        (resource.RLIMIT_FSIZE, max_size),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CPU, whole),
        (resource.RLIMIT_CORE, 0),
    ):
        cap(what, most)
