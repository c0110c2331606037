"""Whom a request comes from, where proxies pass it on."""

from ipaddress import IPv4Address

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st

from clipkind.web.http.proxies import Proxies
from posting import JOBS
from web.test_http_gate import asked

BEHIND = Proxies.of(["10.0.0.0/8", "fd00::1"])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.7", "", "192.0.2.7"),
        ("192.0.2.7", "198.51.100.1", "192.0.2.7"),  # a stranger's word
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "203.0.113.9, 198.51.100.1", "198.51.100.1"),  # what a client made up
        ("10.0.0.1", "203.0.113.9, 10.2.3.4", "203.0.113.9"),  # two proxies
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2001:db8::5]:4711", "2001:db8::5"),
        ("::ffff:10.0.0.1", "2001:db8::5", "2001:db8::5"),
        ("10.0.0.1", "198.51.100.1, unknown", "10.0.0.1"),
    ],
)
def test_the_nearest_address_that_no_proxy_has(peer: str, forwarded: str, client: str) -> None:
    assert BEHIND.client(peer, forwarded) == client


@given(st.text())
def test_no_header_moves_a_client_that_is_no_proxy(forwarded: str) -> None:
    assert BEHIND.client("192.0.2.7", forwarded) == "192.0.2.7"
    assert Proxies().client("10.0.0.1", forwarded) == "10.0.0.1"


@given(st.text(), st.ip_addresses(v=4).filter(lambda ip: ip.packed[0] != 10))
def test_nothing_a_client_makes_up_hides_its_address(made_up: str, own: IPv4Address) -> None:
    """The proxy writes it behind that."""
    assert BEHIND.client("10.0.0.1", f"{made_up},{own}") == str(own)


@pytest.mark.parametrize(
    "settings", [{"rate": 1.0, "burst": 1, "trusted_proxies": ("127.0.0.1",)}], indirect=True
)
def test_limits_hold_for_each_client_behind_a_proxy(app: Flask, client: FlaskClient) -> None:
    def status(address: str) -> int:
        body = {"url": "https://example.org/a.mp4"}
        return client.post(JOBS, json=body, headers={"X-Forwarded-For": address}).status_code

    assert [status("192.0.2.1"), status("192.0.2.1"), status("192.0.2.2")] == [202, 429, 202]
    assert asked(app, headers={"X-Forwarded-For": "192.0.2.3"}) is None
    refused = asked(app, headers={"X-Forwarded-For": "192.0.2.1"})
    assert refused is not None
    assert refused.kind == "too_many_jobs"
