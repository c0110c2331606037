"""The OpenAPI document says what the API does: nothing more, nothing else, nothing less."""

import re
from typing import Any

import pytest
import schemathesis
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance

from clipkind.web.api.openapi import document
from clipkind.web.jobs.job import Job, NewJob
from clipkind.web.services import Services, services
from clipkind.web.telling import tell_one
from posting import finished

load_all_checks()
bounded = settings(
    max_examples=30,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)


def judge(operation: Any, **given_so_far: Any) -> list[int]:
    """Make requests for an operation and judge the answers by the document; their statuses."""
    statuses = []

    @bounded
    @given(operation.as_strategy(**given_so_far))
    def check(case: schemathesis.Case) -> None:
        answer = case.call()
        statuses.append(answer.status_code)
        # that a link leads nowhere or a model has no such name, no schema says
        sense = answer.status_code == 422 and answer.json()["code"] != "bad_request"
        without = [positive_data_acceptance] * sense
        # a form has no types: `false` as a file is a file of five bytes
        without += [negative_data_rejection] * (case.media_type == "multipart/form-data")
        case.validate_response(answer, excluded_checks=without)

    check()
    return statuses


def test_every_route_of_the_api_is_in_the_document(app: Flask) -> None:
    said = document(app)["paths"]
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
        if path.startswith("/api/v1/") and path != "/api/v1/openapi.json":
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                assert method.lower() in said[path], path


def test_jobs_in_every_state_are_as_the_document_says(app: Flask) -> None:
    known, said = services(app), document(app)
    schema = {"$ref": "#/components/schemas/JobInfo", "components": said["components"]}
    validator = Draft202012Validator(schema)
    id = known.spool.new_id()
    new = NewJob(id=id, source="link", name="a", model="m", url="https://example.org/", risk=0.1)
    jobs: list[Job | None] = [known.store.add(new, 10), known.store.claim("w", links=True)]
    known.store.fail(id, "timeout", "took too long")
    jobs.append(known.store.get(id))
    for job in jobs:
        assert job is not None
        validator.validate(tell_one(known, job))


def test_the_token_is_in_the_document_where_it_is_needed(client: FlaskClient) -> None:
    assert "securitySchemes" not in client.get("/api/v1/openapi.json").json["components"]


@pytest.mark.parametrize("settings", [{"rate": 1e9, "max_queue": 10_000}], indirect=True)
@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_no_request_gets_an_answer_that_the_document_does_not_have(
    app: Flask, mode: GenerationMode
) -> None:
    """Schemathesis makes requests of the document, right and wrong ones, and judges the answers."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 10
    asked = 0
    for operation in operations:
        takes = operation.path_parameters or operation.query or operation.body
        if mode is GenerationMode.NEGATIVE and not takes:
            continue  # nothing can be wrong with it

        judge(operation, generation_mode=mode)
        asked += 1
    assert asked >= 8


def test_answers_about_jobs_that_are_there_are_as_the_document_says(
    app: Flask, known: Services
) -> None:
    """Ids that requests are made of by chance lead nowhere."""
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app)
    for result in schema.get_all_operations():
        operation = result.ok()
        # (this client leaves files open, so that videos are left to test_http_media)
        if "/jobs/{id}" in operation.path and not operation.path.endswith("/video"):
            id = finished(known)
            known.spool.keep_frames(id, [b"jpeg"])
            statuses = judge(operation, path_parameters={"id": id, "k": 0})
            assert {200, 204} & set(statuses), operation.label
