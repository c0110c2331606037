"""Who cancels a job need not wait a day for the room its video takes."""

import sqlite3

import pytest
from flask.testing import FlaskClient

from clipkind.web.jobs.job import Job
from clipkind.web.services import Services
from posting import finished
from web.jobs import new_job
from web.reading_pages import page_at


def received(known: Services) -> Job:
    new = new_job(name="clip")
    with known.spool.receive(new.id) as file:
        file.write(b"a video")
    return known.store.add(new, 10)


def cancel(client: FlaskClient, id: str, way: str) -> int:
    if way == "api":
        return client.delete(f"/api/v1/jobs/{id}").status_code
    token = page_at(client, f"/jobs/{id}").all("input", name="form_token")[0]["value"]
    return client.post(f"/jobs/{id}/cancel", data={"form_token": token}).status_code


@pytest.mark.parametrize("way", ["api", "page"])
def test_a_cancelled_upload_is_deleted_at_once(
    client: FlaskClient, known: Services, way: str
) -> None:
    job = received(known)
    assert cancel(client, job.id, way) in (202, 303)
    after = known.store.get(job.id)
    assert after is not None
    assert (after.state, after.kept) == ("cancelled", False)
    assert known.spool.used() == 0


@pytest.mark.parametrize("way", ["api", "page"])
def test_the_upload_of_a_job_under_way_stays_until_its_worker_let_go(
    client: FlaskClient, known: Services, way: str
) -> None:
    job = received(known)
    known.store.claim("a worker")
    assert cancel(client, job.id, way) in (202, 303)
    assert not known.store.wanted(job.id)
    assert known.spool.video(job.id).exists()


def test_deleting_makes_room_before_it_needs_some(client: FlaskClient, known: Services) -> None:
    """On a full disk the store cannot write until files are gone."""
    id = finished(known)
    known.spool.keep_frames(id, [b"jpeg"])
    with sqlite3.connect(known.settings.database) as db:
        db.execute(
            "CREATE TRIGGER t BEFORE DELETE ON jobs BEGIN "
            "SELECT RAISE(ABORT, 'database or disk is full'); END"
        )
    db.close()
    assert client.delete(f"/api/v1/jobs/{id}").status_code >= 500
    assert known.spool.used() == 0
    with sqlite3.connect(known.settings.database) as db:
        db.execute("DROP TRIGGER t")
    db.close()
    assert client.delete(f"/api/v1/jobs/{id}").status_code == 204
