"""A web site to fetch videos from."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Site(http.server.ThreadingHTTPServer):
    """A clip at /clip, and at /never one that does not end."""

    daemon_threads = True

    def __init__(self, clip: Path) -> None:
        self.clip = clip.read_bytes()
        self.go_on = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Site

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "video/mp4")
        self.send_header("Content-Disposition", 'attachment; filename="my clip.mp4"')
        self.send_header("Content-Length", str(len(self.server.clip)))
        self.end_headers()
        if self.path == "/never":
            self.wfile.write(self.server.clip[:1000])
            self.wfile.flush()
            self.server.go_on.wait(60)
        else:
            self.wfile.write(self.server.clip)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def site_with(clip: Path) -> Iterator[Site]:
    """The site, serving."""
    with Site(clip) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.go_on.set()
        site.shutdown()
        thread.join()
