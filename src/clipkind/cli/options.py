"""Options that several commands share, so that they mean and say the same everywhere."""

import math
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from clipkind.checks import LONGEST_S, MOST_JOBS
from clipkind.errors import ClipkindError
from clipkind.files import THROUGH, kind, resolved
from clipkind.text import printable

Command = TypeVar("Command", bound=Callable[..., Any])


class NewFile(click.Path):
    """A file to write. What would only fail at the end of long work is refused before it begins."""

    def __init__(
        self, what: str = "", *endings: str, through: bool = False, parents: bool = False
    ) -> None:
        """`endings`: of the name of a `what`. `through`: pipes and devices may be written to.

        `parents`: folders that are missing will be made.
        """
        super().__init__(path_type=Path, dir_okay=False, readable=False, writable=True)
        self._what, self.endings = what, endings
        self._through, self._parents = through, parents

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> Path:
        """Raises ClipkindError, as what is wrong lies with the name and not with the usage."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        shown, found = f"{param.opts[0]} {printable(str(path))}", kind(path)
        if self.endings and path.suffix.lower() not in self.endings:
            raise ClipkindError(f"{shown}: a {self._what}'s name ends in {self.endings[0]}")
        if found not in THROUGH:
            _require_folder(shown, resolved(path).parent, missing=self._parents)
        elif not self._through:
            raise ClipkindError(f"{shown}: is a {found}, where this cannot be written; name a file")
        return path


class NewFolder(click.Path):
    """A folder to fill, which need not be there; refused as a `NewFile` is."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False, readable=False)

    def convert(self, value: Any, param: Any, ctx: click.Context | None) -> Path:
        """Raises ClipkindError."""
        path = Path(os.fsdecode(super().convert(value, param, ctx)))
        there = path if path.exists() else resolved(path)  # a link may lead to where none is yet
        _require_folder(f"{param.opts[0]} {printable(str(path))}", there, missing=True)
        return there


def _require_folder(shown: str, folder: Path, *, missing: bool) -> None:
    """Raises ClipkindError where no file can be made in `folder`, which may be `missing`."""
    if missing:
        folder = next(there for there in (folder, *folder.absolute().parents) if kind(there))
    found = kind(folder)
    if not found:
        raise ClipkindError(f"{shown}: there is no such folder; make it")
    if found != "folder":
        raise ClipkindError(f"{shown}: {printable(str(folder))} is a {found}; name another place")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise ClipkindError(
            f"{shown}: cannot be written there ({error.strerror}); name another place"
        ) from None


class Number(click.FloatRange):
    """A number within a range; `inf` only with `endless`. click's own lets nan through."""

    def __init__(self, *, endless: bool = False, **bounds: Any) -> None:
        super().__init__(**bounds)
        self.endless = endless

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number) and not (self.endless and number > 0):
            self.fail(f"{value} is not a finite number", param, ctx)
        return number


timeout = click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    type=Number(min=0.1, endless=True),
    help="Seconds one video may take to decode; inf for any time.",
)
weights = click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Local weights file (.pth or .safetensors) of the backbone, not the published ones.",
)
multi_scale = click.option(
    "--multi-scale",
    type=click.Choice(["aligned", "documented", "single"]),
    default="single",
    show_default=True,
    help="How temporal scales are joined.",
)
min_duration = click.option(
    "--min-duration",
    default=1.0,
    show_default=True,
    type=Number(min=0, max=LONGEST_S),
    help="Seconds a video must last.",
)


def jobs(*, many: bool = False) -> Callable[[Command], Command]:
    """`--jobs`: one by default, or with `many` as many as there are cores, at most 4."""
    return click.option(
        "--jobs",
        "-j",
        default=min(os.cpu_count() or 1, 4) if many else 1,
        show_default="cores, at most 4" if many else True,
        type=click.IntRange(1, MOST_JOBS),
        help="Videos decoded at the same time, each in a process of its own.",
    )
