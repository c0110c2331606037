"""Index files as the data set serves them, and everything else a server may answer."""

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clipkind.dataset.youtube8m import index
from clipkind.dataset.youtube8m.index import (
    YOUTUBE_ID,
    FetchError,
    Unavailable,
    category_ids,
    fetch,
    youtube_id,
)
from dataset.youtube8m.video_site import DENIED, Site

ENTRY = "/2/j/v/0215n.js"
VIDEO = "/2/j/i/nX/nXSc.js"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BACKOFF_S", 0.001)


def test_ids_come_in_the_lists_order_each_once(site: Site) -> None:
    site.answers[ENTRY] = (200, "text/javascript", b'p("0215n",["nXSc","UL00","a-_9","nXSc"]);')
    assert category_ids(site.url, "0215n") == ["nXSc", "UL00", "a-_9"]


def test_a_short_id_becomes_a_youtube_id(site: Site) -> None:
    site.answers[VIDEO] = (200, "text/javascript", b'i("nXSc","UzXQaOLQVCU");')
    assert youtube_id(site.url, "nXSc") == "UzXQaOLQVCU"


@pytest.mark.parametrize("status", [200, 403, 404])
def test_an_xml_error_means_not_available_whatever_its_status(status: int, site: Site) -> None:
    site.answers[VIDEO] = (status, "application/xml", DENIED)
    with pytest.raises(Unavailable, match="AccessDenied"):
        youtube_id(site.url, "nXSc")
    assert site.requests == [VIDEO]


def test_a_refusal_that_is_not_the_storages_own_is_not_taken_for_an_answer(site: Site) -> None:
    site.answers[VIDEO] = (403, "text/html", b"<html>log in to the network</html>")
    with pytest.raises(FetchError, match="HTTP status 403") as caught:
        youtube_id(site.url, "nXSc")
    assert not isinstance(caught.value, Unavailable)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>log in</html>",
        b'p("0zzzz",["nXSc"]);',
        b'p("0215n",["nXSc","../../etc/x"]);',
        b'p("0215n",["nXSc",7]);',
        b'p("0215n",["nXSc","UL',
        b'p("0215n",[nXSc]);',
        b'i("0215n","UzXQaOLQVCU");',
    ],
)
def test_what_is_no_index_file_is_refused_whole(body: bytes, site: Site) -> None:
    site.answers[ENTRY] = (200, "text/javascript", body)
    with pytest.raises(FetchError, match="is no index file of 0215n"):
        category_ids(site.url, "0215n")


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(found=st.from_regex(r'[\w/."-]{9,12}') | st.text())
@example(found="../../../ab")
@example(found="UzXQaOLQVC\n")
@example(found='a","bcdefgh')
def test_nothing_but_a_youtube_id_comes_out(found: str, site: Site) -> None:
    site.answers[VIDEO] = (200, "text/javascript", f'i("nXSc","{found}");'.encode())
    try:
        assert YOUTUBE_ID.fullmatch(youtube_id(site.url, "nXSc"))
    except FetchError as error:
        assert "does not hold a YouTube id" in str(error)  # noqa: PT017 - either is right


def flaky(times: int, then: bytes) -> Callable[[BaseHTTPRequestHandler], None]:
    """Fails so many times, each in another way, then answers."""
    left = iter(range(times))

    def answer(handler: BaseHTTPRequestHandler) -> None:
        turn = next(left, None)
        if turn == 0:
            handler.send_error(503)
        elif turn is not None:  # half an answer
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(then)))
            handler.end_headers()
            handler.wfile.write(then[:3])
        else:
            handler.send_response(200)
            handler.end_headers()
            handler.wfile.write(then)

    return answer


def test_trouble_that_passes_is_sat_out(site: Site) -> None:
    site.answers["/x"] = flaky(2, b"all of it")
    assert fetch(f"{site.url}/x", timeout_s=5, limit=100) == b"all of it"
    assert len(site.requests) == 3


def test_trouble_that_stays_is_reported_after_three_attempts(site: Site) -> None:
    site.answers["/x"] = (500, "text/plain", b"")
    with pytest.raises(FetchError, match="HTTP status 500"):
        fetch(f"{site.url}/x", timeout_s=5, limit=100)
    assert len(site.requests) == 3


def test_a_server_that_says_nothing_is_given_up(site: Site) -> None:
    site.answers["/x"] = lambda _handler: site.closing.wait()  # type: ignore[assignment,return-value]
    with pytest.raises(FetchError, match="timed out"):
        fetch(f"{site.url}/x", timeout_s=0.05, limit=100)
    with pytest.raises(FetchError, match=r"Connection refused|cannot be had"):
        fetch("http://127.0.0.1:9/x", timeout_s=5, limit=100)


def test_an_answer_that_is_too_large_is_not_read(site: Site) -> None:
    site.answers["/x"] = (200, "text/plain", bytes(101))
    with pytest.raises(FetchError, match="larger than 100 bytes"):
        fetch(f"{site.url}/x", timeout_s=5, limit=100)


@pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/x", "data:,x"])
def test_only_http_is_spoken_also_after_a_redirect(target: str, site: Site) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", target)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    site.answers["/x"] = redirect
    for url in (f"{site.url}/x", target):
        with pytest.raises(FetchError, match="cannot be had"):
            fetch(url, timeout_s=5, limit=1000)
