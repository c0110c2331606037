"""The API's OpenAPI 3.1 document, made of the routes, what is said beside them, and dataclasses."""

import re
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

import clipkind
from clipkind.web.api.describe import JSON, Answer, Operation
from clipkind.web.api.models import ModelInfo
from clipkind.web.api.shapes import JobPage, VideoPage
from clipkind.web.asking import VIDEO, Asked
from clipkind.web.http.problems import MEDIA_TYPE, ProblemDetails
from clipkind.web.library import Video
from clipkind.web.schema import Schema, object_schema, schema_of
from clipkind.web.services import services
from clipkind.web.telling import NOT_TOLD, JobInfo

_ALWAYS = (400, 401, 421, 429, 500, 503)
"""Statuses any view may answer with; 429 for too many wrong tokens, 503 for a full disk."""
_PATH_PARTS: dict[str, Schema] = {
    "id": {"type": "string", "minLength": 22, "maxLength": 22, "pattern": "^[A-Za-z0-9_-]{22}$"},
    "k": {"type": "integer", "minimum": 0, "maximum": 999},
}
_PROBLEMS = {
    400: "The request cannot be read.",
    401: "A token is needed.",
    403: "Not from here: made by a page of another site, or switched off by the operator.",
    404: "There is none.",
    413: "Larger than the operator lets it be.",
    415: "Neither JSON nor a form.",
    416: "The file does not reach that far.",
    421: "The server does not go by that name.",
    422: "Something in it does not fit; `code` and `detail` say what.",
    429: "Too much from this client; `Retry-After` says when there is room.",
    500: "An error inside the server, logged under `id`.",
    503: "No room at the moment; `Retry-After` says when to ask again.",
    507: "No room for more videos.",
}


def document(app: Flask) -> dict[str, Any]:
    """The document of what `app` serves to programs."""
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(app.url_map.iter_rules(), key=lambda rule: rule.rule):
        operation = getattr(app.view_functions[rule.endpoint], "operation", None)
        if operation is not None:
            path = re.sub(r"<(?:[^:<>]+:)?([^<>]+)>", r"{\1}", rule.rule)
            methods = (rule.methods or set()) - {"HEAD", "OPTIONS"}
            for method in sorted(methods):
                paths.setdefault(path, {})[method.lower()] = _described(rule, operation)
    found: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "clipkind",
            "version": clipkind.__version__,
            "summary": "What kind of content a video is.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": _schemas()},
    }
    if services(app).settings.token is not None:
        found["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
    return found


def _schemas() -> dict[str, Schema]:
    return {
        "JobInfo": object_schema(JobInfo, leave_out=NOT_TOLD),
        "JobPage": object_schema(JobPage),
        "Video": object_schema(Video),
        "VideoPage": object_schema(VideoPage),
        "ModelInfo": object_schema(ModelInfo),
        "Asked": _one_of_two(object_schema(Asked, told=False)),
        "ProblemDetails": _without_id(object_schema(ProblemDetails)),
    }


def _one_of_two(schema: Schema) -> Schema:
    """Of a link and a video of the data set, one is asked about."""
    text = {"type": "string"}
    only_url = {"required": ["url"], "properties": {"url": text, "video_id": {"type": "null"}}}
    only_video = {
        "required": ["video_id"],
        "properties": {"video_id": text, "url": {"type": "null"}},
    }
    return schema | {"oneOf": [only_url, only_video]}


def _without_id(schema: Schema) -> Schema:
    return schema | {"required": [name for name in schema["required"] if name != "id"]}


def _described(rule: Rule, operation: Operation) -> dict[str, Any]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _PATH_PARTS[name]}
        for name in sorted(rule.arguments)
    ]
    found: dict[str, Any] = {
        "operationId": rule.endpoint.replace(".", "_"),
        "summary": operation.summary,
        "parameters": parameters + _query(operation),
        "responses": _responses(operation),
    }
    if operation.body is not None:
        content: dict[str, Any] = {JSON: {"schema": schema_of(operation.body)}}
        if operation.form is not None:
            content["multipart/form-data"] = {"schema": _form(operation.form)}
        found["requestBody"] = {"required": True, "content": content}
    return found


def _query(operation: Operation) -> list[dict[str, Any]]:
    if operation.query is None:
        return []
    properties = object_schema(operation.query, told=False)["properties"]
    found = []
    for name, schema in properties.items():
        says = {"description": schema.pop("description")} if "description" in schema else {}
        found.append({"name": name, "in": "query", **says, "schema": _never_null(schema)})
    return found


def _never_null(schema: Schema) -> Schema:
    """What a query or a form leaves out, it leaves out: it cannot say null."""
    found = dict(schema)
    if isinstance(found.get("type"), list):
        found["type"] = found["type"][0]
    if "enum" in found:
        found["enum"] = [value for value in found["enum"] if value is not None]
    return found


def _form(shape: type) -> Schema:
    schema = object_schema(shape, told=False)
    fields = {name: _never_null(part) for name, part in schema["properties"].items()}
    file = {"type": "string", "contentMediaType": "application/octet-stream"}
    return schema | {"properties": {VIDEO: file, **fields}, "required": [VIDEO]}


def _responses(operation: Operation) -> dict[str, Any]:
    found = {str(status): _response(answer) for status, answer in operation.answers.items()}
    problem = {MEDIA_TYPE: {"schema": schema_of(ProblemDetails)}}
    for status in sorted({*_ALWAYS, *operation.problems}):
        if str(status) not in found:
            found[str(status)] = {"description": _PROBLEMS[status], "content": problem}
    return found


def _response(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = {"description": answer.says}
    if answer.shape is not None:
        found["content"] = {JSON: {"schema": schema_of(answer.shape)}}
    for media_type in answer.media_types:
        found.setdefault("content", {})[media_type] = {}
    if answer.headers:
        found["headers"] = {
            name: {"description": says, "schema": {"type": "string"}}
            for name, says in answer.headers.items()
        }
    return found
