"""Who may ask what: hosts, origins, tokens, forms; and what every answer says to browsers."""

import io
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.web.app import create_app
from clipkind.web.http.door import _inside
from clipkind.web.http.limits import GUESSES_A_MINUTE
from clipkind.web.http.security import host_name, secret_key
from clipkind.web.services import services
from clipkind.web.settings import Settings

JOBS = "/api/v1/jobs"
TOKEN = "long-enough-to-be-a-token"  # noqa: S105
LINK = {"url": "https://example.org/a.mp4"}
with_token = pytest.mark.parametrize("settings", [{"token": TOKEN}], indirect=True)


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:8000", 200),
        ("localhost.", 200),
        ("127.0.0.1:1234", 200),
        ("[::1]:8000", 200),
        ("videos.example", 200),
        ("attacker.example", 421),
        ("attacker.example:8000", 421),
        ("localhost.attacker.example", 421),
        ("127.0.0.1.attacker.example", 421),
        ("attacker.example@localhost", 421),
        ("[bad", 421),
        ("x" * 300, 421),
        ("x" * 64 + ".localhost", 421),
        ("..", 421),
        ("é.example", 421),
        (" ", 421),
    ],
)
@pytest.mark.parametrize("settings", [{"trusted_hosts": ("Videos.example:443",)}], indirect=True)
def test_only_names_that_are_ours_are_answered(client: FlaskClient, host: str, status: int) -> None:
    for path in (JOBS, "/", "/healthz", "/metrics"):
        answer = client.get(path, headers={"Host": host})
        assert answer.status_code == status, path


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_host_header_gives_a_name(host: str) -> None:
    assert isinstance(host_name(host), str)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 202),
        ({"Origin": "http://localhost"}, 202),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"}, 202),
        ({"Sec-Fetch-Site": "none"}, 202),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://other.localhost"}, 403),
        ({"Origin": "http://attacker.example"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[bad"}, 403),
    ],
)
def test_pages_of_other_sites_change_nothing(
    client: FlaskClient, headers: dict[str, str], status: int
) -> None:
    answer = client.post(JOBS, json=LINK, headers=headers)
    assert answer.status_code == status
    if status == 403:
        assert answer.json["code"] == "cross_site"
        assert client.get(JOBS).json["jobs"] == []
        assert client.get(JOBS, headers=headers).status_code == 200


def form_token(client: FlaskClient, path: str = "/login") -> str:
    """What the page's form holds."""
    found = re.search(r'name="form_token" value="([^"]+)"', client.get(path).text)
    assert found
    return found[1]


def test_a_form_needs_the_token_of_its_page(app: Flask) -> None:
    client, stranger = app.test_client(), app.test_client()
    token, others = form_token(client, "/"), form_token(stranger, "/")
    sent = dict(LINK)
    assert client.post("/jobs", data=sent).status_code == 403
    assert client.post("/jobs", data={**sent, "form_token": others}).status_code == 403
    video: Any = {"video": (io.BytesIO(b"x"), "a.mp4"), "form_token": "wrong"}
    assert client.post("/jobs", data=video).status_code == 403
    assert not any(path.is_file() for path in services(app).spool.folder.rglob("*"))
    accepted = client.post("/jobs", data={**sent, "form_token": token})
    assert (accepted.status_code, client.get(JOBS).json["jobs"][0]["url"]) == (303, LINK["url"])


def test_the_cookie_is_for_this_site_and_no_script(client: FlaskClient) -> None:
    cookie = client.get("/").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    # with Strict, a link from elsewhere would sign people out
    assert "SameSite=Lax" in cookie


@with_token
def test_behind_tls_neither_cookie_nor_example_goes_without(client: FlaskClient) -> None:
    """The example has a token in it."""
    for proto, scheme in (("https", "https"), ("http", "http"), ("javascript", "http")):
        headers = {"X-Forwarded-Proto": proto, "Host": "localhost:8000"}
        cookie = client.get("/login", headers=headers).headers["Set-Cookie"]
        assert ("Secure" in cookie) == (scheme == "https")
        signed = headers | {"Authorization": f"Bearer {TOKEN}"}
        text = client.get("/api/docs", headers=signed).text
        assert set(re.findall(r"([a-z]+)://localhost:8000/api/v1/jobs", text)) == {scheme}
        client.delete_cookie("clipkind")


@with_token
def test_without_the_token_nothing_but_the_door_is_open(app: Flask) -> None:
    client, open_to_all = app.test_client(), set()
    some = {"id": "A" * 22, "job_id": "A" * 22, "k": 0, "filename": "nothing.css"}
    for rule in app.url_map.iter_rules():
        adapter = app.url_map.bind("localhost")
        path = adapter.build(rule.endpoint, {name: some[name] for name in rule.arguments})
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            answer = client.open(path, method=method)
            if answer.status_code == 302:
                assert answer.headers["Location"].startswith("/login?next=")
            elif answer.status_code != 401:
                open_to_all.add(rule.endpoint)
    assert open_to_all == {
        "static", "pages.page_css", "door.login", "door.enter", "health.alive", "health.ready"
    }  # fmt: skip


@with_token
@pytest.mark.parametrize(
    ("header", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer ", 401),
        ("Bearer ünïcode", 401),
        (f"Basic {TOKEN}", 401),
        (TOKEN, 401),
    ],
)
def test_programs_show_the_token(client: FlaskClient, header: str, status: int) -> None:
    answer = client.get(JOBS, headers={"Authorization": header})
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@with_token
def test_people_show_the_token_once(app: Flask) -> None:
    client = app.test_client()
    away = client.get("/jobs?state=done")
    assert away.status_code == 302
    fields = {
        "form_token": form_token(client, away.headers["Location"]),
        "next": "/jobs?state=done",
    }
    wrong = client.post("/login", data={**fields, "token": "not this one, surely"})
    assert wrong.status_code == 403
    assert client.get(JOBS).status_code == 401
    right = client.post("/login", data={**fields, "token": TOKEN})
    assert (right.status_code, right.headers["Location"]) == (303, "/jobs?state=done")
    assert client.get(JOBS).status_code == client.get("/jobs").status_code == 200
    # an answer that comes after a sign-out must not bring the cookie back
    assert "Set-Cookie" not in client.get(JOBS).headers
    assert TOKEN not in str(client.get_cookie("clipkind"))
    client.post("/logout", data={"form_token": form_token(client, "/")})
    assert client.get(JOBS).status_code == 401


def test_a_cookie_tells_nothing_to_try_tokens_on(tmp_path: Path) -> None:
    """Who reads it, and knows how it is made, lacks the key of the server that made it."""
    marks = set()
    for name in ("one", "other"):
        app = create_app(Settings(state=tmp_path / name, token=TOKEN))
        client = app.test_client()
        client.post("/login", data={"form_token": form_token(client), "token": TOKEN})
        with client.session_transaction() as session:
            marks.add(session["in"])
        services(app).thumbnails.close()
        services(app).store.close()
    assert len(marks) == 2


@with_token
def test_guessing_is_slow(client: FlaskClient) -> None:
    def ask(token: str, address: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        where = {"REMOTE_ADDR": address}
        return client.get(JOBS, headers=headers, environ_overrides=where).status_code

    guesses = [ask(f"guess {k}", "192.0.2.1") for k in range(int(GUESSES_A_MINUTE) + 1)]
    assert set(guesses[:-1]) == {401}
    assert guesses[-1] == 429
    assert ask("another guess", "192.0.2.2") == 401
    assert ask(TOKEN, "192.0.2.1") == 200  # a proxy may be at that address, with everyone behind it


@with_token
def test_wrong_tokens_are_counted_and_who_shows_them_is_logged(
    app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    client = app.test_client()
    right = {"Authorization": f"Bearer {TOKEN}"}
    for address in ("192.0.2.1", "192.0.2.1", "192.0.2.2"):
        where = {"REMOTE_ADDR": address}
        for headers in ({"Authorization": "Bearer a guess"}, {}, right):
            client.get(JOBS, headers=headers, environ_overrides=where)
        sent = {"form_token": form_token(client), "token": "another guess"}
        client.post("/login", data=sent, environ_overrides=where)
    logged = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    told = [(line["event"], line["client"]) for line in logged]
    assert told == [("wrong_token", "192.0.2.1"), ("wrong_token", "192.0.2.2")]
    assert "clipkind_wrong_tokens_total 6.0" in client.get("/metrics", headers=right).text


@pytest.mark.parametrize(
    ("following", "to"),
    [
        ("/jobs?state=done", "/jobs?state=done"),
        ("", "/"),
        ("jobs", "/"),
        ("//attacker.example", "/"),
        ("/\\attacker.example", "/"),
        ("\\\\attacker.example", "/"),
        ("https://attacker.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/\t/attacker.example", "/"),
        ("/\n/attacker.example", "/"),
        ("http:///attacker.example", "/"),
    ],
)
def test_the_door_leads_nowhere_else(following: str, to: str) -> None:
    assert _inside(following) == to


def test_every_answer_says_what_browsers_may_do(app: Flask) -> None:
    client = app.test_client()
    for path in (
        "/",
        "/jobs",
        "/model",
        JOBS,
        "/nothing",
        "/api/v1/nothing",
        "/healthz",
        "/metrics",
    ):
        headers = client.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
        assert headers["Cache-Control"] == "no-store"


def test_the_key_of_cookies_is_for_the_server_alone_and_stays(tmp_path: Path) -> None:
    file = tmp_path / "state" / "secret"
    assert secret_key(file) == secret_key(file)
    assert len(secret_key(file)) == 32
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret_key(tmp_path / "other" / "secret") != secret_key(file)


def test_files_are_taken_only_where_videos_are(client: FlaskClient, app: Flask) -> None:
    token = form_token(client)
    video: Any = {"video": (io.BytesIO(b"x"), "a.mp4"), "form_token": token, "token": "x"}
    assert client.post("/login", data=video).status_code == 415
    assert not any(path.is_file() for path in services(app).spool.folder.rglob("*"))
