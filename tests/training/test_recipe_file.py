"""Recipes as people write them: names, TOML files, changes, and what is said about mistakes."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.training.recipe import DEFAULT, DOCUMENTED
from clipkind.training.recipe_file import RecipeError, dump_recipe, load_recipe


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from([DEFAULT, DOCUMENTED]),
    st.floats(1e-9, 1e3),
    st.booleans(),
    st.lists(st.integers(1, 999), max_size=4),
)
def test_a_written_recipe_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory,
    base: object,
    rate: float,
    standardize: bool,
    dims: list[int],
) -> None:
    recipe = replace(
        base,  # type: ignore[type-var]
        learning_rate=rate,
        standardize=standardize,
        classifier_dims=tuple(dims),
    )
    file = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    file.write_text(dump_recipe(recipe))
    assert load_recipe(str(file)) == recipe


def test_changes_come_on_top_of_file_and_base(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('base = "documented"\nhidden_dim = 96\nlearning_rate = 1\n')
    recipe = load_recipe(str(file), ["num_epochs=7", "select=macro_f1", "classifier_dims=[8, 4]"])
    assert recipe == replace(
        DOCUMENTED,
        hidden_dim=96,
        learning_rate=1.0,
        num_epochs=7,
        select="macro_f1",
        classifier_dims=(8, 4),
    )


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("best", [], "recipe best: give default or linear or documented, or a file"),
        ("missing.toml", [], "missing.toml: no such recipe file"),
        ("default", ["num_epoch=3"], "no field 'num_epoch': did you mean num_epochs"),
        ("default", ["num_epochs"], "write it as key=value"),
        ("default", ["num_epochs=many"], "num_epochs many is not a whole number"),
        ("default", ["num_epochs=2.5"], "num_epochs 2.5 is not a whole number"),
        ("default", ["num_epochs=true"], "num_epochs True is not a whole number"),
        ("default", ["standardize=1"], "standardize 1 is not true or false"),
        ("default", ["classifier_dims=[1, 'a']"], "is no list of whole numbers"),
        ("default", ["select=luck"], "select 'luck' is not macro_f1 or accuracy"),
        ("default", ["batch_size=0"], "batch_size 0 must be above 0"),
    ],
)
def test_mistakes_are_named(name: str, changes: list[str], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_recipe(name, changes)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("hidden_dim = ", "is not TOML"),
        ('base = "mine"', "base 'mine' is not default or linear or documented"),
        ("width = 3", "no field 'width'"),
    ],
)
def test_mistakes_in_a_file_are_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "r.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=message):
        load_recipe(str(file))
