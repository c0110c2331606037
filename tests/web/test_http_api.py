"""The API over HTTP, in front of a store: what is asked for becomes a job, and is told as it is."""

import csv
import io
import json
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from clipkind.web.jobs.job import NewJob
from clipkind.web.services import Services
from posting import JOBS, files, finished, send

NOBODY = "A" * 22


def test_an_upload_is_stored_as_it_came_and_told_where(
    client: FlaskClient, known: Services
) -> None:
    content = bytes(range(256)) * 1000
    answer = send(client, content, "clips/holiday ü.mp4", tta="true", risk="0.05")
    assert answer.status_code == 202
    job = client.get(answer.headers["Location"]).json
    assert job == answer.json
    asked = {key: job[key] for key in ("state", "place", "name", "source", "tta", "risk", "model")}
    assert asked == {
        "state": "queued",
        "place": 1,
        "name": "holiday ü.mp4",
        "source": "upload",
        "tta": True,
        "risk": 0.05,
        "model": known.models.default,
    }
    assert known.spool.video(job["id"]).read_bytes() == content
    assert files(known) == [known.spool.video(job["id"])]


def test_a_link_becomes_a_job(client: FlaskClient) -> None:
    url = "https://example.org/a%20b.mp4?x=1"
    answer = client.post(JOBS, json={"url": url, "tta": True})
    assert answer.status_code == 202
    assert (answer.json["url"], answer.json["source"], answer.json["tta"]) == (url, "link", True)


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({}, "bad_request"),
        ({"url": "https://example.org/", "video_id": NOBODY}, "bad_request"),
        ({"url": "file:///etc/passwd"}, "link_scheme"),
        ({"url": "https://user:secret@example.org/"}, "link_credentials"),
        ({"video_id": "../../etc/passwd"}, "unknown_video"),
        ({"url": "https://example.org/", "model": "nobody's"}, "bad_options"),
        ({"url": "https://example.org/", "risk": 0.6}, "bad_request"),
        ({"url": "https://example.org/", "risk": "0.05"}, "bad_request"),
        ({"url": "https://example.org/", "tta": 1}, "bad_request"),
        ({"url": "https://example.org/", "tat": True}, "bad_request"),
        ({"url": 7}, "bad_request"),
        ({"url": "https://example.org/\ud800"}, "link_malformed"),
        ({"url": "https://example.org/", "model": "\ud800"}, "bad_options"),
        ({"\ud800": 1}, "bad_request"),
        ([], "bad_request"),
    ],
)
def test_what_does_not_fit_is_refused_and_leaves_no_job(
    client: FlaskClient, asked: Any, code: str
) -> None:
    answer = client.post(JOBS, json=asked)
    assert (answer.status_code, answer.json["code"]) == (422, code)
    assert client.get(JOBS).json["jobs"] == []


@pytest.mark.parametrize("settings", [{"links": False}], indirect=True)
def test_links_can_be_switched_off(client: FlaskClient) -> None:
    answer = client.post(JOBS, json={"url": "https://example.org/a.mp4"})
    assert (answer.status_code, answer.json["code"]) == (403, "links_off")


def test_a_link_cannot_turn_the_words_around_it(client: FlaskClient) -> None:
    job = client.post(JOBS, json={"url": "https://example.org/\u202e4pm.exe"}).json
    assert job["name"] == "https://example.org/4pm.exe"


def test_a_state_that_cannot_be_read_is_told_as_passing(
    client: FlaskClient, known: Services, capfd: pytest.CaptureFixture[str]
) -> None:
    for file in known.settings.state.glob("jobs.sqlite3*"):
        file.write_bytes(b"no database " * 1000)
    answer = client.get(JOBS)
    assert (answer.status_code, answer.json["code"]) == (503, "storage")
    assert answer.headers["Retry-After"]
    assert answer.json["id"] in capfd.readouterr().err


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary=x"])
def test_a_form_that_cannot_be_read_is_told_so(client: FlaskClient, kind: str) -> None:
    """Without boundary, or with a file name in Latin-1."""
    form = b'--x\r\nContent-Disposition: form-data; name="video"; filename="caf\xe9"\r\n\r\n'
    answer = client.post(JOBS, data=form + b"video\r\n--x--\r\n", content_type=kind)
    assert (answer.status_code, answer.json["code"]) == (400, "bad_form")


def test_other_bodies_are_refused(client: FlaskClient) -> None:
    assert client.post(JOBS, data=b"x", content_type="text/plain").status_code == 415
    assert client.post(JOBS, data=b"{", content_type="application/json").status_code == 400


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"tta": "perhaps"}, 422),
        ({"risk": "nan"}, 422),
        ({"model": "nobody's"}, 422),
        ({"url": "https://example.org/"}, 422),
        ({"unknown": "x"}, 422),
        ({"tta": ["true", "false"]}, 422),
        ({"tta": "", "risk": "", "model": ""}, 202),
    ],
)
def test_options_of_an_upload_are_checked_and_a_refused_one_leaves_no_file(
    client: FlaskClient, known: Services, fields: Any, status: int
) -> None:
    assert send(client, **fields).status_code == status
    assert len(files(known)) == (status == 202)


def test_two_files_in_one_request_are_refused(client: FlaskClient, known: Services) -> None:
    two = {"video": (io.BytesIO(b"1"), "a.mp4"), "other": (io.BytesIO(b"2"), "b.mp4")}
    assert client.post(JOBS, data=two).json["code"] == "several_videos"
    wrong_field = {"film": (io.BytesIO(b"1"), "a.mp4")}
    assert client.post(JOBS, data=wrong_field).json["code"] == "bad_form"
    assert files(known) == []


@pytest.mark.parametrize("settings", [{"max_upload": 1000}], indirect=True)
def test_a_video_may_be_as_large_as_the_operator_says_and_no_larger(
    client: FlaskClient, known: Services
) -> None:
    assert send(client, b"x" * 1000).status_code == 202
    refused = send(client, b"x" * 1001)
    assert (refused.status_code, refused.json["code"]) == (413, "too_large")
    assert len(files(known)) == 1


@pytest.mark.parametrize("settings", [{"quota": 1500}], indirect=True)
def test_no_more_is_kept_than_the_quota(client: FlaskClient, known: Services) -> None:
    first = send(client, b"x" * 1000)
    refused = send(client, b"x" * 1000)
    assert (first.status_code, refused.status_code) == (202, 507)
    assert refused.json["code"] == "quota_full"
    assert refused.headers["Retry-After"]
    assert len(files(known)) == 1


@pytest.mark.parametrize("settings", [{"max_queue": 2}], indirect=True)
def test_a_full_queue_turns_away_until_there_is_room(client: FlaskClient, known: Services) -> None:
    first = send(client)
    send(client)
    refused = send(client)
    assert (refused.status_code, refused.json["code"]) == (503, "queue_full")
    assert refused.headers["Retry-After"]
    assert len(files(known)) == 2
    client.delete(f"{JOBS}/{first.json['id']}")
    assert send(client).status_code == 202


@pytest.mark.parametrize("settings", [{"rate": 1.0, "burst": 2}], indirect=True)
def test_a_client_may_send_so_many_and_others_still_may(client: FlaskClient) -> None:
    assert [send(client).status_code for _ in range(3)] == [202, 202, 429]
    refused = client.post(JOBS, json={"url": "https://example.org/"})
    assert refused.json["code"] == "too_many_jobs"
    assert 1 <= int(refused.headers["Retry-After"]) <= 61
    other = client.post(
        JOBS,
        json={"url": "https://example.org/"},
        environ_overrides={"REMOTE_ADDR": "192.0.2.7"},
    )
    assert other.status_code == 202


def test_a_queued_job_is_cancelled_then_deleted(client: FlaskClient, known: Services) -> None:
    where = send(client).headers["Location"]
    cancelled = client.delete(where)
    assert (cancelled.status_code, cancelled.json["state"]) == (202, "cancelled")
    assert files(known) == []
    assert client.get(where).json["state"] == "cancelled"
    assert client.delete(where).status_code == 204
    assert client.get(where).status_code == client.delete(where).status_code == 404


def test_a_running_job_is_asked_to_stop(client: FlaskClient, known: Services) -> None:
    where = send(client).headers["Location"]
    job = known.store.claim("test")
    assert job is not None
    assert client.delete(where).status_code == 202
    assert not known.store.progress(job.id, "decoding", 1, 64)
    known.store.cancelled(job.id)
    assert client.get(where).json["state"] == "cancelled"


def test_pages_of_a_list_hold_every_job_once(client: FlaskClient) -> None:
    sent = [send(client, name=f"{k}.mp4").json["id"] for k in range(7)]
    seen, following = [], f"{JOBS}?limit=3"
    while following:
        page = client.get(following).json
        seen += [job["id"] for job in page["jobs"]]
        following = page["next"] and f"{JOBS}?limit=3&before={page['next']!r}"
    assert seen == sent[::-1]


def test_lists_are_filtered(client: FlaskClient, known: Services) -> None:
    first = finished(known, "Étoile.mp4", "Animation")
    finished(known, "other.mp4", "Gaming")
    send(client, name="etoile.mp4")

    def ids(**query: str) -> list[str]:
        return [job["id"] for job in client.get(JOBS, query_string=query).json["jobs"]]

    assert (
        ids(text="éTOILE") == ids(label="Animation") == ids(state="done", text="e.mp4") == [first]
    )
    assert ids(source="link") == []
    assert len(ids(source="upload")) == 3


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=501", "limit=x", "limit=1&limit=2", "state=lost", "before=nan", "stat=done"],
)
def test_a_query_that_does_not_fit_is_refused(client: FlaskClient, query: str) -> None:
    assert client.get(f"{JOBS}?{query}").status_code == 422


def test_downloads_have_all_jobs_and_no_formulas(client: FlaskClient, known: Services) -> None:
    names = ["=HYPERLINK(1).mp4", 'a,"b".mp4', *(f"{k}.mp4" for k in range(60))]
    for name in names:
        finished(known, name, truth="Gaming" if name.startswith("=") else "Animation")
    answer = client.get(f"{JOBS}?format=csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    assert answer.headers["Content-Disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text, newline="")))
    assert [row["name"] for row in rows] == ["'" + names[0], *names[1:]][::-1]
    assert (rows[-1]["right"], rows[0]["right"]) == ("True", "False")
    classes = known.models.bundle(known.models.default).contract.class_names
    assert [name for name in rows[0] if name.startswith("p_")] == [f"p_{c}" for c in classes]
    downloaded = json.loads(client.get(f"{JOBS}?download=true").text)
    assert [job["name"] for job in downloaded["jobs"]] == names[::-1]
    assert downloaded["next"] is None


def test_an_answer_of_several_labels_is_whole_in_a_download(
    client: FlaskClient, known: Services
) -> None:
    id = known.spool.new_id()
    known.store.add(NewJob(id=id, source="upload", name="a", model=known.models.default), 10)
    known.store.claim("test")
    several = {"status": "partial", "label": None, "labels": ["Gaming", "Animation"]}
    shares = {"Gaming": 0.5, "Animation": 0.4}
    known.store.finish(id, several | {"decision": "several", "probabilities": shares})
    (row,) = csv.DictReader(io.StringIO(client.get(f"{JOBS}?format=csv").text, newline=""))
    assert (row["status"], row["decision"], row["label"]) == ("partial", "several", "")
    assert (row["labels"], row["p_Gaming"], row["p_Animation"]) == (
        "Gaming;Animation",
        "0.5",
        "0.4",
    )


def test_a_body_that_is_no_json_is_told_so(client: FlaskClient) -> None:
    answer = client.post(JOBS, data="{bad", content_type="application/json")
    assert (answer.status_code, answer.json["code"]) == (400, "bad_request")
    assert "not JSON" in answer.json["detail"]


def test_the_time_left_follows_the_frames(client: FlaskClient, known: Services) -> None:
    id = known.spool.new_id()
    known.store.add(NewJob(id=id, source="upload", name="a", model=known.models.default), 10)
    known.store.claim("test")
    known.store.progress(id, "decoding", 16, 64)
    at_a_quarter = client.get(f"{JOBS}/{id}").json["eta_s"]
    known.store.progress(id, "decoding", 64, 64)
    assert at_a_quarter >= 0
    assert client.get(f"{JOBS}/{id}").json["eta_s"] == 0


def test_ids_in_a_download_stay_ids(client: FlaskClient, known: Services) -> None:
    id, video = "-" + "A" * 21, "-" + "B" * 21
    new = NewJob(id=id, source="dataset", name="-a", model="m", video_id=video)
    known.store.add(new, 10)
    (row,) = csv.DictReader(io.StringIO(client.get(f"{JOBS}?format=csv").text, newline=""))
    assert (row["id"], row["video_id"], row["name"]) == (id, video, "'-a")


@pytest.mark.parametrize("settings", [{"streams": 1}], indirect=True)
@pytest.mark.parametrize("form", ["format=csv", "download=true"])
def test_downloads_are_as_few_as_streams(client: FlaskClient, known: Services, form: str) -> None:
    """Each holds a thread for as long as its client takes to read it."""
    finished(known)
    held = client.get(f"{JOBS}?{form}")
    refused = client.get(f"{JOBS}?{form}")
    assert (refused.status_code, refused.json["code"]) == (503, "too_many_streams")
    assert refused.headers["Retry-After"]
    assert client.get(JOBS).status_code == 200
    held.close()
    assert client.head(f"{JOBS}?{form}", buffered=True).status_code == 200
    assert client.get(f"{JOBS}?{form}", buffered=True).status_code == 200


def test_a_download_of_nothing_is_an_empty_list(client: FlaskClient) -> None:
    assert client.get(f"{JOBS}?download=true").json == {"jobs": [], "next": None}
    assert len(client.get(f"{JOBS}?format=csv").text.splitlines()) == 1


def test_the_model_is_told_with_its_choices(client: FlaskClient, known: Services) -> None:
    told = client.get("/api/v1/model").json
    assert told["name"] == told["default"] == known.models.default
    assert told["names"] == list(known.models.names)
    assert told["classes"] == list(known.models.bundle(told["name"]).contract.class_names)
    assert client.get("/api/v1/model?name=nobody").status_code == 404


def test_an_error_inside_is_told_by_an_id_and_logged_with_its_trace(
    app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise RuntimeError("secret words")

    app.add_url_rule("/api/v1/broken", view_func=broken)
    answer = app.test_client().get("/api/v1/broken")
    assert answer.status_code == 500
    assert answer.content_type == "application/problem+json"
    assert "secret words" not in answer.text
    assert "Traceback" not in answer.text
    (line,) = capfd.readouterr().err.splitlines()
    logged = json.loads(line)
    assert logged["id"] == answer.json["id"]
    assert "secret words" in logged["trace"]


def test_figures_tell_what_there_is(client: FlaskClient) -> None:
    send(client)
    client.get("/nobody/asked/for/this")
    text = client.get("/metrics").text
    assert 'clipkind_jobs{state="queued"} 1.0' in text
    assert 'clipkind_jobs_accepted_total{source="upload"} 1.0' in text
    assert 'clipkind_request_seconds_count{endpoint="none",method="GET",status="404"} 1.0' in text
