"""No value of any option of any command ends in anything but an answer or a line that says no.

The commands and their options are found by walking the command tree, so that new ones are covered.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from clipkind.cli.main import app, main
from clipkind.training.recipe import TYPES
from clipkind.training.recipe_file import RecipeError, load_recipe

LARGE = ["inf", str(10**30), "9" * 400]
HOSTILE = [*LARGE, "-inf", "nan", "1e10", "-1", "0", ""]
"""Each is too large, no number, or may be what an option means, such as 0 links."""


def commands(group: click.Group, *names: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, by its words."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, *names, name)
        else:
            yield (*names, name), command


COMMANDS = dict(commands(app))
OPTIONS = [
    pytest.param(words, option, id=f"{'-'.join(words)}{option.opts[0]}")
    for words, command in COMMANDS.items()
    for option in command.params
    if isinstance(option, click.Option)
    and not option.is_flag
    and not isinstance(option.type, click.Path)
]


def ends_fast(command: click.Command, folder: Path, tried: click.Option) -> list[str]:
    """Arguments with which a command ends at once: each path is absent, or empty if it must be."""
    (folder / "empty").mkdir()
    (folder / "empty.csv").touch()
    arguments = []
    for parameter in command.params:
        kind = parameter.type
        if parameter is tried or getattr(parameter, "is_flag", False):
            continue
        if isinstance(kind, click.Path):
            existing = "empty" if kind.dir_okay else "empty.csv"
            absent = f"absent{next(iter(getattr(kind, 'endings', ())), '.csv')}"
            value = str(folder / (existing if kind.exists else absent))
        elif parameter.required or isinstance(parameter, click.Argument):
            value = str(folder / "absent.csv")
        else:
            continue
        named = isinstance(parameter, click.Option)
        arguments += [parameter.opts[0], value] if named else [value]
    return arguments


@pytest.mark.parametrize(("words", "option"), OPTIONS)
def test_a_hostile_value_is_taken_for_what_it_means_or_refused_in_a_line(
    words: tuple[str, ...],
    option: click.Option,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    base = ends_fast(COMMANDS[words], tmp_path, option)
    words_only = isinstance(option.type, (click.types.StringParamType, click.Choice))
    seed = option.type is click.INT
    endless = seed or getattr(option.type, "endless", False)
    for value in HOSTILE:
        given = [option.opts[-1], *[value] * option.nargs]
        monkeypatch.setattr("sys.argv", ["clipkind", *words, *base, *given])
        with pytest.raises(SystemExit) as ended:
            main()
        told = capsys.readouterr().err
        assert ended.value.code in (1, 2, 3), (value, told)
        assert "Traceback" not in told
        refused = f"Invalid value for '{option.opts[0]}'" in told
        taken = words_only or (seed and value == "-1") or (endless and value in LARGE)
        assert refused or taken or value in ("0", "1e10"), (value, told)


@pytest.mark.parametrize("name", TYPES)
def test_a_hostile_value_of_a_recipe_is_refused_or_a_number_to_count_with(name: str) -> None:
    for value in [*HOSTILE, "[inf]", f"[{10**30}]", "[-1]"]:
        try:
            found = getattr(load_recipe("default", [f"{name}={value}"]), name)
        except RecipeError:
            continue
        numbers = found if isinstance(found, tuple) else (found,)
        assert all(isinstance(n, str) or math.isfinite(n) for n in numbers), value
        assert all(n < 1e10 for n in numbers if isinstance(n, int)), value
