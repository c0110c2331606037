"""A local server in the formats of the data set's index files and of a site with videos."""

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

DENIED = (
    b"<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code>"
    b"<Message>Access denied.</Message></Error>"
)
VOCABULARY = """Index,TrainVideoCount,KnowledgeGraphId,Name,WikiUrl,Vertical1,Vertical2,Vertical3,\
WikiDescription
0,788288,/m/03bt1gh,Game,https://en.wikipedia.org/wiki/Game,Games,,,"A game, structured,
is ""play""."
1,4000,/m/0215n,Cartoon,https://en.wikipedia.org/wiki/Cartoon,Arts & Entertainment,,,
2,3000,/m/01lg_z,Naruto,,Arts & Entertainment,,,
3,200,/m/0xxxx,,,(Unknown),,,
4,190,/m/0bgb1,AC/DC,,Arts & Entertainment,,,
5,180,/m/0tw1,Twin,,(Unknown),,,
6,170,/m/0tw2,Twin,,(Unknown),,,
"""

Answer = tuple[int, str, bytes]
"""Status, content type, body."""


class Site:
    """`answers` by path: an answer, or a function that speaks for itself."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.requests: list[str] = []
        self.closing = threading.Event()
        self.reached = threading.Event()
        """Somebody waits for a video that never comes."""
        self.left = threading.Event()
        """Nobody does any longer."""
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.requests.append(self.path)
                answer = site.answers.get(self.path, (404, "text/plain", b"nothing there"))
                if callable(answer):
                    answer(self)
                    return
                status, kind, body = answer
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign] - they hang up
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.answers["/vocabulary.csv"] = (200, "text/csv", VOCABULARY.encode())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def list(self, category: str, short_ids: Iterable[str]) -> None:
        text = f'p("{category}",{json.dumps(list(short_ids), separators=(",", ":"))});'
        self.answers[f"/2/j/v/{category}.js"] = (200, "application/javascript", text.encode())

    def resolve(self, short_id: str, youtube_id: str | None) -> None:
        """`None`: the video is no longer public."""
        path = f"/2/j/i/{short_id[:2]}/{short_id}.js"
        text = f'i("{short_id}","{youtube_id}");'
        self.answers[path] = (200, "application/javascript", text.encode())
        if youtube_id is None:
            self.answers[path] = (403, "application/xml; charset=UTF-8", DENIED)

    def video(self, short_id: str, clip: bytes) -> str:
        """A public video; returns its YouTube id."""
        youtube_id = f"-{short_id}_ytID1"[:11]
        self.resolve(short_id, youtube_id)
        self.answers[f"/{youtube_id}.mp4"] = (200, "video/mp4", clip)
        return youtube_id

    def page(self, youtube_id: str, clip: bytes, **about: object) -> None:
        """Put a page that describes the video in place of the bare file."""
        self.answers[f"/files/{youtube_id}.mp4"] = (200, "video/mp4", clip)
        described = {
            "@context": "https://schema.org",
            "@type": "VideoObject",
            "contentUrl": f"{self.url}/files/{youtube_id}.mp4",
            **about,
        }
        text = f'<html><script type="application/ld+json">{json.dumps(described)}</script></html>'
        self.answers[f"/{youtube_id}.mp4"] = (200, "text/html", text.encode())

    def hang(self, youtube_id: str, clip: bytes) -> None:
        """Let yt-dlp have its look at the file, then send half of it and the rest by drops."""
        turns = iter(("look",))

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "video/mp4")
            handler.send_header("Content-Length", str(len(clip)))
            handler.end_headers()
            if next(turns, None):
                handler.wfile.write(clip)
                return
            handler.wfile.write(clip[: len(clip) // 2])
            self.reached.set()
            handler.connection.settimeout(0.1)
            try:
                for place in range(len(clip) // 2, len(clip)):
                    with suppress(TimeoutError):
                        if not handler.connection.recv(1):
                            break
                    if self.closing.is_set():
                        break
                    handler.wfile.write(clip[place : place + 1])  # no silence to give up for
            finally:
                self.left.set()

        self.answers[f"/{youtube_id}.mp4"] = answer

    def endless(self, youtube_id: str, clip: bytes) -> None:
        """Send the clip and then zeros for ever, without saying how much it will be."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(200)
            handler.send_header("Content-Type", "video/mp4")
            handler.end_headers()
            handler.wfile.write(clip)
            while not self.closing.is_set():
                handler.wfile.write(bytes(1 << 16))

        self.answers[f"/{youtube_id}.mp4"] = answer

    def asked_for(self, youtube_id: str) -> bool:
        return f"/{youtube_id}.mp4" in self.requests
