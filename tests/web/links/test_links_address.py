"""Which addresses links may lead to."""

import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.errors import ClipkindError
from clipkind.web.links.address import Judge
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.links.resolver import Resolver

NOBODY = Judge()
all_4 = st.integers(0, 2**32 - 1).map(IPv4Address)
likely_4 = st.sampled_from(
    ["10.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16",
     "100.64.0.0/10", "224.0.0.0/4", "240.0.0.0/4", "0.0.0.0/8"]
).flatmap(lambda text: _inside(IPv4Network(text)))  # fmt: skip
addresses_4 = all_4 | likely_4
addresses_6 = st.integers(0, 2**128 - 1).map(IPv6Address)


def _inside(network: IPv4Network) -> st.SearchStrategy[IPv4Address]:
    first = int(network.network_address)
    return st.integers(first, first + network.num_addresses - 1).map(IPv4Address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "192.169.0.1", "100.128.0.0",
     "223.255.255.255", "2606:4700::1", "2a00:1450:4001::1", "2001:4860::8888",
     "::ffff:8.8.8.8", "64:ff9b::8.8.8.8", "2002:808:808::1"],
)  # fmt: skip
def test_public_addresses_are_permitted(address: str) -> None:
    assert NOBODY.permits(address)


@pytest.mark.parametrize(
    "address",
    ["0.0.0.0", "0.1.2.3",  # noqa: S104 - to be refused
     "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1",
     "127.255.255.254", "168.63.129.16", "169.254.169.254", "169.254.170.2", "172.16.0.1",
     "172.31.255.255", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.1.1", "198.18.0.1",
     "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.250", "240.0.0.1",
     "255.255.255.255", "::", "::1", "::127.0.0.1", "::8.8.8.8", "::ffff:127.0.0.1",
     "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b:1::8.8.8.8",
     "100::1", "2001::1", "2001:0:808:808:0:0:80ff:fffe",
     "2001:db8::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "3fff::1", "4000::1", "5f00::1",
     "fc00::1", "fd00:ec2::254", "fe80::1", "fe80::1%lo", "fe80::1%1", "fec0::1", "ff02::1",
     "localhost", "127.1", "2130706433", "0x7f.1", "", "8.8.8.8 ", "08.8.8.8", "[::1]"],
)  # fmt: skip
def test_all_others_are_refused(address: str) -> None:
    """Names and odd spellings too: the judge takes what resolvers write."""
    assert not NOBODY.permits(address)


@given(addresses_4 | addresses_6)
def test_what_is_permitted_is_global_to_python_too(address: IPv4Address | IPv6Address) -> None:
    """Python's own tables, of whichever version, know no reason against it."""
    if NOBODY.permits(str(address)):
        tunnel = isinstance(address, IPv6Address) and address in IPv6Network("64:ff9b::/96")
        assert address.is_global or getattr(address, "ipv4_mapped", None)
        assert not address.is_multicast
        assert not address.is_reserved or tunnel or getattr(address, "ipv4_mapped", None)
        assert not address.is_private or getattr(address, "ipv4_mapped", None)


@given(addresses_4)
def test_an_address_in_disguise_is_judged_as_itself(address: IPv4Address) -> None:
    plain = NOBODY.permits(str(address))
    assert plain == (address.is_global and not address.is_multicast and not _odd(address))
    for disguise in (f"::ffff:{address}", f"64:ff9b::{address}"):
        assert NOBODY.permits(str(IPv6Address(disguise))) == plain
    tunnel = IPv6Address((0x2002 << 112) | int(address) << 80 | 1)
    assert NOBODY.permits(str(tunnel)) == plain
    teredo = IPv6Address((0x20010000 << 96) | (0x08080808 << 64) | (int(address) ^ 0xFFFFFFFF))
    assert NOBODY.permits(str(teredo)) == plain


def _odd(address: IPv4Address) -> bool:
    """Global to Python, and refused nonetheless."""
    odd = ("168.63.129.16/32", "192.0.0.0/24", "192.88.99.0/24")
    return any(address in IPv4Network(network) for network in odd)


@given(addresses_4 | addresses_6, st.integers(0, 32))
def test_the_operator_opens_a_network_and_no_more(
    address: IPv4Address | IPv6Address, bits: int
) -> None:
    length = address.max_prefixlen - bits
    network = f"{ip_address(int(address) >> bits << bits)}/{length}"
    if isinstance(address, IPv6Address):
        network = f"{IPv6Address(int(address) >> bits << bits)}/{length}"
    judge = Judge.of([network])
    if not getattr(address, "ipv4_mapped", None):
        assert judge.permits(str(address))
    if isinstance(address, IPv4Address):
        assert judge.permits(f"::ffff:{address}")  # one and the same to the system
    assert not judge.permits("127.0.0.1") or IPv4Address("127.0.0.1") in judge.allowed[0]


@pytest.mark.parametrize("network", ["10.0.0.1/8", "everything", "10.0.0.0/33", "", "\x1b[0m"])
def test_a_network_that_is_none_is_refused_in_one_line(network: str) -> None:
    with pytest.raises(ClipkindError) as refused:
        Judge.of([network])
    assert str(refused.value).isprintable()


@given(addresses_4, st.sampled_from(["{:d}", "{:#x}", "0{:o}", "0x{:08X}"]))
def test_odd_spellings_are_judged_by_what_the_resolver_makes_of_them(
    address: IPv4Address, form: str
) -> None:
    resolver = Resolver(NOBODY, {})
    spelled = form.format(int(address))
    if NOBODY.permits(str(address)):
        assert resolver.addresses(spelled, 80) == [str(address)]
        return
    with pytest.raises(LinkRefused) as refused:
        resolver.addresses(spelled, 80)
    assert refused.value.reason == LinkReason.PRIVATE


def test_one_private_address_among_public_ones_is_enough() -> None:
    mixed = {"a.example": [["8.8.8.8", "2606:4700::1", "10.0.0.1"]]}
    with pytest.raises(LinkRefused) as refused:
        Resolver(NOBODY, mixed).addresses("a.example", 80)
    assert refused.value.reason == LinkReason.PRIVATE
    assert "10.0.0.1" not in str(refused.value)  # the inside is nobody's business


def test_a_name_that_turns_private_is_refused_the_second_time() -> None:
    resolver = Resolver(NOBODY, {"a.example": [["8.8.8.8"], ["127.0.0.1"]]})
    assert resolver.addresses("a.example", 80) == ["8.8.8.8"]
    for _ in range(2):
        with pytest.raises(LinkRefused):
            resolver.addresses("a.example", 80)


def test_a_table_of_names_never_asks_the_system() -> None:
    def ask(*arguments: object) -> list[object]:
        assert socket.AI_NUMERICHOST in arguments[5:]
        raise socket.gaierror

    resolver = Resolver(NOBODY, {})
    resolver._system = ask  # type: ignore[assignment]
    with pytest.raises(LinkRefused) as refused:
        resolver.addresses("b.example", 80)
    assert refused.value.reason == LinkReason.UNRESOLVED
