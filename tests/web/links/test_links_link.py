"""What the words of a link say."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.web.links import LinkRefused, check_link
from clipkind.web.links.link import parse


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "link_scheme"),
        ("example.com/v.mp4", "link_scheme"),
        ("//example.com/v.mp4", "link_scheme"),
        ("http:/example.com/", "link_scheme"),
        ("file:///etc/passwd", "link_scheme"),
        ("ftp://example.com/v.mp4", "link_scheme"),
        ("gopher://example.com:25/_HELO", "link_scheme"),
        ("javascript:alert(1)", "link_scheme"),
        ("data:video/mp4;base64,AAAA", "link_scheme"),
        ("http://public.example@127.0.0.1/", "link_credentials"),
        ("http://user:secret@public.example/v.mp4", "link_credentials"),
        ("http://@public.example/", "link_credentials"),
        ("http://public.example\\@127.0.0.1/", "link_malformed"),
        ("http://public.example/a b.mp4", "link_malformed"),
        ("http://public.example/\r\nHost: other", "link_malformed"),
        ("http://public.example\t.evil.example/", "link_malformed"),
        ("http://public.example/\ud800", "link_malformed"),
        ("http://", "link_malformed"),
        ("http:///v.mp4", "link_malformed"),
        ("http://:80/", "link_malformed"),
        ("http://public.example:0/", "link_malformed"),
        ("http://public.example:99999/", "link_malformed"),
        ("http://public.example:80x/", "link_malformed"),
        ("http://[::1/", "link_malformed"),
        ("http://[fe80::1%25lo]/", "link_malformed"),
        ("http://a..example/", "link_malformed"),
        ("http://" + "a" * 64 + ".example/", "link_malformed"),
        ("http://ex%61mple.com/", "link_malformed"),
        ("http://exa$mple.com/", "link_malformed"),
        ("http://public.example/" + "a" * 2000, "link_malformed"),
    ],
)
def test_links_that_can_never_be_fetched(url: str, reason: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        check_link(url)
    assert refused.value.reason == reason
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("url", "host", "port", "target"),
    [
        (" https://Video.Example \n", "video.example", 443, "/"),
        ("HTTP://video.example:8080/a/b.mp4?x=1&y=%20#t=3", "video.example", 8080,
         "/a/b.mp4?x=1&y=%20"),
        ("http://video.example?x", "video.example", 80, "/?x"),
        ("http://bücher.example/straße.mp4?ü=ß", "xn--bcher-kva.example", 80,
         "/stra%C3%9Fe.mp4?%C3%BC=%C3%9F"),
        ("http://[2606:4700::1]:81/", "2606:4700::1", 81, "/"),
        ("http://127。0。0。1/", "127.0.0.1", 80, "/"),
        ("http://①②⑦.1/", "127.1", 80, "/"),
        ("http://video.example./", "video.example.", 80, "/"),
    ],
)  # fmt: skip
def test_how_links_are_read(url: str, host: str, port: int, target: str) -> None:
    link = parse(url)
    assert (link.host, link.port, link.target) == (host, port, target)
    assert link.url == url.strip()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "127。0。0。1", "[::1]",
     "[::ffff:10.0.0.1]", "[64:ff9b::a00:1]", "169.254.169.254", "0"],
)  # fmt: skip
def test_a_private_address_is_refused_before_anything_is_fetched(host: str) -> None:
    with pytest.raises(LinkRefused) as refused:
        check_link(f"http://{host}/v.mp4", ["192.168.0.0/16"])
    assert refused.value.reason == "link_private"


@pytest.mark.parametrize("host", ["8.8.8.8", "192.168.1.2", "[2606:4700::1]", "nas.example"])
def test_public_and_allowed_addresses_and_names_are_left_to_the_fetching(host: str) -> None:
    url = f"http://{host}/v.mp4"
    assert check_link(f" {url}\n", ["192.168.0.0/16"]) == url


@given(st.text(max_size=40), st.sampled_from(["", "http://", "https://", "http://a.example/"]))
def test_any_text_is_a_link_or_refused_in_one_line(text: str, start: str) -> None:
    try:
        link = parse(start + text)
    except LinkRefused as error:
        said = str(error)
    else:
        said = link.host + link.target
        assert said.isascii()
        assert link.target.startswith("/")
        assert not set(said) & set(" \\")
    assert said.isprintable()
