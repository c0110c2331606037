"""Following a job: every change is told, the last one ends the stream, and streams are few."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clipkind.web.api import documented, events
from clipkind.web.api.events import wait_until_over
from clipkind.web.app import create_app
from clipkind.web.jobs.job import NewJob
from clipkind.web.services import Services, services
from clipkind.web.settings import Settings


def add(known: Services) -> str:
    id = known.spool.new_id()
    new = NewJob(id=id, source="upload", name="a.mp4", model=known.models.default)
    return known.store.add(new, 100).id


def told(chunks: Iterator[bytes]) -> Iterator[dict[str, Any]]:
    """The jobs of a stream."""
    for chunk in chunks:
        for event in chunk.decode().split("\n\n"):
            if event.startswith("event: job\ndata: "):
                yield json.loads(event.removeprefix("event: job\ndata: "))


def test_every_step_is_told_and_the_last_ends_the_stream(
    client: FlaskClient, known: Services
) -> None:
    id = add(known)
    answer = client.get(f"/api/v1/jobs/{id}/events")
    assert answer.content_type == "text/event-stream; charset=utf-8"
    jobs = told(answer.response)
    assert next(jobs) == client.get(f"/api/v1/jobs/{id}").json
    known.store.claim("test")
    assert next(jobs)["state"] == "running"
    known.store.progress(id, "decoding", 12, 64)
    now = next(jobs)
    assert (now["step"], now["done"], now["total"]) == ("decoding", 12, 64)
    known.store.finish(id, {"label": "Gaming"})
    last = next(jobs)
    assert (last["state"], last["result"]) == ("done", {"label": "Gaming"})
    assert last == client.get(f"/api/v1/jobs/{id}").json
    assert list(jobs) == []
    answer.close()


def test_a_job_that_is_over_is_told_once(client: FlaskClient, known: Services) -> None:
    id = add(known)
    client.delete(f"/api/v1/jobs/{id}")
    with client.get(f"/api/v1/jobs/{id}/events") as answer:
        (job,) = told(answer.response)
    assert job["state"] == "cancelled"


def test_the_place_in_the_queue_is_told_as_it_changes(client: FlaskClient, known: Services) -> None:
    first, second = add(known), add(known)
    with client.get(f"/api/v1/jobs/{second}/events") as answer:
        jobs = told(answer.response)
        assert next(jobs)["place"] == 2
        known.store.cancel(first)
        assert next(jobs)["place"] == 1


def test_a_deleted_job_ends_its_stream(client: FlaskClient, known: Services) -> None:
    id = add(known)
    with client.get(f"/api/v1/jobs/{id}/events") as answer:
        chunks = iter(answer.response)
        next(chunks)
        known.store.cancel(id)
        known.store.delete(id)
        assert b"event: gone" in b"".join(chunks)


@pytest.mark.parametrize("settings", [{"streams": 2}], indirect=True)
def test_too_many_streams_are_sent_to_ask_instead(client: FlaskClient, known: Services) -> None:
    path = f"/api/v1/jobs/{add(known)}/events"
    held = [client.get(path), client.get(path)]
    refused = client.get(path)
    assert (refused.status_code, refused.json["code"]) == (503, "too_many_streams")
    assert refused.headers["Retry-After"]
    for answer in held:  # whether anything was read of it or not
        answer.close()
        answer.close()
    held = [client.get(path), client.get(path)]
    assert [answer.status_code for answer in held] == [200, 200]
    for answer in held:
        answer.close()


def test_a_stream_ends_with_its_client_and_with_the_server(
    app: Flask, known: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "HEARTBEAT_S", 0.0)
    id, gone = add(known), threading.Event()
    client = app.test_client()
    path = f"/api/v1/jobs/{id}/events"
    lively = client.get(path, environ_overrides={"waitress.client_disconnected": gone.is_set})
    chunks = iter(lively.response)
    assert any(chunk.startswith(b":") for chunk in chunks)  # a sign of life where nothing changes
    gone.set()
    list(chunks)
    lively.close()
    other = client.get(path)
    chunks = iter(other.response)
    next(chunks)
    known.closing.set()
    list(chunks)
    other.close()


def test_an_answer_is_not_waited_for_when_its_client_is_gone(
    tmp_path: Path, dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(documented, "LONGEST_S", 1.0)
    app, asked = create_app(Settings(state=tmp_path / "state", dataset=dataset)), []

    def gone() -> bool:
        asked.append(True)
        return True

    there = {"waitress.client_disconnected": gone}
    form = {"selected_video": "cat.mp4"}
    answer = app.test_client().post("/api/classify", data=form, environ_overrides=there)
    services(app).thumbnails.close()
    services(app).store.close()
    assert answer.status_code == 503
    assert asked


def test_waiting_ends_with_the_job_or_in_time(known: Services) -> None:
    id = add(known)
    assert wait_until_over(known, id, 0.3) is None
    ending = threading.Timer(0.3, known.store.cancel, (id,))
    ending.start()
    job = wait_until_over(known, id, 60)
    ending.join()
    assert job is not None
    assert job.state == "cancelled"
