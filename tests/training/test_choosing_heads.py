"""Networks without their parts, and the head without time, learn; recipes choose them."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import clipkind
from clipkind.dataset.splits.table import read_split
from clipkind.errors import FileFormatError
from clipkind.features.store import open_features
from clipkind.model.bundle import load_bundle
from clipkind.model.heads import TemporalConfig
from clipkind.training.data import Split
from clipkind.training.learner import predict_logits
from clipkind.training.prepare import prepare
from clipkind.training.recipe import DEFAULT, DOCUMENTED, Recipe
from clipkind.training.recipe_file import RecipeError, dump_recipe, load_recipe
from clipkind.training.run import Run, load_run, open_run
from clipkind.training.trainer import Trainer, network_config
from clipkind.workflow.train import TrainOptions, train
from training.ramps import CLASSES, TINY, ramps
from training.small_set import RECIPE, SmallSet, make_small_set

KINDS: dict[str, dict[str, Any]] = {
    "no LSTM": {"num_lstm_layers": 0},
    "no attention": {"num_attention_heads": 0},
    "neither": {"num_lstm_layers": 0, "num_attention_heads": 0},
    "pooled": {"head": "pooled"},
    "linear": {"head": "pooled", "classifier_dims": ()},
}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


@pytest.mark.parametrize("kind", KINDS)
def test_learns(kind: str, small_set: SmallSet) -> None:
    with open_features(small_set.features) as file:
        data = prepare(file, read_split(small_set.split), "split.csv")
    names = data.contract.class_names
    trainer = Trainer(replace(RECIPE, **KINDS[kind]), data.contract.feature_dim, names)
    result = trainer.fit(data.split("train"), data.split("val"))
    assert not result.failure
    test = data.split("test")
    answers = predict_logits(result.model, test.features, test.lengths).argmax(axis=1)
    assert (answers == test.labels).all()


@pytest.mark.parametrize("kind", ["neither", "linear"])
def test_becomes_a_model_that_answers(kind: str, small_set: SmallSet, tmp_path: Path) -> None:
    recipe = replace(RECIPE, **KINDS[kind])
    options = TrainOptions(seeds=(7,), jobs=1)
    trained = train(small_set.features, small_set.split, tmp_path / "run", recipe, options)
    assert trained is not None
    assert trained.scores["accuracy"] == 1.0
    assert load_run(tmp_path / "run").recipe == recipe
    stored = TemporalConfig.from_json(load_bundle(tmp_path / "run").members[0].config)
    assert stored == network_config(recipe, stored.feature_dim, stored.num_classes)
    with clipkind.load(tmp_path / "run") as classifier:
        answers = list(classifier.classify_features(small_set.features))
    labels = {Path(answer.path).name: answer.label for answer in answers}
    found = [labels[f"test-{number}"] for number in range(12)]
    assert found == ["Cats", "Dogs"] * 6


@pytest.mark.parametrize("head", ["lstm2", 3, ["temporal"], None])
def test_a_run_of_a_head_nobody_knows_is_refused_in_one_line(head: object, tmp_path: Path) -> None:
    open_run(Run(tmp_path, RECIPE, (7,), {}))
    about = tmp_path / "run.json"
    data = json.loads(about.read_text())
    about.write_text(json.dumps(data | {"recipe": data["recipe"] | {"head": head}}))
    with pytest.raises(FileFormatError, match=r"run\.json: is damaged, or of another") as caught:
        load_run(tmp_path)
    assert "\n" not in str(caught.value)


def test_only_the_lstm_knows_the_order_of_frames() -> None:
    data = ramps(320, seed=0)
    train = Split(data.features[:240], data.lengths[:240], data.labels[:240])
    val = Split(data.features[240:], data.lengths[240:], data.labels[240:])

    def accuracy(recipe: Recipe) -> float:
        return Trainer(recipe, 6, CLASSES).fit(train, val).best.val_accuracy

    assert accuracy(replace(TINY, num_attention_heads=0)) > 0.95
    assert accuracy(replace(TINY, num_lstm_layers=0)) < 0.7
    assert accuracy(replace(TINY, head="pooled")) < 0.7


def test_the_linear_head_forgets_units_and_offsets_of_features() -> None:
    random = np.random.default_rng(3)
    labels = np.arange(120) % 2
    signal = random.standard_normal(6) * labels[:, None, None]
    features = (random.standard_normal((120, 8, 6)) + signal).astype(np.float32)
    recipe = replace(TINY, head="pooled", classifier_dims=(), standardize=True, feature_noise=0.0)

    def answers(features: np.ndarray) -> np.ndarray:
        split = Split(features, np.full(120, 8), labels)
        result = Trainer(recipe, 6, CLASSES).fit(split, split)
        return predict_logits(result.model, split.features, split.lengths)

    moved = features * np.array([100, 1, 1, 100, 1, 1], np.float32) + 3
    found, again = answers(features), answers(moved)
    assert ((found.argmax(axis=1) == labels).mean()) > 0.9
    assert (found.argmax(axis=1) == again.argmax(axis=1)).mean() > 0.9


def test_recipes_choose_a_head(tmp_path: Path) -> None:
    changes = ["head=pooled", "classifier_dims=[]", "num_lstm_layers=0"]
    recipe = load_recipe("default", changes)
    assert recipe == replace(DEFAULT, head="pooled", classifier_dims=(), num_lstm_layers=0)
    file = tmp_path / "mine.toml"
    file.write_text(dump_recipe(recipe))
    assert 'head = "pooled"' in file.read_text()
    assert load_recipe(str(file)) == recipe
    assert Trainer(recipe, 6, CLASSES).config.head == "pooled"


def test_a_run_begun_before_there_was_a_choice_is_the_same_run() -> None:
    assert "head" not in DEFAULT.to_json()
    assert DOCUMENTED.head == "temporal"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("head=lstm2", "head 'lstm2' is not temporal or pooled"),
        ("head=3", "head 3 is not a text"),
        ("num_lstm_layers=-1", "num_lstm_layers -1 must be 0 or more"),
        ("num_attention_heads=-1", "num_attention_heads -1 must be 0 or more"),
        ("num_attention_heads=5", "must divide 128, twice hidden_dim"),
    ],
)
def test_mistakes_are_named(change: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message) as refused:
        load_recipe("default", [change])
    assert "\n" not in str(refused.value)


def test_without_lstm_the_heads_must_divide_the_projection() -> None:
    with pytest.raises(ValueError, match="must divide 6, hidden_dim \\(without LSTM\\)"):
        replace(DEFAULT, hidden_dim=6, num_lstm_layers=0)
