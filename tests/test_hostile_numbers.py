"""Numbers that make no sense are refused where Python hands them over, not where they do harm."""

import math
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

import clipkind
from clipkind.contract import Contract
from clipkind.dataset.scan import scan
from clipkind.features.pipeline import FeatureExtractor
from clipkind.video.isolation import DecodeWorker
from clipkind.web.settings import Settings
from clipkind.workflow.evaluate_input import EvaluateOptions
from clipkind.workflow.fit import FitOptions
from clipkind.workflow.train import TrainOptions

COUNTS: list[Any] = [-1, 0.5, 10**30, math.inf, math.nan]
MEASURES: list[Any] = [-1.0, math.nan]
CONTRACT = Contract(backbone="", weights_sha256="", feature_dim=1)
TRAIN = TrainOptions(seeds=(1,), jobs=1)
VALUES = [
    Settings(state=Path("state")),
    TRAIN,
    FitOptions(train=TRAIN),
    EvaluateOptions(train_jobs=1),
    CONTRACT,
]
FIELDS = [
    pytest.param(value, field.name, id=f"{type(value).__name__}.{field.name}")
    for value in VALUES
    for field in fields(value)
    if type(getattr(value, field.name)) in (int, float) and field.name != "version"
]


@pytest.mark.parametrize(("value", "name"), FIELDS)
def test_options_hold_no_hostile_number(value: Any, name: str) -> None:
    whole = isinstance(getattr(value, name), int)
    for hostile in COUNTS if whole else [*MEASURES, math.inf]:
        with pytest.raises(ValueError, match=f"{name}.* {hostile}"):
            replace(value, **{name: hostile})


@pytest.mark.parametrize(
    ("call", "counts", "measures"),
    [
        (clipkind.load, ["jobs"], ["timeout_s"]),
        (
            lambda **given: FeatureExtractor(None, CONTRACT, **given),  # type: ignore[arg-type]
            ["jobs", "batch_size", "eager"],
            ["timeout_s"],
        ),
        (DecodeWorker, [], ["timeout_s"]),
        (lambda **given: scan(Path("absent"), **given), ["jobs"], ["min_duration_s"]),
    ],
)
def test_calls_take_no_hostile_number(
    call: Callable[..., Any], counts: list[str], measures: list[str]
) -> None:
    hostile = [(name, value) for name in counts for value in [*COUNTS, 0]]
    hostile += [(name, value) for name in measures for value in MEASURES]
    for name, value in hostile:
        with pytest.raises(ValueError, match=f"{name} is {value}"):
            call(**{name: value})
