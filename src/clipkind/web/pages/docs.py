"""The API for people, written from the document that programs read."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app, render_template

from clipkind.web.pages.blueprint import blueprint

_METHODS = ("get", "post", "put", "patch", "delete")


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a program may ask."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[tuple[str, str, str], ...]
    """Name, type and meaning."""
    bodies: tuple[tuple[str, tuple[tuple[str, str, str], ...]], ...]
    """Media type, and its fields."""
    answers: tuple[tuple[str, str, str], ...]
    """Status, meaning and what comes."""


@blueprint.get("/api/docs")
def api_docs() -> str:
    """The page."""
    from clipkind.web.api.openapi import document

    found = document(current_app)
    return render_template(
        "api_docs.html",
        info=found["info"],
        operations=operations(found),
        schemas=[
            (name, fields_of(found, schema))
            for name, schema in sorted(found.get("components", {}).get("schemas", {}).items())
        ],
    )


def operations(document: Mapping[str, Any]) -> list[Operation]:
    """Every operation of an OpenAPI document, in its order."""
    found = []
    for path, entry in document["paths"].items():
        for method in _METHODS:
            if method in entry:
                shared = entry.get("parameters", [])
                found.append(_operation(document, path, method, entry[method], shared))
    return found


def _operation(
    document: Mapping[str, Any], path: str, method: str, said: Mapping[str, Any], shared: list[Any]
) -> Operation:
    parameters = [_resolved(document, p) for p in (*shared, *said.get("parameters", []))]
    body = _resolved(document, said.get("requestBody", {}))
    answers = {str(k): _resolved(document, v) for k, v in said["responses"].items()}
    return Operation(
        id=said.get("operationId", f"{method}-{path}"),
        method=method.upper(),
        path=path,
        summary=said.get("summary", ""),
        description=said.get("description", ""),
        parameters=tuple(
            (p["name"], type_of(p.get("schema", {})), p.get("description", "")) for p in parameters
        ),
        bodies=tuple(
            (media, fields_of(document, one.get("schema", {})))
            for media, one in body.get("content", {}).items()
        ),
        answers=tuple(
            (status, one.get("description", ""), _content(one)) for status, one in answers.items()
        ),
    )


def _content(answer: Mapping[str, Any]) -> str:
    parts = []
    for media, one in answer.get("content", {}).items():
        kind = type_of(one.get("schema", {}))
        parts.append(f"{media}: {kind}" if kind else media)
    return "; ".join(parts)


def fields_of(document: Mapping[str, Any], schema: Any) -> tuple[tuple[str, str, str], ...]:
    """Name, type and meaning of each field of an object's schema; of any other, none."""
    resolved = _resolved(document, schema)
    needed = resolved.get("required", ())
    return tuple(
        (
            name,
            type_of(one) + (", required" if name in needed else ""),
            one.get("description", "") if isinstance(one, Mapping) else "",
        )
        for name, one in resolved.get("properties", {}).items()
    )


def type_of(schema: Any) -> str:
    """A schema in a few words: `integer`, `Job`, `list of Job`, `text or null`."""
    if not isinstance(schema, Mapping):
        return ""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several in ("oneOf", "anyOf", "allOf"):
        if several in schema:
            return " or ".join(filter(None, map(type_of, schema[several])))
    if "enum" in schema:
        return " or ".join(json.dumps(value) for value in schema["enum"])
    if "const" in schema:
        return json.dumps(schema["const"])
    kind = schema.get("type", "")
    kinds = list(kind) if isinstance(kind, list) else [kind]
    if "array" in kinds:
        kinds[kinds.index("array")] = f"list of {type_of(schema.get('items', {})) or 'anything'}"
    return " or ".join(filter(None, kinds)) + (
        f" ({schema['format']})" if "format" in schema else ""
    )


def _resolved(document: Mapping[str, Any], value: Any) -> Mapping[str, Any]:
    """What a reference within the document leads to."""
    while isinstance(value, Mapping) and "$ref" in value:
        found: Any = document
        for part in str(value["$ref"]).removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        value = found
    return value if isinstance(value, Mapping) else {}
