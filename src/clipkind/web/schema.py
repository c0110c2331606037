"""JSON schemas of dataclasses, and values checked by them: what the API says is what it does."""

import ast
import inspect
import math
import re
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from clipkind.text import printable
from clipkind.web.http.problems import Problem

Schema = dict[str, Any]
Shape = TypeVar("Shape")
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}
_WORDS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


def schema_of(hint: Any) -> Schema:
    """The schema of an annotation. `Annotated[int, {"minimum": 1}]` adds keywords to it."""
    origin, parts = get_origin(hint), get_args(hint)
    if hint is Any:
        return {}
    if origin is Annotated:
        return {**schema_of(parts[0]), **parts[1]}
    if hint in _PLAIN:
        return {"type": _PLAIN[hint]}
    if origin is Literal:
        return {"type": "string", "enum": list(parts)}
    if origin in (Union, types.UnionType):
        return _or_null([part for part in parts if part is not type(None)])
    if origin in (list, tuple):
        return {"type": "array", "items": schema_of(parts[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": schema_of(parts[1])}
    if is_dataclass(hint):
        return {"$ref": f"#/components/schemas/{hint.__name__}"}  # type: ignore[union-attr]
    raise TypeError(f"no schema for {hint}")


def object_schema(shape: type, *, leave_out: tuple[str, ...] = (), told: bool = True) -> Schema:
    """The schema of a dataclass. `told`: the server says it, all of it; else clients ask it."""
    hints, words = get_type_hints(shape, include_extras=True), _field_docs(shape)
    properties, required = {}, []
    for part in fields(shape):
        if part.name in leave_out:
            continue
        schema = schema_of(hints[part.name])
        if words.get(part.name):
            schema = {"description": words[part.name], **schema}
        if not told and part.default not in (MISSING, None):
            schema["default"] = part.default
        properties[part.name] = schema
        if told or _is_required(part):
            required.append(part.name)
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    return found | ({"required": required} if required else {})


def read_object(shape: type[Shape], values: Any, *, texts: bool) -> Shape:
    """`values` (of JSON; or `texts` of a query or a form) as a dataclass of that shape.

    Raises Problem (422) naming what does not fit.
    """
    if not isinstance(values, Mapping):
        raise _unfit("the body must be a JSON object")
    hints = get_type_hints(shape, include_extras=True)
    if unknown := sorted(set(values) - set(hints)):
        known = ", ".join(hints)
        raise _unfit(f"{printable(str(unknown[0]))[:80]} is not among {known}")
    read = {}
    for part in fields(shape):  # type: ignore[arg-type]
        if part.name in values:
            schema = schema_of(hints[part.name])
            value = values[part.name]
            read[part.name] = _checked(
                part.name, _of_text(value, schema) if texts else value, schema
            )
        elif _is_required(part):
            raise _unfit(f"{part.name} is missing")
    return shape(**read)


def _or_null(parts: list[Any]) -> Schema:
    if len(parts) != 1:
        raise TypeError("of several types only one and None")
    schema = schema_of(parts[0])
    if "$ref" in schema:
        return {"anyOf": [schema, {"type": "null"}]}
    if "enum" in schema:
        schema["enum"] = [*schema["enum"], None]
    return schema | {"type": [schema["type"], "null"]}


def _is_required(part: "Field[Any]") -> bool:
    return part.default is MISSING and part.default_factory is MISSING


def _of_text(text: str, schema: Schema) -> Any:
    """The value a text stands for; the text itself where it stands for none."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "boolean" in kinds:
        return _WORDS.get(text, text)
    if "integer" in kinds and re.fullmatch(r"-?[0-9]{1,18}", text, re.ASCII):
        return int(text)
    if "number" in kinds and re.fullmatch(r"-?[0-9.]+(e[+-]?[0-9]+)?", text, re.ASCII | re.I):
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _checked(name: str, value: Any, schema: Schema) -> Any:
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(_is_of(value, kind) for kind in kinds):
        raise _unfit(f"{name} must be {' or '.join(kinds)}")
    if value is None:
        return value
    if "enum" in schema and value not in schema["enum"]:
        raise _unfit(f"{name} must be one of {', '.join(filter(None, schema['enum']))}")
    if isinstance(value, str):
        if len(value) > schema.get("maxLength", math.inf):
            raise _unfit(f"{name} must have at most {schema['maxLength']} characters")
        if len(value) < schema.get("minLength", 0):
            raise _unfit(f"{name} must not be empty")
    elif not isinstance(value, bool):
        _check_number(name, value, schema)
    return float(value) if "number" in kinds and not isinstance(value, bool) else value


def _check_number(name: str, value: float, schema: Schema) -> None:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above = schema.get("exclusiveMinimum", -math.inf)
    if not (low <= value <= high and value > above):
        least = f"above {above:g}" if above > low else f"at least {low:g}"
        raise _unfit(f"{name} must be {least} and at most {high:g}")


def _is_of(value: Any, kind: str) -> bool:
    if kind == "number":
        return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300
    if kind == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, {"string": str, "boolean": bool, "null": type(None)}[kind])


def _unfit(detail: str) -> Problem:
    return Problem(422, "bad_request", detail)


@cache
def _field_docs(shape: type) -> dict[str, str]:
    """The text that follows each field in the source, of the class and those it extends."""
    found: dict[str, str] = {}
    for base in reversed(shape.__mro__[:-1]):
        body = ast.parse(inspect.getsource(base)).body[0]
        lines = body.body if isinstance(body, ast.ClassDef) else []
        for line, following in pairwise(lines):
            if (
                isinstance(line, ast.AnnAssign)
                and isinstance(line.target, ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
            ):
                found[line.target.id] = inspect.cleandoc(str(following.value.value)).replace(
                    "\n", " "
                )
    return found
