"""The JSON schema that follows from `clipkind.evaluation.result`; run as a script it is written."""

import inspect
import json
import types
from pathlib import Path
from typing import (
    Any,
    Literal,
    NotRequired,
    Union,
    get_args,
    get_origin,
    get_type_hints,
    is_typeddict,
)

from clipkind.evaluation import result

SCHEMA = Path(result.__file__).with_name("schema.json")
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def schema() -> dict[str, Any]:
    """Of an evaluation, with a definition for every part of it."""
    parts = [kind for _, kind in sorted(vars(result).items()) if is_typeddict(kind)]
    whole = _object(result.Evaluation)
    whole["properties"]["format"] = {"const": result.FORMAT}
    whole["properties"]["format_version"] = {"const": result.FORMAT_VERSION}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "What `clipkind evaluate --json` writes",
        **whole,
        "$defs": {kind.__name__: _object(kind) for kind in parts if kind is not result.Evaluation},
    }


def _object(kind: Any) -> dict[str, Any]:
    hints = get_type_hints(kind, include_extras=True)
    return {
        "type": "object",
        "description": " ".join((inspect.getdoc(kind) or "").split()),
        "properties": {name: _type(hint) for name, hint in hints.items()},
        "required": sorted(kind.__required_keys__),
        "additionalProperties": False,
    }


def _type(hint: Any) -> dict[str, Any]:
    origin, arguments = get_origin(hint), get_args(hint)
    if is_typeddict(hint):
        return {"$ref": f"#/$defs/{hint.__name__}"}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is NotRequired:
        return _type(arguments[0])
    if origin is list:
        return {"type": "array", "items": _type(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1])}
    assert origin in (Union, types.UnionType), hint
    return {"anyOf": [_type(argument) for argument in arguments]}


def text() -> str:
    """As `schema.json` holds it."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(text(), encoding="utf-8")
