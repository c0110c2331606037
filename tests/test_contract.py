"""The contract: what is written comes back, and what differs does not meet unseen."""

import json
from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clipkind.contract import CONTRACT_VERSION, Contract, scaled_length
from clipkind.errors import ContractMismatch, FileFormatError
from clipkind.text import composed

CONTRACT = Contract(
    backbone="resnet50",
    weights_sha256="0" * 64,
    feature_dim=2048,
    class_names=("Animation", "Gaming"),
)
OTHER: dict[str, Any] = {
    "num_frames": 32,
    "window": (0.1, 0.9),
    "scales": (1.0, 0.5),
    "multi_scale": "documented",
    "keyframe_snap": 0.0,
    "resize": 256,
    "crop": 224,
    "interpolation": "bicubic",
    "mean": (0.5, 0.5, 0.5),
    "std": (0.5, 0.5, 0.5),
    "backbone": "resnet101",
    "weights_sha256": "1" * 64,
    "feature_dim": 1280,
}
"""Another valid value of every field that shapes features and may differ."""
FIXED = {"version", "color_range"}
"""Fields with one legal value so far."""
finite = st.floats(0.01, 0.99)
common = settings(deadline=None)


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    start, stop = sorted(draw(st.lists(finite, min_size=2, max_size=2, unique=True)))
    crop = draw(st.integers(1, 1000))
    return Contract(
        num_frames=draw(st.integers(1, 10_000)),
        window=draw(st.sampled_from([(start, stop), (0, 1), (0.0, 1.0)])),
        scales=(1.0, *draw(st.lists(st.floats(0.01, 4), max_size=4))),
        multi_scale=draw(st.sampled_from(["aligned", "documented", "single"])),
        keyframe_snap=draw(st.sampled_from([0, 0.25, 0.5])),
        resize=crop + draw(st.integers(0, 1000)),
        crop=crop,
        interpolation=draw(st.sampled_from(["bilinear", "bicubic", "area"])),
        mean=draw(st.tuples(finite, finite, finite)),
        std=draw(st.tuples(finite, finite, finite)),
        backbone=draw(st.text()),
        weights_sha256=draw(st.text()),
        feature_dim=draw(st.integers(1, 10_000)),
        class_names=tuple(draw(st.lists(st.text(), max_size=5, unique_by=composed))),
    )


@common
@given(contracts())
def test_it_comes_back_from_json_as_it_was(contract: Contract) -> None:
    text = json.dumps(contract.to_json())
    again = Contract.from_json(json.loads(text))
    assert again == contract
    assert hash(again) == hash(contract)
    assert again.sha256 == contract.sha256


def test_every_field_is_covered_here() -> None:
    assert {f.name for f in fields(Contract)} == OTHER.keys() | FIXED | {"class_names"}


@pytest.mark.parametrize("name", sorted(OTHER))
def test_whatever_shapes_features_changes_the_hash(name: str) -> None:
    assert replace(CONTRACT, **{name: OTHER[name]}).sha256 != CONTRACT.sha256


def test_class_names_do_not_change_the_hash() -> None:
    assert replace(CONTRACT, class_names=("A", "B", "C")).sha256 == CONTRACT.sha256


def test_whole_numbers_are_the_same_contract_as_floats() -> None:
    whole = replace(CONTRACT, window=(0, 1), scales=(1, 2), keyframe_snap=0)
    same = replace(CONTRACT, window=(0.0, 1.0), scales=(1.0, 2.0), keyframe_snap=0.0)
    assert whole == same
    assert whole.sha256 == same.sha256


@pytest.mark.parametrize("name", sorted(OTHER))
def test_a_differing_field_is_refused_by_name_with_both_values(name: str) -> None:
    other = replace(CONTRACT, **{name: OTHER[name]})
    with pytest.raises(ContractMismatch) as caught:
        CONTRACT.require_same(other, ours="model m", theirs="file f.h5")
    assert caught.value.fields == (name,)
    message = str(caught.value)
    assert f"{name} is {OTHER[name]!r}, not {getattr(CONTRACT, name)!r}" in message
    assert message.startswith("file f.h5 does not fit model m: ")
    assert "\n" not in message


@common
@given(st.sets(st.sampled_from(sorted(OTHER)), min_size=1))
def test_every_differing_field_is_named(names: set[str]) -> None:
    other = replace(CONTRACT, **{name: OTHER[name] for name in names})
    with pytest.raises(ContractMismatch) as caught:
        CONTRACT.require_same(other, ours="a", theirs="b")
    assert set(caught.value.fields) == names
    assert all(f"{name} is" in str(caught.value) for name in names)


@pytest.mark.parametrize(
    ("ours", "theirs"), [((), ("A",)), (("A",), ()), ((), ()), (("A",), ("A",))]
)
def test_class_names_meet_where_one_side_has_none(
    ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    other = replace(CONTRACT, class_names=theirs)
    replace(CONTRACT, class_names=ours).require_same(other, ours="a", theirs="b")


@pytest.mark.parametrize("theirs", [("Gaming", "Animation"), ("Animation",), ("a", "b")])
def test_other_class_names_or_another_order_are_refused(theirs: tuple[str, ...]) -> None:
    with pytest.raises(ContractMismatch) as caught:
        CONTRACT.require_same(replace(CONTRACT, class_names=theirs), ours="a", theirs="b")
    assert caught.value.fields == ("class_names",)


@pytest.mark.parametrize("version", [CONTRACT_VERSION + 1, 0, None, "1"])
def test_another_version_is_refused_before_anything_else(version: Any) -> None:
    data = {**CONTRACT.to_json(), "version": version, "a_field_of_the_future": 1}
    with pytest.raises(FileFormatError, match=f"contract version {version!r} is not") as caught:
        Contract.from_json(data)
    assert "\n" not in str(caught.value)


def test_an_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(FileFormatError, match="unknown field 'sharpen'"):
        Contract.from_json({**CONTRACT.to_json(), "sharpen": True})


@pytest.mark.parametrize("name", ["backbone", "weights_sha256", "feature_dim"])
def test_a_missing_field_is_refused_by_name(name: str) -> None:
    data = CONTRACT.to_json()
    del data[name]
    with pytest.raises(FileFormatError, match=name):
        Contract.from_json(data)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=5,
)


def kind_of(value: Any) -> Any:
    """What a JSON value is made of: whole numbers may stand for others, but not the reverse."""
    if isinstance(value, tuple | list):
        return [kind_of(v) for v in value]
    return float if type(value) is int else type(value)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(sorted(CONTRACT.to_json())), json_values)
@example("backbone", 5)
@example("class_names", "Gaming")
@example("class_names", ["Gaming", 3])
@example("mean", [0.5, 0.5])
@example("mean", 0.5)
@example("std", [0.5, "0.5", 0.5])
@example("std", [0.2, 0.0, 0.2])
@example("scales", [1.0, float("nan")])
@example("num_frames", 64.5)
@example("num_frames", True)
@example("resize", float("inf"))
@example("interpolation", "nearest")
@example("color_range", "limited")
@example("version", True)
def test_a_damaged_value_is_refused_in_one_line_or_harmless(name: str, value: Any) -> None:
    complaint = ""
    try:
        contract = Contract.from_json({**CONTRACT.to_json(), name: value})
    except FileFormatError as error:
        complaint = str(error)
    if complaint:
        assert "\n" not in complaint
        assert name in complaint
        return
    assert json.loads(json.dumps(contract.to_json()))[name] == value
    if name not in ("scales", "class_names"):
        assert kind_of(getattr(contract, name)) == kind_of(getattr(CONTRACT, name))
    assert type(contract.num_frames) is type(contract.crop) is int
    assert all(type(c) is str for c in contract.class_names)
    assert all(0 < s < float("inf") for s in (*contract.scales, *contract.std))


@pytest.mark.parametrize("data", [None, [], "contract", 3])
def test_json_of_another_kind_is_refused(data: Any) -> None:
    with pytest.raises(FileFormatError, match="contract"):
        Contract.from_json(data)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_frames", 0),
        ("feature_dim", 0),
        ("window", (0.5, 0.5)),
        ("window", (-0.1, 1.0)),
        ("window", (0.0, 1.1)),
        ("crop", 0),
        ("crop", 295),
        ("scales", ()),
        ("scales", (0.85, 1.0)),
        ("scales", (1.0, 0.0)),
        ("multi_scale", "both"),
        ("std", (0.2, 0.0, 0.2)),
        ("keyframe_snap", 0.6),
        ("keyframe_snap", float("nan")),
    ],
)
def test_values_nobody_can_mean_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        replace(CONTRACT, **{name: value})


@pytest.mark.parametrize(
    ("multi_scale", "rows", "samples"),
    [("single", 64, (64,)), ("aligned", 64, (64, 54, 73)), ("documented", 73, (64,))],
)
def test_lengths_are_the_documented_ones(
    multi_scale: Any, rows: int, samples: tuple[int, ...]
) -> None:
    contract = replace(CONTRACT, multi_scale=multi_scale)
    assert contract.sequence_length == rows
    assert contract.sample_lengths == samples


@common
@given(st.integers(1, 1000), st.floats(0.01, 4))
def test_a_scale_takes_its_share_of_the_samples_but_five_at_least(n: int, scale: float) -> None:
    assert scaled_length(n, 1.0) == n
    if scale != 1.0:
        assert scaled_length(n, scale) == max(int(n * scale), 5)


def test_class_names_that_look_the_same_are_one_name() -> None:
    decomposed = replace(CONTRACT, class_names=("E\u0301te\u0301", "Gaming"))
    assert decomposed == replace(CONTRACT, class_names=("\u00c9t\u00e9", "Gaming"))
    with pytest.raises(ValueError, match="each class a name of its own"):
        replace(CONTRACT, class_names=("E\u0301", "\u00c9"))
