"""Whom a request comes from, where a proxy passes it on."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Self

from clipkind.web.links.address import Address, Network, read_network, unmapped


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies whose `X-Forwarded-For` is believed; of others it is what a client says."""

    trusted: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[str]) -> Self:
        """Raises ClipkindError where one is neither a network nor an address."""
        return cls(tuple(map(read_network, networks)))

    def client(self, peer: str, forwarded: str) -> str:
        """The nearest address on the way that no trusted proxy has: each wrote whom it was asked
        by at the end of `forwarded`, and what stands before a stranger's is the stranger's word."""
        client = peer
        for hop in (peer, *reversed(forwarded.split(","))):
            address = _address(hop)
            if address is None:
                break
            client = hop if hop is peer else str(address)
            if not any(address in network for network in self.trusted):
                break
        return client

    def settle(self, environ: dict[str, Any]) -> None:
        """Let a request's `REMOTE_ADDR` be its client's."""
        peer = environ.get("REMOTE_ADDR", "")
        environ["REMOTE_ADDR"] = self.client(peer, environ.get("HTTP_X_FORWARDED_FOR", ""))


def _address(hop: str) -> Address | None:
    """Some proxies write a port too, and brackets."""
    for text in _readings(hop.strip()):
        try:
            return unmapped(ip_address(text.partition("%")[0]))
        except ValueError:
            continue
    return None


def _readings(hop: str) -> Iterator[str]:
    yield hop
    if hop.startswith("["):
        yield hop[1:].partition("]")[0]
    elif hop.count(":") == 1:
        yield hop.partition(":")[0]
