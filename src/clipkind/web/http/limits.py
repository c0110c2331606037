"""How much of the server one client may have: tokens that refill, and places that are counted."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Generic, TypeVar

from clipkind.web.http.problems import Problem
from clipkind.web.settings import Settings

GUESSES_A_MINUTE = 10.0
"""Wrong tokens that one client may show."""


class Buckets:
    """A bucket of tokens for every client: `burst` at first, refilled by `rate` a second.

    Knows at most `clients` of them, the latest: a full bucket is like none.
    """

    def __init__(
        self,
        rate: float,
        burst: float,
        clients: int = 10_000,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate, self._burst, self._clients, self._clock = rate, burst, clients, clock
        self._lock = threading.Lock()
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """Tokens, and when they were counted."""

    def take(self, client: str) -> float:
        """Take one token: 0. With none there, the seconds until there is one."""
        return self._look(client, 1.0)

    def wait(self, client: str) -> float:
        """The same without taking it."""
        return self._look(client, 0.0)

    def _look(self, client: str, price: float) -> float:
        key, now = neighbourhood(client), self._clock()
        with self._lock:
            tokens, since = self._held.pop(key, (self._burst, now))
            tokens = min(self._burst, tokens + (now - since) * self._rate)
            short = 1.0 - tokens
            if short <= 0:
                tokens -= price
            self._held[key] = tokens, now
            while len(self._held) > self._clients:
                self._held.popitem(last=False)
        return max(0.0, short / self._rate)


class Places:
    """A number of places, each for one at a time."""

    def __init__(self, number: int) -> None:
        self._places = threading.BoundedSemaphore(number)

    def take(self) -> bool:
        """Whether there was a place; it is taken until `leave`."""
        return self._places.acquire(blocking=False)

    def leave(self) -> None:
        """Give a place back."""
        self._places.release()

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place. Raises Problem where there is none."""
        if not self.take():
            raise too_many_streams()
        try:
            yield
        finally:
            self.leave()


Piece = TypeVar("Piece")


class Held(Generic[Piece]):
    """What is sent while it is made, holding one of `places`: raises Problem where there is none.

    The place is given back however the sending ends, even before the first piece was asked for.
    """

    def __init__(self, pieces: Iterator[Piece], places: Places) -> None:
        if not places.take():
            raise too_many_streams()
        self._pieces, self._places, self._open = pieces, places, True

    def __iter__(self) -> Iterator[Piece]:
        yield from self._pieces
        self.close()

    def close(self) -> None:
        """Called by the web server in the end; without effect the second time."""
        if self._open:
            self._open = False
            self._places.leave()


@dataclass(frozen=True, slots=True)
class Limits:
    """What is counted."""

    jobs: Buckets
    guesses: Buckets
    told: Buckets
    """Lines in the log on wrong tokens of a client, which must not fill it."""
    streams: Places
    """Of requests that hold a thread for as long as a job takes, or as a client likes to read."""

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            jobs=Buckets(settings.rate / 60, settings.burst),
            guesses=Buckets(GUESSES_A_MINUTE / 60, GUESSES_A_MINUTE),
            told=Buckets(1 / 60, 1.0),
            streams=Places(settings.streams),
        )


def too_many_streams() -> Problem:
    """What a client gets instead of a stream."""
    return Problem(
        503,
        "too_many_streams",
        "as many clients follow jobs or download lists as may at a time; "
        "ask for a job every second instead, or again in a while",
        {"Retry-After": "5"},
    )


def slow_down(seconds: float, code: str, detail: str) -> Problem:
    """What a client gets that has no tokens left."""
    return Problem(429, code, detail, {"Retry-After": str(int(seconds) + 1)})


def neighbourhood(client: str) -> str:
    """A client's address; of IPv6 the network, since whoever has one address has 2**64."""
    try:
        address = ip_address(client.partition("%")[0])
    except ValueError:
        return client
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, 64), strict=False))
    return str(address)
