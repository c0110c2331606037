"""What the document says of a dataclass is what is accepted as one."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from clipkind.web.http.problems import Problem
from clipkind.web.schema import object_schema, read_object, schema_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Every kind of field there is."""

    name: Annotated[str, {"maxLength": 5, "minLength": 1}]
    """What it is called."""
    count: Annotated[int, {"minimum": 1, "maximum": 9}] = 3
    share: Annotated[float | None, {"exclusiveMinimum": 0, "maximum": 0.5}] = None
    """Between
    the two."""
    kind: Literal["a", "b"] | None = None
    sure: bool = False


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 12),
    st.floats(-1, 1, allow_nan=False).filter(lambda value: not value.is_integer()),
    st.sampled_from(["", "a", "b", "abc", "abcdef", "1", "true"]),
    st.just([]),
)
FIELDS = st.sampled_from(["name", "count", "share", "kind", "sure", "other"])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(FIELDS, SCALARS, max_size=6))
def test_an_object_is_read_exactly_where_its_schema_allows_it(values: dict[str, Any]) -> None:
    allowed = Draft202012Validator(object_schema(Sample, told=False)).is_valid(values)
    if allowed:
        read = read_object(Sample, values, texts=False)
        assert all(getattr(read, name) == value for name, value in values.items())
    else:
        with pytest.raises(Problem) as refused:
            read_object(Sample, values, texts=False)
        assert refused.value.status == 422


def test_texts_stand_for_values() -> None:
    texts = {"name": "7", "count": "7", "share": "5e-1", "kind": "b", "sure": "on"}
    read = read_object(Sample, texts, texts=True)
    assert read == Sample(name="7", count=7, share=0.5, kind="b", sure=True)


@pytest.mark.parametrize(
    "texts",
    [
        {"count": "7.0"},
        {"count": "٧"},
        {"count": "1" * 30},
        {"share": "nan"},
        {"share": "inf"},
        {"share": "1e999"},
        {"share": "0..1"},
        {"share": "0"},
        {"sure": "yes"},
        {"kind": "c"},
    ],
)
def test_texts_that_stand_for_nothing_are_refused(texts: dict[str, str]) -> None:
    with pytest.raises(Problem, match=next(iter(texts))):
        read_object(Sample, {"name": "x", **texts}, texts=True)


def test_a_schema_has_the_words_that_stand_in_the_code() -> None:
    told = object_schema(Sample)
    assert told["properties"]["name"]["description"] == "What it is called."
    assert told["properties"]["share"]["description"] == "Between the two."
    assert told["required"] == ["name", "count", "share", "kind", "sure"]
    assert object_schema(Sample, told=False)["required"] == ["name"]


def test_other_types_are_a_mistake_of_ours() -> None:
    with pytest.raises(TypeError):
        schema_of(set[str])
    with pytest.raises(TypeError):
        schema_of(int | str)
