"""The page of an answer: that it says what the model said, and how far to trust it."""

import re
from typing import Any

import made_up
import pytest
from flask.testing import FlaskClient
from reading_pages import Page, page_at

from clipkind.web.services import Services


def job_page(client: FlaskClient, job: Any) -> Page:
    return page_at(client, f"/jobs/{job.id}")


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
            "Gaming or Animation 93.0 % The model is 93.0 % sure that it is one of these.",
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
    assert ("neither right nor wrong" in page.text) == (more["decision"] == "unsure")


@pytest.mark.parametrize(
    ("truth", "said"),
    [("Animation", "✓ true class is among them"),
     ("Natural_Content", "✗ true class is not among them")],
)  # fmt: skip
def test_of_several_labels_it_is_told_whether_the_true_class_is_among_them(
    client: FlaskClient, known: Services, truth: str, said: str
) -> None:
    several = {"decision": "several", "label": None, "labels": ["Gaming", "Animation"]}
    job = made_up.put(known, made_up.result(**several), risk=0.05, truth=truth)
    for path in (f"/jobs/{job.id}", "/jobs", "/jobs/recent", f"/compare?a={job.id}&b={job.id}"):
        assert said in page_at(client, path).text, path


def test_the_strip_names_the_class_of_its_figures(client: FlaskClient, known: Services) -> None:
    several = {"decision": "several", "label": None, "labels": ["Gaming", "Animation"]}
    found = made_up.result(**several, by_frame=[[0.2, 0.1, 0.6, 0.1]] * made_up.STEPS)
    text = job_page(client, made_up.put(known, found, risk=0.05)).text
    assert "how probable Gaming is by this frame alone" in text


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
