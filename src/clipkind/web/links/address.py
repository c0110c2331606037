"""Which addresses links may lead to: public ones, and those that the operator opened.

The tables are from IANA's registries of special-purpose addresses (RFC 6890), kept here because
`ipaddress.is_global` changes from one Python to the next.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from clipkind.errors import ClipkindError
from clipkind.text import printable

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
Names = Mapping[str, Sequence[Sequence[str]]]
"""What hosts resolve to, first and next time; the last answer stays."""

_NOT_PUBLIC_4 = tuple(
    IPv4Network(text)
    for text in (
        "0.0.0.0/8",  # this host: Linux connects it to loopback
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' own; one cloud keeps its metadata there
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, but a cloud's metadata for whoever is inside
        "169.254.0.0/16",  # link-local, metadata of most clouds
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_UNICAST_6 = IPv6Network("2000::/3")
"""All that is given out; everything else is local, multicast or nobody's."""
_NOT_PUBLIC_6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # for protocols
        "2001:db8::/32",
        "3fff::/20",
    )
)
_MAPPED = IPv6Network("::ffff:0:0/96")
_NAT64 = IPv6Network("64:ff9b::/96")
_6TO4 = IPv6Network("2002::/16")
_TEREDO = IPv6Network("2001::/32")
_ALL_32 = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Judge:
    """Says which addresses may be connected to; `allowed` are the operator's exceptions."""

    allowed: tuple[Network, ...] = ()

    @classmethod
    def of(cls, networks: Sequence[str]) -> Self:
        """Raises ClipkindError where a network is none."""
        return cls(tuple(map(read_network, networks)))

    def permits(self, text: str) -> bool:
        """Whether a numeric address, as the resolver writes it, may be connected to.

        Anything that is not a plain numeric address, a name for instance, may not.
        """
        try:
            address = unmapped(ip_address(text.partition("%")[0]))
        except ValueError:
            return False
        return any(address in network for network in self.allowed) or is_public(address)


def read_network(text: str) -> Network:
    """A network written as CIDR, or one address. Raises ClipkindError."""
    try:
        return ip_network(text)
    except ValueError as error:
        raise ClipkindError(
            f"{printable(text)} is not a network ({printable(str(error))}): write 10.1.0.0/16, "
            "fd12::/32 or one address"
        ) from None


def unmapped(address: Address) -> Address:
    """The IPv4 address for which an IPv6 socket takes `::ffff:a.b.c.d`."""
    if isinstance(address, IPv6Address) and address in _MAPPED:
        return IPv4Address(int(address) & _ALL_32)
    return address


def is_public(address: Address) -> bool:
    """Whether it is unicast on the public network, itself and where a tunnel takes it on to."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_4)
    inside = list(_tunnelled(address))
    if inside:
        return all(map(is_public, inside))
    return address in _UNICAST_6 and not any(address in network for network in _NOT_PUBLIC_6)


def _tunnelled(address: IPv6Address) -> Iterator[IPv4Address]:
    """The IPv4 addresses that routers read out of an IPv6 address (RFC 6052, 3056, 4380)."""
    number = int(address)
    if address in _MAPPED or address in _NAT64:
        yield IPv4Address(number & _ALL_32)
    elif address in _6TO4:
        yield IPv4Address(number >> 80 & _ALL_32)
    elif address in _TEREDO:
        yield IPv4Address(number >> 64 & _ALL_32)
        yield IPv4Address(~number & _ALL_32)
