"""What a view of the API takes and answers, said beside it: the document is made of that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import request

from clipkind.text import printable
from clipkind.web.http.problems import Problem
from clipkind.web.schema import read_object

View = TypeVar("View", bound=Callable[..., Any])
Shape = TypeVar("Shape")
JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Answer:
    """One way in which a view answers."""

    says: str
    shape: Any = None
    """Annotation of its JSON."""
    media_types: tuple[str, ...] = ()
    """Of other content."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Name -> what it says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One view."""

    summary: str
    answers: Mapping[int, Answer]
    problems: tuple[int, ...] = ()
    """Statuses of problems, besides those that all views have."""
    query: type | None = None
    """Dataclass of the parameters behind the question mark."""
    body: type | None = None
    """Dataclass of the JSON it takes."""
    form: type | None = None
    """Dataclass of the form it takes, with a file in the field `video`."""


def describes(operation: Operation) -> Callable[[View], View]:
    """Mark a view with what it does."""

    def mark(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return mark


def read_query(shape: type[Shape]) -> Shape:
    """The request's parameters as a dataclass of that shape. Raises Problem (422)."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise Problem(422, "bad_request", f"{printable(name)[:80]} is given twice")
    return read_object(shape, request.args.to_dict(), texts=True)
