"""Direct links: what is fetched, what is refused before anything is connected to, and the caps."""

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from clipkind.errors import ClipkindError
from clipkind.web.links import LinkReason, LinkRefused
from clipkind.web.links.address import Judge
from clipkind.web.links.fetch import Limits, fetch_file
from clipkind.web.links.resolver import Resolver
from web.inside import children
from web.links.link_site import (
    PRIVATE,
    PUBLIC,
    Answer,
    Client,
    Handler,
    Site,
    body,
    redirect,
    status,
)


def raw(*pieces: bytes) -> Answer:
    """Exactly these bytes, then the end."""

    def answer(handler: Handler) -> None:
        with contextlib.suppress(OSError):
            for piece in pieces:
                handler.wfile.write(piece)

    return answer


def test_a_good_link_ends_as_the_same_bytes(client: Client, site: Site, clip: bytes) -> None:
    site.answers["/films/my%20clip.mp4?a=1"] = body(clip)
    names = {"video.example": [[PUBLIC]]}
    url = f"http://video.example:{site.port}/films/my%20clip.mp4?a=1#t=2"
    fetched = client.fetch(url, names)
    assert client.target.read_bytes() == clip
    assert (fetched.name, fetched.size) == ("my clip.mp4", len(clip))
    assert list(client.folder.iterdir()) == [client.target]
    assert site.requests == [("/films/my%20clip.mp4?a=1", f"video.example:{site.port}")]


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('attachment; filename="film.mp4"', "film.mp4"),
        ("attachment; filename*=UTF-8''caf%C3%A9.mp4", "café.mp4"),
        ('attachment; filename="../../etc/passwd"', "passwd"),
        ('attachment; filename="C:\\\\film.mp4"', "film.mp4"),
        ('attachment; filename="<b>.mp4"', "<b>.mp4"),  # escaped where it is shown
        (f'attachment; filename="{"x" * 500}"', "x" * 200),
        ("attachment; filename*=UTF-8''a%0Ab%1B.mp4", "a\\x0ab\\x1b.mp4"),
        ("attachment", "v"),
        ('attachment; filename="/"', PUBLIC),
    ],
)
def test_names_are_for_people_only(client: Client, site: Site, disposition: str, name: str) -> None:
    site.answers["/v/"] = body(b"bytes", Content_Disposition=disposition)
    assert client.fetch(f"{site.url}/v/").name == name


LOOPBACK = (
    *("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "0177.0.0.1"),
    *("017700000001", "127.0.0.01", "127。0。0。1", "①②⑦.0.0.1", "0", "0.0.0.0"),  # noqa: S104
    *("[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:127.0.0.1]"),
    *("local.example", "LOCAL.example", "loop.example"),
)
NAMES = {"local.example": [["127.0.0.1"]], "loop.example": [["8.8.8.8", "127.0.0.1"]]}


@pytest.mark.parametrize("host", LOOPBACK)
def test_this_machine_is_never_connected_to(client: Client, site: Site, host: str) -> None:
    site.answers["/v.mp4"] = body(b"secret")
    with client.refused(LinkReason.PRIVATE):
        client.fetch(f"http://{host}:{site.port}/v.mp4", NAMES, allowed=())
    assert site.callers == 0


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "localhost."])
def test_names_of_this_machine_that_the_system_knows(client: Client, site: Site, host: str) -> None:
    with client.refused(LinkReason.PRIVATE):
        client.fetch(f"http://{host}:{site.port}/", {host.lower(): [["127.0.0.1", "::1"]]},
                     allowed=())  # fmt: skip
    assert site.callers == 0


@pytest.mark.parametrize(
    "host",
    ["169.254.169.254", "[::ffff:169.254.169.254]", "0xa9fea9fe", "10.1.2.3", "012.1.2.3",
     "172.16.0.1", "192.168.0.1", "100.100.100.200", "[::1]", "[::]", "[fc00::1]",
     "[fd00:ec2::254]", "[fe80::1]", "[ff02::1]", "224.0.0.1", "255.255.255.255", "[2002:7f00:1::]",
     "[64:ff9b::a9fe:a9fe]", "metadata.example"],
)  # fmt: skip
def test_no_other_private_host_is_either(client: Client, host: str) -> None:
    """Nothing listens there, and a connection would fail otherwise: `link_unreachable`."""
    names = {"metadata.example": [["169.254.169.254"]]}
    with client.refused(LinkReason.PRIVATE):
        client.fetch(f"http://{host}/latest/meta-data/", names)


def test_a_name_nobody_knows(client: Client) -> None:
    with client.refused(LinkReason.UNRESOLVED):
        client.fetch("http://nowhere.example/v.mp4")


@pytest.mark.parametrize(
    ("to", "reason"),
    [
        (f"http://{PRIVATE}:PORT/v.mp4", LinkReason.PRIVATE),
        (f"//{PRIVATE}:PORT/v.mp4", LinkReason.PRIVATE),
        ("http://0x7f000002:PORT/v.mp4", LinkReason.PRIVATE),
        ("http://169.254.169.254/latest/", LinkReason.PRIVATE),
        ("http://inside.example:PORT/v.mp4", LinkReason.PRIVATE),
        (f"http://{PUBLIC}:PORT@{PRIVATE}:PORT/v.mp4", LinkReason.CREDENTIALS),
        ("file:///etc/passwd", LinkReason.SCHEME),
        ("ftp://127.0.0.1/v.mp4", LinkReason.SCHEME),
        ("gopher://127.0.0.1:25/_HELO", LinkReason.SCHEME),
        ("data:video/mp4,x", LinkReason.SCHEME),
        ("http://[", LinkReason.MALFORMED),
        ("", LinkReason.STATUS),
    ],
)
def test_redirects_are_judged_anew(
    client: Client, site: Site, private: Site, to: str, reason: LinkReason
) -> None:
    site.answers["/a"] = redirect(to.replace("PORT", str(site.port)))
    with client.refused(reason):
        client.fetch(f"{site.url}/a", {"inside.example": [[PRIVATE]]})
    assert [path for path, _ in site.requests] == ["/a"]


def test_a_name_that_turns_private_is_not_asked_for_twice(
    client: Client, site: Site, private: Site
) -> None:
    """The connection goes to the address that was judged; the next hop is judged anew."""
    site.answers["/v.mp4"] = body(b"public")
    turning = {"turning.example": [[PUBLIC], [PRIVATE]]}
    client.fetch(f"http://turning.example:{site.port}/v.mp4", turning)
    assert client.target.read_bytes() == b"public"
    site.answers["/a"] = redirect("/v.mp4")
    with client.refused(LinkReason.PRIVATE):
        client.fetch(f"http://turning.example:{site.port}/a", turning)


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
def test_redirects_are_followed(client: Client, site: Site, clip: bytes, code: int) -> None:
    site.answers["/a/b"] = redirect("../c/filmé.mp4".encode().decode("latin-1"), code)
    site.answers["/c/film%C3%A9.mp4"] = body(clip)
    assert client.fetch(f"{site.url}/a/b").name == "filmé.mp4"
    assert client.target.read_bytes() == clip


def test_five_redirects_and_no_more(client: Client, site: Site) -> None:
    for place in range(5):
        site.answers[f"/{place}"] = redirect(f"/{place + 1}")
    site.answers["/5"] = body(b"there")
    client.fetch(f"{site.url}/0")
    assert client.target.read_bytes() == b"there"
    site.answers["/5"] = redirect("/0")
    with client.refused(LinkReason.REDIRECTS):
        client.fetch(f"{site.url}/0")
    assert len(site.requests) == 12


@pytest.mark.parametrize("code", [206, 403, 404])
def test_other_answers_are_no_video(client: Client, site: Site, code: int) -> None:
    site.answers["/v.mp4"] = status(code)
    with client.refused(LinkReason.STATUS):
        client.fetch(f"{site.url}/v.mp4")


@pytest.mark.parametrize(
    ("pieces", "reason"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", b"short"], LinkReason.INCOMPLETE),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort"],
         LinkReason.INCOMPLETE),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n"],
         LinkReason.INCOMPLETE),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"], LinkReason.UNREACHABLE),
        ([b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000 + b"\r\n"], LinkReason.UNREACHABLE),
        ([b"SSH-2.0-OpenSSH_9.2\r\n"], LinkReason.UNREACHABLE),
        ([], LinkReason.UNREACHABLE),
    ],
)  # fmt: skip
def test_servers_that_break_off_or_speak_otherwise(
    client: Client, site: Site, pieces: list[bytes], reason: LinkReason
) -> None:
    site.answers["/v.mp4"] = raw(*pieces)
    with client.refused(reason):
        client.fetch(f"{site.url}/v.mp4")


def test_more_than_was_announced_is_left(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n12345678")
    assert client.fetch(f"{site.url}/v.mp4").size == 5
    assert client.target.read_bytes() == b"12345"


def test_a_negative_length_says_nothing(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = raw(b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n12345678")
    assert client.fetch(f"{site.url}/v.mp4").size == 8


def test_compressed_bodies_are_not_unpacked(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = body(b"bomb", Content_Encoding="gzip")
    with client.refused(LinkReason.UNSUPPORTED):
        client.fetch(f"{site.url}/v.mp4")


def test_too_many_bytes_by_announcement(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10000001\r\n\r\n")
    with client.refused(LinkReason.TOO_LARGE):
        client.fetch(f"{site.url}/v.mp4")
    site.answers["/v.mp4"] = body(bytes(1000))
    assert client.fetch(f"{site.url}/v.mp4", max_size=1000).size == 1000


@pytest.mark.parametrize("chunked", [False, True])
def test_too_many_bytes_by_counting(client: Client, site: Site, chunked: bool) -> None:
    site.answers["/v.mp4"] = site.endless(chunked)
    with client.refused(LinkReason.TOO_LARGE):
        client.fetch(f"{site.url}/v.mp4", max_size=1_000_000)
    assert site.left.wait(10)


def test_bytes_are_counted_before_they_are_written(site: Site, tmp_path: Path) -> None:
    """Here in this process, whose files the system does not limit."""
    site.answers["/v.mp4"] = site.endless(chunked=False)
    resolver = Resolver(Judge.of([PUBLIC]), {})
    limits = Limits(100_000, time.monotonic() + 60)
    with pytest.raises(LinkRefused) as refused:
        fetch_file(f"{site.url}/v.mp4", tmp_path / "v", resolver, limits, lambda *_: None)
    assert refused.value.reason == LinkReason.TOO_LARGE
    assert (tmp_path / "v").stat().st_size <= limits.max_size


@pytest.mark.parametrize("first", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_servers_that_take_for_ever(client: Client, site: Site, first: bytes) -> None:
    """Drops keep any limit on silence from striking; the whole has one."""
    site.answers["/v.mp4"] = site.drip(first)
    with client.refused(LinkReason.TIMEOUT):
        client.fetch(f"{site.url}/v.mp4", timeout_s=1.0)
    assert site.left.wait(10)


def test_cancelled(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = site.drip(b"HTTP/1.1 200 OK\r\nContent-Length: 9000\r\n\r\n")
    client.go_on = lambda: not any(done for done, _ in client.progress)
    with client.refused(LinkReason.CANCELLED):
        client.fetch(f"{site.url}/v.mp4")
    assert client.progress[-1][1] == 9000
    assert site.left.wait(10)


def test_cancelled_while_nothing_comes(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = site.silence
    client.go_on = lambda: len(client.progress) < 3
    with client.refused(LinkReason.CANCELLED):
        client.fetch(f"{site.url}/v.mp4")


def test_whoever_is_told_of_progress_may_raise(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = site.drip()

    def full() -> bool:
        raise BufferError("no room")

    client.go_on = full
    with pytest.raises(BufferError):
        client.fetch(f"{site.url}/v.mp4")
    assert list(client.folder.iterdir()) == []


def test_what_was_there_before_goes_when_it_fails(client: Client, site: Site) -> None:
    leftover = client.folder / "job.fetch"
    leftover.mkdir()
    (leftover / "video").write_bytes(b"of a worker that was killed")
    client.target.write_bytes(b"old")
    with client.refused(LinkReason.STATUS):
        client.fetch(f"{site.url}/v.mp4")
    client.target.write_bytes(b"old")
    with client.refused(LinkReason.SCHEME):
        client.fetch("file:///etc/passwd")


def test_proxies_of_the_environment_are_not_used(
    client: Client, site: Site, private: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, private.url)
    site.answers["/v.mp4"] = body(b"direct")
    client.fetch(f"{site.url}/v.mp4")
    assert client.target.read_bytes() == b"direct"


def test_another_address_is_tried_where_one_is_silent(client: Client, site: Site) -> None:
    site.answers["/v.mp4"] = body(b"here")
    names = {"two.example": [["127.0.0.3", PUBLIC]]}
    client.fetch(f"http://two.example:{site.port}/v.mp4", names, allowed=("127.0.0.0/29",))
    assert client.target.read_bytes() == b"here"


def test_a_network_that_is_none(client: Client) -> None:
    with pytest.raises(ClipkindError, match="is not a network"):
        client.fetch("http://a.example/", allowed=("inside",))


def test_nothing_is_left_running(client: Client, site: Site) -> None:
    """Neither processes nor open files of this one."""
    site.answers["/v.mp4"] = body(b"x")
    client.fetch(f"{site.url}/v.mp4")
    before, others = _open_files(), set(children(os.getpid()))
    for reason in (LinkReason.STATUS, LinkReason.UNRESOLVED):
        with client.refused(reason):
            client.fetch("http://a.example/" if reason.endswith("ved") else f"{site.url}/none")
    client.fetch(f"{site.url}/v.mp4")
    assert _settles(lambda: _open_files() <= before)
    assert set(children(os.getpid())) <= others


def _open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def _settles(check: Callable[[], bool]) -> bool:
    """The server's threads close their ends in their own time."""
    for _ in range(100):
        if check():
            return True
        time.sleep(0.05)
    return False
