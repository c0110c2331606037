"""Groups of commands that are imported only when used, so that --help is instant."""

from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """Commands named in `commands_help` (name -> one line); each lives in a module of its name.

    The module is `clipkind.cli.<prefix><name>` and calls its click command `command`.
    """

    def __init__(self, *, commands_help: dict[str, str], prefix: str = "", **options: Any) -> None:
        super().__init__(**options)
        self._help = commands_help
        self._prefix = prefix

    def list_commands(self, _context: click.Context) -> list[str]:
        return list(self._help)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        if name not in self._help:
            return None
        module = import_module(f"clipkind.cli.{self._prefix}{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help.items()))
