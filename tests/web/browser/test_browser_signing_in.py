"""Signing in and out with a browser, and staying signed in until then."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from clipkind.web.http.uploads import FORM_MEMORY
from serving import Server, serving
from web.browser.conftest import NAME

if TYPE_CHECKING:
    from browser.conftest import Visit
    from playwright.sync_api import Page

TOKEN = "correct-horse-battery-staple"  # noqa: S105
UNTRUSTED = "Cross-Origin-Opener-Policy header has been ignored"
"""What the browser says to every page that comes without TLS from another machine."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that asks for a token, and is known by a name too."""
    folder = tmp_path_factory.mktemp("guarded")
    (folder / "token").write_text(f"{TOKEN}\n")
    options = ("--token-file", str(folder / "token"), "--trusted-host", NAME)
    with serving(folder / "state", *options) as server:
        yield server


@contextmanager
def elsewhere(page: str) -> Iterator[str]:
    """The address of another site, which has one page."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://localhost:{server.server_port}/"
        server.shutdown()


def sign_in(page: "Page", leads_to: str) -> None:
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(leads_to)


def test_people_sign_in_and_out_by_name_without_tls(guarded: Server, visit: "Visit") -> None:
    """There browsers send no Sec-Fetch-Site: Origin alone tells that the form is ours."""
    jobs = f"http://{NAME}:{guarded.port}/jobs"
    with visit(jobs, expected=UNTRUSTED) as page:
        sign_in(page, jobs)
        page.get_by_role("button", name="Log out").click()
        page.wait_for_url("**/login")
        page.goto(jobs)
        assert "/login" in page.url


def test_a_link_from_another_site_signs_nobody_out(guarded: Server, visit: "Visit") -> None:
    jobs = f"http://{NAME}:{guarded.port}/jobs"
    link = f'<!doctype html><title>Elsewhere</title><a href="{jobs}">The videos</a>'
    with elsewhere(link) as other, visit(jobs, expected=UNTRUSTED) as page:
        sign_in(page, jobs)
        page.goto(other)
        page.get_by_role("link", name="The videos").click()
        page.get_by_role("button", name="Log out").wait_for()
        assert page.url == jobs


@pytest.mark.parametrize("size", [1, 2 * FORM_MEMORY], ids=["small", "large"])
def test_who_is_no_longer_signed_in_is_led_to_the_door_when_sending(
    guarded: Server, visit: "Visit", size: int
) -> None:
    """A large file is refused by its head, a small one when it is there."""
    with visit(guarded.url, expected="401") as page:
        sign_in(page, f"{guarded.url}/")
        page.context.clear_cookies()
        page.set_input_files(
            "#files", {"name": "a.mp4", "mimeType": "video/mp4", "buffer": bytes(size)}
        )
        page.wait_for_url(f"{guarded.url}/login?next=/")
        sign_in(page, f"{guarded.url}/")
