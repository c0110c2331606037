"""The recipes: documented values, and nothing impossible."""

import json
from dataclasses import replace
from typing import Any

import pytest
import torch

from clipkind.model.temporal import TemporalClassifier, TemporalConfig
from clipkind.training.recipe import DEFAULT, DOCUMENTED, SEEDS
from clipkind.training.trainer import Trainer

CLASSES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")


def test_documented_values() -> None:
    stored = json.loads(json.dumps(DOCUMENTED.to_json()))
    documented = {
        "learning_rate": 0.001,
        "batch_size": 48,
        "num_epochs": 150,
        "patience": 25,
        "weight_decay": 5e-4,
        "grad_clip": 1.0,
        "gamma": 2.0,
        "smoothing": 0.1,
        "dropout": 0.4,
        "classifier_dims": [768, 512, 256],
        "select": "accuracy",
        "schedule": "warm_restarts",
        "restart_period": 20,
        "restart_factor": 2,
        "min_learning_rate": 1e-6,
        "schedule_step": "batch",
        "sampler": "weighted",
        "focal_p": "smoothed",
        "subset_rate": 0.5,
        "subset_share": 0.7,
        "roll_rate": 0.3,
        "roll_rows": 3,
        "noise_rate": 0.2,
        "feature_noise": 0.01,
    }
    assert {name: stored[name] for name in documented} == documented
    assert SEEDS == (42, 43, 44, 45)


def test_documented_recipe_trains_the_documented_network() -> None:
    assert Trainer(DOCUMENTED, 1280, CLASSES).config == TemporalConfig(feature_dim=1280)


def test_default_is_small() -> None:
    with torch.device("meta"):
        model = TemporalClassifier(Trainer(DEFAULT, 1280, CLASSES).config)
    assert sum(p.numel() for p in model.parameters()) < 1_000_000


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"warmup_epochs": 40.0}, "warmup_epochs 40.0 must be below num_epochs 40"),
        ({"time_crop": 0.0}, "time_crop 0.0"),
        ({"feature_dropout": 1.0}, "feature_dropout 1.0"),
        ({"batch_size": 0}, "batch_size"),
        ({"schedule": "linear"}, "schedule 'linear' is not cosine or warm_restarts"),
        ({"learning_rate": float("nan")}, "learning_rate nan"),
    ],
)
def test_impossible_recipes_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(DEFAULT, **change)
