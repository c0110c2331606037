"""Hostile files and names at the real server: a worker finds out, and nothing else is opened."""

import io
import os
import socket
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from serving import Server, serving

SERVE = ("--no-links", "--rate", "100000")
pytestmark = pytest.mark.usefixtures("unharmed")


@pytest.mark.parametrize(
    "name",
    [
        "../../../../tmp/evil.mp4",
        "/etc/cron.d/evil",
        "..\\..\\evil.mp4",
        "..",
        "a\0b.mp4",
        "con.mp4 ",
        "-rf.mp4",
        "$(touch evil).mp4",
        "é" * 3000,
        "\u202egpj.4pm",
        "<script>alert(1)</script>.mp4",
        '"><img src=x onerror=alert(1)>.mp4',
        "' onmouseover='alert(1)",
        "{{ 7 * 7 }}{% raw %}.mp4",
        "</title><svg/onload=alert(1)>",
        "javascript:alert(1)",
    ],
)
def test_a_name_is_shown_and_nothing_else(server: Server, name: str) -> None:
    sent = server.send(b"no video", name)
    assert sent.status == 202
    job = sent.json
    assert 0 < len(job["name"]) <= 200
    assert not set(job["name"]) & set("\0\u202e/\\") or "\\x00" in job["name"]
    found = {path.name for path in server.state.rglob("*") if path.is_file()}
    names = {"video", "secret", "lock", "jobs.sqlite3", "jobs.sqlite3-wal", "jobs.sqlite3-shm"}
    assert found <= names | {file for file in found if file.startswith("server")}
    server.over(job["id"])
    for page in (f"/jobs/{job['id']}", "/jobs", "/", f"/compare?a={job['id']}&b={job['id']}"):
        answer = server.get(page)
        assert answer.status == 200
        text = answer.body.decode()
        for bait in ("<script>alert", "<img src=x", "<svg/onload", "' onmouseover='", "49{%"):
            assert bait not in text, page
        assert 'href="javascript:' not in text


def test_markup_in_a_query_is_shown_and_nothing_else(server: Server) -> None:
    bait = "%3Cscript%3Ealert(1)%3C/script%3E%22%3E"
    for page in (
        f"/jobs?text={bait}",
        f"/?text={bait}&label={bait}",
        f"/compare?a={bait}",
        f"/{bait}",
    ):
        answer = server.get(page)
        assert answer.status in (200, 404)
        assert b"<script>alert" not in answer.body


def zipped(target: Path) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("../../evil.mp4", target.read_bytes())
    return out.getvalue()


def _text(pattern: str) -> Callable[[Path], bytes]:
    """A text in which FILE and URL stand for what it must not make anybody open."""

    def write(target: Path) -> bytes:
        return pattern.replace("FILE", str(target)).encode()

    return write


LURES: dict[str, Callable[[Path], bytes]] = {
    "zip": zipped,
    "html": _text("<!doctype html><script>alert(1)</script><video src='file://FILE'></video>"),
    "svg": _text("<svg xmlns='http://www.w3.org/2000/svg'><image href='file://FILE'/></svg>"),
    "m3u8": _text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nFILE\n#EXT-X-ENDLIST\n"),
    "m3u8 by url": _text("#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nURL\n#EXT-X-ENDLIST\n"),
    "m3u8 with a map": _text('#EXTM3U\n#EXT-X-MAP:URI="FILE"\n#EXTINF:9,\nfile://FILE\n'),
    "concat": _text("ffconcat version 1.0\nfile 'FILE'\n"),
    "concat by url": _text("ffconcat version 1.0\nfile 'URL'\n"),
    "dash": _text(
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011' type='static'><Period>"
        "<AdaptationSet mimeType='video/mp4'><Representation id='1' bandwidth='1'>"
        "<BaseURL>FILE</BaseURL></Representation></AdaptationSet></Period></MPD>"
    ),
    "sdp": _text(
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n"
    ),
    "smil": _text("<smil><body><video src='FILE'/></body></smil>"),
    "asx": _text("<asx version='3.0'><entry><ref href='URL'/></entry></asx>"),
    "real text": _text("rtsp://127.0.0.1/\n--stop--\n"),
    "link": _text("URL\n"),
    "subtitles": _text("WEBVTT\n\n00:00.000 --> 00:09.000\nhello\n"),
    "picture": _text("P6\n64 64\n255\n" + "abc" * 64 * 64),
}


@contextmanager
def listening() -> Iterator[socket.socket]:
    """A port of this machine where nobody may knock."""
    with socket.create_server(("127.0.0.1", 0)) as door:
        door.setblocking(False)
        yield door


def test_what_is_no_video_is_refused_and_opens_nothing(
    server: Server, clip: bytes, tmp_path: Path
) -> None:
    """Were a file that is named in them opened, the job would have an answer: it is a video."""
    target = tmp_path / "target.mp4"
    target.write_bytes(clip)
    lures = {kind: lure(target) for kind, lure in LURES.items()}
    os.utime(target, ns=(0, target.stat().st_mtime_ns))  # so that any reading is seen (relatime)
    with listening() as door:
        url = f"http://127.0.0.1:{door.getsockname()[1]}/a.mp4".encode()
        sent = {
            kind: server.send(lure.replace(b"URL", url), f"lure.{kind[:4]}.mp4")
            for kind, lure in lures.items()
        }
        for kind, answer in sent.items():
            job = server.over(answer.json["id"])
            assert job["state"] == "failed", kind
            assert job["reason"] in ("not_a_video", "no_video_stream"), kind
        with pytest.raises(BlockingIOError):
            door.accept()
    assert target.stat().st_atime_ns == 0
    assert server.over(server.send(clip).json["id"])["state"] == "done"


LOOPBACK = (
    "127.0.0.1", "127.1", "0", "0.0.0.0", "2130706433", "0x7f000001", "0177.0.0.1",  # noqa: S104
    "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "%31%32%37.0.0.1",
)  # fmt: skip
LOOPBACK_NAMES = ("localhost", "localhost.")


def test_no_link_leads_to_this_machine(tmp_path: Path) -> None:
    with listening() as door, serving(tmp_path / "state", "--rate", "100000") as server:
        port = door.getsockname()[1]
        for host in LOOPBACK:
            asked = server.post_json("/api/v1/jobs", {"url": f"http://{host}:{port}/a.mp4"})
            assert (asked.status, asked.code[:5]) == (422, "link_"), host
        for name in LOOPBACK_NAMES:  # which are resolved where they are fetched
            asked = server.post_json("/api/v1/jobs", {"url": f"http://{name}:{port}/a.mp4"})
            job = server.over(asked.json["id"])
            assert (job["state"], job["reason"][:5]) == ("failed", "link_"), name
        with pytest.raises(BlockingIOError):
            door.accept()


class _Silent(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Nothing: the tests' output is no log."""


def test_a_link_is_followed_where_the_operator_lets_it(tmp_path: Path, clip: bytes) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "a.mp4").write_bytes(clip)
    (tmp_path / "site" / "b.mp4").write_text("#EXTM3U\n#EXTINF:9,\na.mp4\n")
    handler = partial(_Silent, directory=str(tmp_path / "site"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        threading.Thread(target=site.serve_forever).start()
        try:
            url = f"http://127.0.0.1:{site.server_port}"
            with serving(tmp_path / "state", "--allow-network", "127.0.0.1/32") as server:
                links = [f"{url}/{name}.mp4" for name in "ab"]
                sent = [server.post_json("/api/v1/jobs", {"url": link}).json for link in links]
                video, playlist = (server.over(job["id"]) for job in sent)
            assert (video["state"], video["url"]) == ("done", links[0])
            assert playlist["state"] == "failed"
        finally:
            site.shutdown()
