"""Recipes as people write them: a name, a TOML file, `key=value` changes."""

import difflib
import json
import tomllib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clipkind.checks import MOST
from clipkind.errors import ClipkindError
from clipkind.text import printable
from clipkind.training.recipe import RECIPES, TYPES, Recipe


class RecipeError(ClipkindError):
    """A recipe that does not exist, or a field or value in one that makes no sense."""


def load_recipe(name: str, changes: Iterable[str] = ()) -> Recipe:
    """The recipe called `name`, or in the TOML file of that name, with `key=value` changes made.

    A file holds fields of `Recipe`; `base = "documented"` says where the others come from
    (`default` where it is not given). Raises RecipeError.
    """
    if name in RECIPES:
        recipe = RECIPES[name]
    elif name.endswith(".toml"):
        recipe = _from_file(Path(name))
    else:
        known = " or ".join(RECIPES)
        raise RecipeError(f"recipe {printable(name)}: give {known}, or a file that ends in .toml")
    return _changed(recipe, dict(_parsed(change) for change in changes), "--set")


def dump_recipe(recipe: Recipe) -> str:
    """A TOML text that `load_recipe` reads back as an equal recipe."""
    # JSON writes texts, numbers, booleans and lists of numbers as TOML does
    return "".join(f"{key} = {json.dumps(value)}\n" for key, value in recipe.to_json().items())


def _from_file(path: Path) -> Recipe:
    shown = printable(str(path))
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except FileNotFoundError:
        raise RecipeError(f"{shown}: no such recipe file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{shown}: is not TOML ({printable(str(error))})") from None
    base = data.pop("base", "default")
    if base not in RECIPES:
        raise RecipeError(f"{shown}: base {base!r} is not {' or '.join(RECIPES)}")
    return _changed(RECIPES[base], data, shown)


def _parsed(change: str) -> tuple[str, Any]:
    """`key=value`; the value as TOML writes it, except that texts need no quotes."""
    key, equals, text = change.partition("=")
    if not equals:
        raise RecipeError(f"--set {printable(change)}: write it as key=value")
    try:
        return key.strip(), tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return key.strip(), text.strip()


def _changed(recipe: Recipe, values: dict[str, Any], where: str) -> Recipe:
    for key, value in values.items():
        if key not in TYPES:
            near = difflib.get_close_matches(key, TYPES, n=2)
            hint = f"did you mean {' or '.join(near)}?" if near else f"known: {', '.join(TYPES)}"
            raise RecipeError(f"{where}: a recipe has no field {printable(key)!r}: {hint}")
        values[key] = _typed(key, value, where)
    try:
        return replace(recipe, **values)
    except ValueError as error:
        raise RecipeError(f"{where}: {printable(str(error))}") from None


def _typed(key: str, value: Any, where: str) -> Any:
    wanted = TYPES[key]
    if wanted is float and type(value) is int and abs(value) <= MOST:
        return float(value)
    if wanted == tuple[int, ...]:
        if isinstance(value, list) and all(type(v) is int and v > 0 for v in value):
            return tuple(value)
        raise RecipeError(f"{where}: {key} {printable(str(value))} is no list of whole numbers")
    names = {int: "a whole number", float: f"a number up to {MOST}", bool: "true or false"}
    if type(value) is not (wanted if wanted in names else str):
        raise RecipeError(
            f"{where}: {key} {printable(str(value))} is not {names.get(wanted, 'a text')}"
        )
    return value
