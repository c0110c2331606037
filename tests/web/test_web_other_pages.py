"""Comparison, model and API as pages: that all of what they say is what is known."""

from dataclasses import replace

import made_up
import pytest
from flask.testing import FlaskClient
from reading_pages import page_at

from clipkind.model.bundle import load_bundle
from clipkind.web.models import Models
from clipkind.web.pages.docs import operations
from clipkind.web.pages.words import moment
from clipkind.web.services import Services


def test_two_answers_are_compared_in_words_and_figures(
    client: FlaskClient, known: Services
) -> None:
    a = made_up.put(known, made_up.result((0.1, 0.02, 0.83, 0.05)), name="a.mp4")
    b = made_up.put(known, made_up.result((0.05, 0.02, 0.9, 0.03)), name="b.mp4", tta=True)
    text = page_at(client, f"/compare?id={a.id}&id={b.id}").text
    assert "Both answers are Gaming; the second is 7.0 points surer." in text
    assert "Gaming 83.0 % 90.0 % +7.0 points" in text
    c = made_up.put(known, made_up.result((0.9, 0.02, 0.05, 0.03)), name="c.mp4")
    assert (
        "The answers differ: Gaming, and Animation."
        in page_at(client, f"/compare?a={a.id}&b={c.id}").text
    )


def test_answers_to_compare_can_be_told_apart(client: FlaskClient, known: Services) -> None:
    name = f"a video of {'very ' * 20}long name.mp4"
    jobs = [made_up.put(known, made_up.result(), name=name) for _ in range(2)]
    moved = jobs[1].created_at + 1  # the clock tells seconds
    assert moment(jobs[0].created_at) != moment(moved)
    text = page_at(client, "/compare").text
    for job in jobs:
        assert f"long name.mp4, {moment(job.created_at)}: Gaming, {made_up.MODEL}" in text
    assert name not in text


def test_comparing_says_what_is_missing(client: FlaskClient, known: Services) -> None:
    done, failed = made_up.put(known, made_up.result()), made_up.put(known, "timeout")
    page = page_at(client, f"/compare?a={done.id}&b={failed.id}")
    assert "One of the two has no answer" in page.text
    assert f'value="{done.id}" selected' in client.get(f"/compare?a={done.id}").text
    three = "&".join(f"id={done.id}" for _ in range(3))
    assert "3 videos were ticked" in page_at(client, f"/compare?{three}").text


def test_the_model_page_has_the_bundles_figures(client: FlaskClient) -> None:
    bundle = load_bundle()
    text = page_at(client, "/model").text
    for found in bundle.measured.values():
        assert f"{found['accuracy'] * 100:.1f} %" in text
        low, high = found["accuracy_95"]
        assert f"{low * 100:.1f} to {high * 100:.1f} %" in text
        for row in found["confusion"]:
            for count in row:
                assert f"{count} {100 * count / sum(row):.1f} %" in text
        for value in found["f1"].values():
            assert f"{value:.3f}" in text
    for limit in bundle.provenance["limits"]:
        assert " ".join(limit.split()) in text


def test_a_model_without_figures_says_so(client: FlaskClient, known: Services,
                                         monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    bare = replace(load_bundle(), measured={}, provenance={}, calibrations={}, outliers=None)
    monkeypatch.setattr("clipkind.web.models.load_bundle", lambda _path: bare)
    models = Models([None])
    monkeypatch.setitem(client.application.extensions, "clipkind", replace(known, models=models))
    page = page_at(client, "/model")
    assert "Nothing was measured with this model." in page.text
    assert "%" not in page.text.replace(str(bare.name), "").partition("Made from")[0]


def test_an_unknown_model_is_not_found(client: FlaskClient) -> None:
    assert "there is no model" in page_at(client, "/model?name=<b>", 404).text


def test_the_api_page_has_every_operation(client: FlaskClient) -> None:
    document = client.get("/api/v1/openapi.json").json
    text = page_at(client, "/api/docs").text
    found = operations(document)
    assert {(o.method.lower(), o.path) for o in found} == {
        (method, path)
        for path, entry in document["paths"].items()
        for method in entry
        if method != "parameters"
    }
    for operation in found:
        assert f"{operation.method} {operation.path}" in text
        for name, _, meaning in operation.parameters:
            assert name in text
            assert "".join(meaning.replace("`", "").split()) in "".join(text.split())


@pytest.mark.parametrize("settings", [{"token": "t" * 32}], indirect=True)
def test_the_page_of_the_api_shows_how_to_send_the_token(client: FlaskClient) -> None:
    page = client.get("/api/docs", headers={"Authorization": f"Bearer {'t' * 32}"}).text
    commands = [line for line in page.splitlines() if line.lstrip("<pre>").startswith("curl")]
    assert len(commands) == 2
    assert all("Authorization: Bearer TOKEN" in line for line in commands)
    assert "t" * 32 not in page
