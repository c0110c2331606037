"""Web pages with videos, by yt-dlp, from sites on loopback."""

from pathlib import Path

import pytest

from clipkind.web.links import LinkReason
from clipkind.web.links.pages import is_known_site
from media import numbered_frames, write_video
from web.links.link_site import PRIVATE, PUBLIC, Client, Site, body, page, redirect

pytest.importorskip("yt_dlp", reason="web pages need clipkind[youtube]")

PIECES = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
"""How a list of pieces begins."""


def test_the_video_of_a_page(client: Client, site: Site, private: Site, clip: bytes) -> None:
    site.answers["/watch"] = page({"name": "Café <b>\n", "contentUrl": f"{site.url}/v.mp4"})
    site.answers["/v.mp4"] = body(clip)
    fetched = client.fetch(f"{site.url}/watch")
    assert client.target.read_bytes() == clip
    assert fetched.size == len(clip)
    assert fetched.name.startswith("Café <b>")
    assert fetched.name.isprintable()


@pytest.mark.parametrize(
    ("video", "reason"),
    [
        ({"contentUrl": f"http://{PRIVATE}:PORT/v.mp4"}, LinkReason.PRIVATE),
        ({"contentUrl": "http://inside.example:PORT/v.mp4"}, LinkReason.PRIVATE),
        ({"contentUrl": f"http://{PUBLIC}:PORT/away.mp4"}, LinkReason.PRIVATE),
        ({"contentUrl": f"http://{PUBLIC}:PORT/inside.m3u8"}, LinkReason.PRIVATE),
        ({"contentUrl": "file:///etc/passwd"}, LinkReason.PAGE),
        ({"contentUrl": "rtmp://127.0.0.1/v.mp4"}, LinkReason.PAGE),
        (None, LinkReason.PAGE),
    ],
)
def test_pages_that_lead_astray(
    client: Client, site: Site, private: Site, video: dict[str, str] | None, reason: LinkReason
) -> None:
    port = str(site.port)
    described = {key: value.replace("PORT", port) for key, value in (video or {}).items()}
    site.answers["/watch"] = page(*([{"name": "x", **described}] if video else []))
    site.answers["/away.mp4"] = redirect(f"http://{PRIVATE}:{port}/v.mp4")
    inside = f"{PIECES}#EXTINF:1,\nhttp://{PRIVATE}:{port}/0.ts\n#EXT-X-ENDLIST\n"
    site.answers["/inside.m3u8"] = body(inside.encode(), "application/vnd.apple.mpegurl")
    with client.refused(reason):
        client.fetch(f"{site.url}/watch", {"inside.example": [[PRIVATE]]})


def test_a_name_that_turns_private_between_page_and_video(
    client: Client, site: Site, private: Site, clip: bytes
) -> None:
    """Each connection is judged: the look at the link, the page, and then the video."""
    url = f"http://turning.example:{site.port}"
    site.answers["/watch"] = page({"name": "x", "contentUrl": f"{url}/v.mp4"})
    site.answers["/v.mp4"] = body(clip)
    for public in (1, 2):
        answers = [[PUBLIC]] * public + [[PRIVATE]]
        with client.refused(LinkReason.PRIVATE):
            client.fetch(f"{url}/watch", {"turning.example": answers})


def test_pages_that_send_readers_on(client: Client, site: Site, private: Site) -> None:
    to = f"http://{PRIVATE}:{site.port}/v.mp4"
    text = f'<html><meta http-equiv="refresh" content="0; url={to}"></html>'
    site.answers["/watch"] = body(text.encode(), "text/html")
    with client.refused(LinkReason.PRIVATE):
        client.fetch(f"{site.url}/watch")


def test_sites_that_are_asked_for_by_name() -> None:
    """They may turn away who is no browser: yt-dlp then has a try all the same."""
    assert is_known_site("https://www.youtube.com/watch?v=dQw4w9WgXcQ")
    assert not is_known_site("https://video.example/film.mp4")


def test_pages_with_several_videos(client: Client, site: Site, clip: bytes) -> None:
    videos = [{"name": n, "contentUrl": f"{site.url}/{n}.mp4"} for n in ("a", "b")]
    frames = "".join(f'<video src="{v["contentUrl"]}"></video>' for v in videos)
    site.answers["/watch"] = body(f"<html>{frames}</html>".encode(), "text/html")
    for name in ("a", "b"):
        site.answers[f"/{name}.mp4"] = body(clip)
    with client.refused(LinkReason.UNSUPPORTED):
        client.fetch(f"{site.url}/watch")


def test_feeds_are_no_video(client: Client, site: Site) -> None:
    items = "".join(f"<item><link>{site.url}/{n}</link></item>" for n in range(3))
    feed = f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'
    site.answers["/feed"] = body(feed.encode(), "text/html")
    with client.refused(LinkReason.UNSUPPORTED):
        client.fetch(f"{site.url}/feed")
    assert {path for path, _ in site.requests} == {"/feed"}


def test_live_streams_have_no_end(client: Client, site: Site) -> None:
    live = f"{PIECES}#EXTINF:1,\n/0.ts\n"
    site.answers["/v.m3u8"] = body(live.encode(), "application/vnd.apple.mpegurl")
    site.answers["/watch"] = page({"name": "x", "contentUrl": f"{site.url}/v.m3u8"})
    with client.refused(LinkReason.UNSUPPORTED):
        client.fetch(f"{site.url}/watch")


def test_a_video_in_pieces(client: Client, site: Site, tmp_path: Path) -> None:
    clip = write_video(tmp_path / "clip.ts", numbered_frames(25)).read_bytes()
    middle = len(clip) // 376 * 188
    parts = {"/0.ts": clip[:middle], "/1.ts": clip[middle:]}
    listing = PIECES + "".join(f"#EXTINF:1,\n{each}\n" for each in parts) + "#EXT-X-ENDLIST\n"
    site.answers["/v.m3u8"] = body(listing.encode(), "application/vnd.apple.mpegurl")
    for path, part in parts.items():
        site.answers[path] = body(part, "video/mp2t")
    site.answers["/watch"] = page({"name": "x", "contentUrl": f"{site.url}/v.m3u8"})
    client.fetch(f"{site.url}/watch")
    assert client.target.read_bytes() == clip


@pytest.mark.parametrize("honest", [True, False])
def test_too_many_bytes(client: Client, site: Site, clip: bytes, honest: bool) -> None:
    site.answers["/watch"] = page({"name": "x", "contentUrl": f"{site.url}/v.mp4"})
    site.answers["/v.mp4"] = body(bytes(2_000_000)) if honest else site.endless(chunked=False)
    with client.refused(LinkReason.TOO_LARGE):
        client.fetch(f"{site.url}/watch", max_size=1_000_000)


def test_cancelled(client: Client, site: Site) -> None:
    first = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 9000\r\n\r\n"
    site.answers["/watch"] = page({"name": "x", "contentUrl": f"{site.url}/v.mp4"})
    site.answers["/v.mp4"] = site.drip(first)
    client.go_on = lambda: ("/v.mp4", site.url[7:]) not in site.requests
    with client.refused(LinkReason.CANCELLED):
        client.fetch(f"{site.url}/watch")
    assert site.left.wait(10)
