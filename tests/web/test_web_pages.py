"""Pages as the server writes them: what they say of jobs, and that they say it safely."""

import re
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
from clipkind.web.app import create_app
from clipkind.web.jobs.failures import Failure
from clipkind.web.links import LinkReason
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


def test_an_answer_says_label_confidence_and_all_bars(client: FlaskClient, known: Services) -> None:
    page = job_page(client, made_up.put(known, made_up.result((0.1, 0.02, 0.83, 0.05))))
    assert "Answer: Gaming 83.0 %" in page.text
    assert "of 100 answers as sure as this one, about 83 are right" in page.text
    order = [page.text.index(f"{name} {share}") for name, share in
             (("Gaming", "83.0 %"), ("Animation", "10.0 %"), ("Natural Content", "5.0 %"),
              ("Flat Content", "2.0 %"))]  # fmt: skip
    assert order == sorted(order)
    widths = [rect["width"] for rect in page.all("rect", **{"class": "part"})]
    assert widths == ["83.00%", "10.00%", "5.00%", "2.00%"]


def test_an_uncalibrated_confidence_is_said_to_be_one(client: FlaskClient, known: Services) -> None:
    page = job_page(client, made_up.put(known, made_up.result(calibrated=False)))
    assert "not calibrated" in page.text
    assert "of 100 answers" not in page.text


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (
            {"decision": "several", "label": None, "labels": ["Gaming", "Animation"],
             "confidence": 0.93},
            "Gaming or Animation 93.0 % At a risk of 5 % one label alone is not safe enough",
        ),
        (
            {"decision": "unsure", "label": None, "labels": [], "confidence": None},
            "Unsure At a risk of 5 % no label is safe enough to give",
        ),
        (
            {"decision": "unsure", "label": None, "labels": [], "confidence": None,
             "reason": "strange", "strangeness": 0.999},
            "Unsure The video is too unlike those the model knows",
        ),
    ],
)  # fmt: skip
def test_what_is_not_one_label_is_said_so(
    client: FlaskClient, known: Services, more: dict[str, Any], said: str
) -> None:
    page = job_page(client, made_up.put(known, made_up.result(**more), risk=0.05, truth="Gaming"))
    assert said in page.text
    assert "right" not in [word.strip("✓ ") for word in re.findall(r"[✓✗] \w+", page.text)]
    assert "neither right nor wrong" in page.text


@pytest.mark.parametrize(("truth", "said"), [("Gaming", "✓ right"), ("Animation", "✗ wrong")])
def test_the_true_class_is_told_with_right_or_wrong(
    client: FlaskClient, known: Services, truth: str, said: str
) -> None:
    job = made_up.put(known, made_up.result(), truth=truth)
    assert f"True class: {truth} {said}" in job_page(client, job).text
    assert said in page_at(client, "/jobs").text


def test_warnings_of_part_answers_and_strange_videos(client: FlaskClient, known: Services) -> None:
    found = made_up.result(status="partial", reason="truncated", message="ends after 3 s",
                           strangeness=0.98)  # fmt: skip
    text = job_page(client, made_up.put(known, found)).text
    assert "Only part of the video: the file is cut short: ends after 3 s" in text
    assert "Stranger than 98.0 % of the videos the model knows" in text
    assert "Stranger than" in text


def marks(page: Page) -> list[str]:
    """What is said of the pictures that are marked as decisive."""
    links = page.all("a", **{"aria-label": "Frame"})
    return [str(link["aria-label"]) for link in links if "decisive" in str(link["aria-label"])]


def test_the_three_frames_with_most_attention_are_marked(
    client: FlaskClient, known: Services
) -> None:
    found = made_up.result(attention=[0.05, 0.3, 0.05, 0.05, 0.2, 0.05, 0.05, 0.25])
    page = job_page(client, made_up.put(known, found))
    assert marks(page) == [
        "Frame 2 at 0:01.5, weight 30.00\u00a0%, most decisive",
        "Frame 5 at 0:04.5, weight 20.00\u00a0%, third most decisive",
        "Frame 8 at 0:07.5, weight 25.00\u00a0%, second most decisive",
    ]
    (chart,) = page.all("svg", role="img")
    assert "0:01.5, 30.00\u00a0%; 0:07.5, 25.00\u00a0%; 0:04.5, 20.00\u00a0%" in str(
        chart["aria-label"]
    )
    assert (chart["data-start"], chart["data-end"]) == ("0.0", "8.0")


def test_a_picture_shown_twice_is_marked_once(client: FlaskClient, known: Services) -> None:
    found = made_up.result(
        attention=[0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05], frames=4,
        frame_of=[0, 0, 0, 1, 1, 2, 2, 3],
    )  # fmt: skip
    page = job_page(client, made_up.put(known, found))
    assert [words.split(",")[0] for words in marks(page)] == [
        "Frame 1 at 0:00.5", "Frame 4 at 0:03.5", "Frame 6 at 0:05.5",
    ]  # fmt: skip
    pictures = [str(image["src"])[-5:] for image in page.all("img", src="/frames/")]
    assert pictures == [f"{k}.jpg" for k in (0, 0, 0, 1, 1, 2, 2, 3)]


def test_frames_that_all_count_the_same_are_not_marked(
    client: FlaskClient, known: Services
) -> None:
    page = job_page(client, made_up.put(known, made_up.result()))
    assert "looks at all frames alike: none counts more than another" in page.text
    assert marks(page) == []
    assert page.all("svg", role="img") == []


def test_with_even_attention_each_frame_says_what_it_says_alone(
    client: FlaskClient, known: Services
) -> None:
    alone = [[0.5, 0.1, 0.3, 0.1]] * 5 + [[0.0, 0.05, 0.95, 0.0]] + [[0.3, 0.1, 0.5, 0.1]] * 2
    page = job_page(client, made_up.put(known, made_up.result(by_frame=alone)))
    assert marks(page)[0] == "Frame 6 at 0:05.5, by itself 95.0\u00a0% Gaming, most decisive"
    assert [words.split(" at")[0] for words in marks(page)] == ["Frame 6", "Frame 7", "Frame 8"]
    (chart,) = page.all("svg", role="img")
    assert str(chart["aria-label"]).startswith("Each frame by itself")
    assert "0:05.5, Gaming 95.0\u00a0%" in str(chart["aria-label"])
    assert len(page.all("rect", **{"class": "class-"})) == 4 * made_up.STEPS + 4  # and the key


def test_members_are_shown_where_there_are_several(client: FlaskClient, known: Services) -> None:
    one = made_up.result()["probabilities"]
    other = one | {"Gaming": 0.2, "Animation": 0.73}
    page = job_page(client, made_up.put(known, made_up.result(members=[one, other])))
    assert "Member 2 votes otherwise" in page.text
    assert "Member 1 votes otherwise" not in page.text
    alone = job_page(client, made_up.put(known, made_up.result(members=[one])))
    assert "How the members voted" not in alone.text


def test_a_refusal_names_the_reason_and_the_way_out(client: FlaskClient, known: Services) -> None:
    page = job_page(client, made_up.put(known, "no_video_stream"))
    assert "No answer: there is no picture in it" in page.text
    assert "It may be sound only; send a video." in page.text
    assert "In detail: it what the decoder said." in page.text
    assert not page.all("video")


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
    assert len(rows) == 12
    assert "later 19.mp4" in page.text
    assert "9 more are waiting." in page.text


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
