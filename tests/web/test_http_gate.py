"""What a large request is refused for by its head, before its body is received."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import create_environ

from clipkind.web.http.gate import gate
from clipkind.web.http.problems import Problem
from posting import JOBS, send


def asked(
    app: Flask,
    client: str = "127.0.0.1",
    path: str = JOBS,
    headers: dict[str, str] | None = None,
) -> Problem | None:
    """What becomes of the head of an upload."""
    environ: dict[str, Any] = create_environ(
        path,
        "http://localhost/",
        method="POST",
        content_type="multipart/form-data; boundary=x",
        headers=headers,
    )
    return gate(app)(environ | {"REMOTE_ADDR": client})


@pytest.mark.parametrize("settings", [{"rate": 1.0, "burst": 2}], indirect=True)
def test_who_had_enough_need_not_send_it(app: Flask, client: FlaskClient) -> None:
    for _ in range(3):
        assert asked(app) is None  # which counts nothing
    assert [send(client).status_code for _ in range(2)] == [202, 202]
    refused = asked(app)
    assert refused is not None
    assert (refused.status, refused.kind) == (429, "too_many_jobs")
    assert refused.headers["Retry-After"]
    assert asked(app, "192.0.2.7") is None


@pytest.mark.parametrize("settings", [{"max_queue": 1}], indirect=True)
def test_for_a_full_queue_nobody_need_send_it(app: Flask, client: FlaskClient) -> None:
    assert asked(app, path="/jobs") is None
    send(client)
    for path in (JOBS, "/jobs"):
        refused = asked(app, path=path)
        assert refused is not None
        assert (refused.status, refused.kind) == (503, "queue_full")
        assert refused.headers["Retry-After"]


def test_where_no_videos_are_taken_nothing_large_is(app: Flask) -> None:
    refused = asked(app, path="/login")
    assert refused is not None
    assert refused.status == 413


def test_an_error_in_the_store_is_a_problem_too(
    app: Flask, client: FlaskClient, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in app.extensions["clipkind"].settings.state.glob("jobs.sqlite3*"):
        file.write_bytes(b"no database " * 1000)
    refused = asked(app)
    assert refused is not None
    assert (refused.status, refused.kind) == (503, "storage")
    assert refused.id in capfd.readouterr().err
