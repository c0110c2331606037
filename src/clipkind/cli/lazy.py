"""Groups of commands that are imported only when used, so that --help is instant."""

from importlib import import_module
from typing import Any

import click

_MODULES = {"import": "import_checkpoint", "export": "export_checkpoint"}
"""Where a module cannot bear the name of its command, or would say too little."""


class LazyGroup(click.Group):
    """Commands named in `commands_help` (name -> one line); each lives in a module of its name.

    The module is `clipkind.cli.<prefix><name>`, or what `_MODULES` has for it, and calls its click
    command `command`.
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
        module_name = self._prefix + name
        module = import_module(f"clipkind.cli.{_MODULES.get(module_name, module_name)}")
        command: click.Command = module.command
        return command

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._help.items()))
