"""The history: which jobs its filter finds, and what the page says of them."""

import json
import re

import made_up
import pytest
from flask.testing import FlaskClient
from reading_pages import page_at

from clipkind.web.pages import history
from clipkind.web.services import Services

SEVERAL = {"decision": "several", "label": None, "labels": ["Gaming", "Animation"]}
UNSURE = {"decision": "unsure", "label": None, "labels": [], "confidence": None}


def names(client: FlaskClient, query: str) -> list[str]:
    """The videos in the table, in its order."""
    rows = page_at(client, f"/jobs{query}").text.partition("Compare ")[2]
    return list(dict.fromkeys(re.findall(r"[\w ]*?(\w+)\.mp4", rows)))


def test_history_filters_and_pages_and_keeps_the_filter_for_downloads(
    client: FlaskClient, known: Services
) -> None:
    made_up.put(known, made_up.result(), name="one.mp4")
    made_up.put(known, made_up.result((0.9, 0.05, 0.03, 0.02)), name="two.mp4", source="link",
                url="https://example.org/two.mp4")  # fmt: skip
    made_up.put(known, "timeout", name="three.mp4")
    for query, names in (
        ("", ["three.mp4", "two.mp4", "one.mp4"]),
        ("?label=Gaming", ["one.mp4"]),
        ("?state=failed", ["three.mp4"]),
        ("?source=link", ["two.mp4"]),
        ("?text=EXAMPLE.org", ["two.mp4"]),
        ("?state=nonsense&before=x&kind=odd", ["three.mp4", "two.mp4", "one.mp4"]),
        ("?text=four", []),
    ):
        page = page_at(client, f"/jobs{query}")
        found = re.findall(r"(?:one|two|three)\.mp4", page.text)
        assert list(dict.fromkeys(found)) == names, query
    links = page_at(client, "/jobs?label=Gaming").all("a", href="/api/v1/jobs?")
    assert ["label=Gaming" in str(link["href"]) for link in links] == [True, True]
    table, listed = (client.get(str(link["href"])) for link in links)
    assert table.mimetype == "text/csv"
    assert "one.mp4" in table.text
    assert "two.mp4" not in table.text
    assert "one.mp4" in json.dumps(listed.json)


def test_older_jobs_are_a_page_further(client: FlaskClient, known: Services) -> None:
    for number in range(53):
        made_up.put(known, name=f"clip {number}.mp4")
    first = page_at(client, "/jobs")
    (older,) = first.all("a", href="before=")
    second = page_at(client, str(older["href"]))
    shown = re.findall(r"clip \d+\.mp4", first.text) + re.findall(r"clip \d+\.mp4", second.text)
    assert list(dict.fromkeys(shown)) == [f"clip {n}.mp4" for n in reversed(range(53))]
    assert not second.all("a", href="before=")


def test_answers_are_found_by_their_kind_and_by_each_label(
    client: FlaskClient, known: Services
) -> None:
    made_up.put(known, made_up.result(), name="right.mp4", truth="Gaming")
    made_up.put(known, made_up.result(), name="wrong.mp4", truth="Animation")
    made_up.put(known, made_up.result(**SEVERAL), name="several.mp4", risk=0.05, truth="Gaming")
    made_up.put(known, made_up.result(**UNSURE), name="unsure.mp4", risk=0.05, truth="Gaming")
    made_up.put(known, made_up.result(status="partial", reason="truncated"), name="part.mp4")
    made_up.put(known, "timeout", name="refused.mp4")
    made_up.put(known, name="waits.mp4")
    for query, found in (
        ("?kind=single", ["part", "wrong", "right"]),
        ("?kind=several", ["several"]),
        ("?kind=unsure", ["unsure"]),
        ("?kind=partial", ["part"]),
        ("?kind=right", ["several", "right"]),
        ("?kind=wrong", ["wrong"]),
        ("?kind=refused", ["refused"]),
        ("?label=Gaming", ["part", "several", "wrong", "right"]),
        ("?label=Animation", ["several"]),
        ("?label=Gaming&kind=several", ["several"]),
        ("?kind=several&state=failed", []),
    ):
        assert names(client, query) == found, query


def test_the_header_counts_what_is_shown(client: FlaskClient, known: Services) -> None:
    for number in range(3):
        made_up.put(known, made_up.result(), name=f"clip {number}.mp4")
    made_up.put(known, made_up.result(**UNSURE), risk=0.05)
    assert "4 answered" in page_at(client, "/jobs").text
    text = page_at(client, "/jobs?kind=unsure").text
    assert "1 shown, of 4 videos that were sent." in text
    assert "4 answered" not in text


def test_what_is_not_known_in_the_address_is_said(client: FlaskClient, known: Services) -> None:
    page = page_at(client, "/jobs?state=bogus&source=%3Cb%3E")
    assert page.all("p", role="alert")
    assert "There is no state “bogus” and no source “<b>”" in page.text
    assert not page_at(client, "/jobs?state=done&source=").all("p", role="alert")


def test_a_long_history_is_looked_through_in_parts(
    client: FlaskClient, known: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SCAN", 4)
    monkeypatch.setattr(history, "_BATCH", 2)
    made_up.put(known, made_up.result(**UNSURE), name="oldest.mp4", risk=0.05)
    for number in range(5):
        made_up.put(known, made_up.result(), name=f"{number}.mp4")
    first = page_at(client, "/jobs?kind=unsure")
    assert "0 shown" in first.text
    assert "Only 4 were looked through" in first.text
    (older,) = first.all("a", href="before=")
    assert "oldest.mp4" in page_at(client, str(older["href"])).text
