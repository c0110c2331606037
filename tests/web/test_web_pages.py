"""Pages as the server writes them: what they say of jobs, and that they say it safely."""

import math
from dataclasses import replace
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import made_up
import pytest
from flask import Flask
from flask.testing import FlaskClient
from reading_pages import Page, page_at

from clipkind.errors import Reason
from clipkind.model.risk import risk_rule
from clipkind.web.app import create_app
from clipkind.web.jobs.failures import Failure
from clipkind.web.links import LinkReason
from clipkind.web.pages.home import RECENT, RISKS
from clipkind.web.pages.reasons import REASONS
from clipkind.web.services import Services, services
from clipkind.web.settings import Settings

HOSTILE = "\"><script>alert(1)</script><img src=x onerror=alert(2)>'.mp4"


@pytest.fixture
def known(app: Flask) -> Services:
    return services(app)


def job_page(client: FlaskClient, job: Any) -> Page:
    return page_at(client, f"/jobs/{job.id}")


def test_every_reason_has_words_and_a_way_out() -> None:
    codes = [str(code) for code in chain(Reason, Failure, LinkReason)]
    assert sorted(REASONS) == sorted(codes)
    for title, way_out in REASONS.values():
        assert title[0].islower()
        assert way_out.endswith(".")


def test_a_refusal_names_the_reason_and_the_way_out(client: FlaskClient, known: Services) -> None:
    page = job_page(client, made_up.put(known, "no_video_stream"))
    assert "No answer: there is no picture in it" in page.text
    assert "It may be sound only; send a video." in page.text
    assert "In detail: it what the decoder said." in page.text
    assert not page.all("video")


@pytest.mark.parametrize("path", ["/jobs", "/jobs/recent"])
def test_part_answers_are_tagged_in_lists(client: FlaskClient, known: Services, path: str) -> None:
    made_up.put(known, made_up.result())
    assert not page_at(client, path).all("span", **{"class": "tag warn"})
    found = made_up.result(status="partial", reason="truncated", message="ends after 3 s")
    made_up.put(known, found)
    page = page_at(client, path)
    assert len(page.all("span", **{"class": "tag warn"})) == 1
    assert "Gaming 83.0 % partial" in page.text


def test_the_form_offers_only_risks_at_which_the_model_gives_single_labels(
    client: FlaskClient, known: Services
) -> None:
    bundle = known.models.bundle(known.models.default)
    page = page_at(client, "/")
    offered = [float(str(o["value"])) for o in page.all("option") if (o["value"] or "x")[0] == "0"]
    for tta in (False, True):
        calibration = bundle.calibration_for(tta=tta)
        assert calibration is not None
        possible = [r for r in RISKS if math.isfinite(risk_rule(calibration, r).single_from)]
        assert set(offered) <= set(possible)
    assert offered
    least = risk_rule(calibration, 0.1).smallest
    assert f"begin at {100 * least:.3g} % risk" in page.text


def test_a_job_under_way_reloads_without_scripts_and_can_be_cancelled(
    client: FlaskClient, known: Services
) -> None:
    made_up.put(known)
    job = made_up.put(known)
    page = job_page(client, job)
    assert "Waiting, number 2 in the queue" in page.text
    assert page.all("meta", **{"http-equiv": "refresh"})
    token = page.all("input", name="form_token")[0]["value"]
    answer = client.post(f"/jobs/{job.id}/cancel", data={"form_token": token})
    assert answer.status_code == 303
    after = job_page(client, job)
    assert "It was stopped before there was an answer" in after.text
    assert not after.all("meta", **{"http-equiv": "refresh"})


def test_steps_of_a_job_that_runs(client: FlaskClient, known: Services) -> None:
    job = made_up.put(known)
    known.store.claim("a worker")
    known.store.progress(job.id, "decoding", 16, 64)
    page = job_page(client, job)
    assert "Looking at frame 16 of 64" in page.text
    assert [bar["value"] for bar in page.all("progress")] == ["0.250"]
    (now,) = page.all("li", **{"aria-current": "step"})
    assert now["data-step"] == "decoding"
    assert "Looking at frame 16 of 64" in page_at(client, "/").text


def test_what_runs_is_seen_before_all_that_waits(client: FlaskClient, known: Services) -> None:
    first = made_up.put(known, name="first.mp4")
    for number in range(20):
        made_up.put(known, name=f"later {number}.mp4")
    known.store.claim("a worker")
    page = page_at(client, "/jobs/recent")
    rows = [row["id"] for row in page.all("li", id="job-")]
    assert rows[0] == f"job-{first.id}"
    assert len(rows) == RECENT
    assert "later 19.mp4" in page.text
    assert f"{20 - (RECENT - 1)} more are waiting." in page.text


def test_forms_need_the_token_of_a_page(client: FlaskClient, known: Services) -> None:
    job = made_up.put(known, made_up.result())
    assert client.post(f"/jobs/{job.id}/delete").status_code == 403
    token = job_page(client, job).all("input", name="form_token")[0]["value"]
    answer = client.post(f"/jobs/{job.id}/delete", data={"form_token": token})
    assert answer.status_code == 303
    page = page_at(client, f"/jobs/{job.id}", 404)
    assert "it may have been deleted" in page.text


def test_the_form_without_scripts_takes_a_file(
    client: FlaskClient, known: Services, clip: bytes
) -> None:
    token = page_at(client, "/").all("input", name="form_token")[0]["value"]
    answer = client.post(
        "/jobs",
        data={"form_token": token, "url": "", "risk": "", "tta": "true",
              "model": known.models.default, "video": (BytesIO(clip), HOSTILE)},
    )  # fmt: skip
    assert answer.status_code == 303, answer.text
    (job,) = known.store.find()
    assert answer.location == f"/jobs/{job.id}"
    assert (job.tta, job.risk, job.source) == (True, None, "upload")
    assert known.spool.video(job.id).read_bytes() == clip


def test_the_form_without_scripts_takes_a_video_of_the_data_set(
    settings: Settings, dataset: Path
) -> None:
    app = create_app(replace(settings, dataset=dataset))
    client, known = app.test_client(), services(app)
    page = page_at(client, "/?label=Animation")
    assert [button["data-name"] for button in page.all("button", form="send")] == ["cat.mp4"]
    (button,) = page.all("button", form="send")
    token = page.all("input", name="form_token")[0]["value"]
    empty = (BytesIO(b""), "")
    data = {"form_token": token, "video_id": button["value"], "video": empty}
    answer = client.post("/jobs", data=data)
    assert answer.status_code == 303, Page(answer.text).text
    (job,) = known.store.find()
    assert (job.name, job.truth, job.source) == ("cat.mp4", "Animation", "dataset")
    assert str(dataset) not in client.get("/").text
    known.thumbnails.close()
    known.store.close()


def test_nothing_given_is_said_on_the_page(client: FlaskClient) -> None:
    token = page_at(client, "/").all("input", name="form_token")[0]["value"]
    answer = client.post("/jobs", data={"form_token": token})
    assert answer.status_code == 422
    page = Page(answer.text)
    assert "Choose a video, or give a link to one." in page.text
    assert page.all("p", role="alert")
    assert page.all("form", id="send")


def test_hostile_names_are_text_everywhere(client: FlaskClient, known: Services) -> None:
    jobs = [
        made_up.put(known, made_up.result(), name=HOSTILE, url=f"https://a/{HOSTILE}"),
        made_up.put(known, made_up.result(), name=HOSTILE),
        made_up.put(known, "not_a_video", name=HOSTILE),
        made_up.put(known, name=HOSTILE),
    ]
    paths = ["/", "/jobs", f"/jobs?text={HOSTILE[:5]}", f"/compare?a={jobs[0].id}&b={jobs[1].id}",
             *(f"/jobs/{job.id}" for job in jobs)]  # fmt: skip
    for path in paths:
        page = page_at(client, path)
        assert HOSTILE in page.text, path
        assert all(
            str(script.get("src", "")).startswith("/static/") for script in page.all("script")
        )
        assert "x" not in [image.get("src") for image in page.all("img")]


def test_no_page_needs_what_the_policy_forbids(client: FlaskClient, known: Services) -> None:
    """Inline scripts, handlers and styles would be blocked by the Content-Security-Policy."""
    job = made_up.put(known, made_up.result(attention=[0.3, *[0.1] * 7]))
    for path in ("/", "/jobs", f"/jobs/{job.id}", f"/compare?a={job.id}&b={job.id}", "/model",
                 "/api/docs", "/nothing"):  # fmt: skip
        page = Page(client.get(path).text)
        for tag, attrs in page.elements:
            assert tag != "style"
            assert not [name for name in attrs if name == "style" or name.startswith("on")], tag
            assert tag != "script" or attrs.get("src"), path
        for name in ("href", "src", "action"):
            for _, attrs in page.elements:
                assert (attrs.get(name) or "/").startswith(("/", "#")), (path, attrs)


def test_errors_of_people_are_pages(client: FlaskClient) -> None:
    page = page_at(client, "/nothing", 404)
    assert "Back to the start" in page.text
    assert page_at(client, f"/jobs/{'A' * 22}", 404).text
    assert page_at(client, "/jobs/..%2f..%2fetc", 404).text


def test_assets_are_kept_by_browsers_until_they_change(client: FlaskClient) -> None:
    page = page_at(client, "/")
    addresses = [str(link["href"]) for link in page.all("link", rel="stylesheet")]
    addresses += [str(script["src"]) for script in page.all("script")]
    assert len(addresses) == 4
    for address in addresses:
        with client.get(address) as answer, client.get(address.partition("?")[0]) as bare:
            assert answer.status_code == bare.status_code == 200
            assert "immutable" in answer.headers["Cache-Control"]
            assert "immutable" not in bare.headers["Cache-Control"]
