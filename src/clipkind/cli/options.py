"""Options that several commands share, so that they mean and say the same everywhere."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from clipkind.checks import LONGEST_S, MOST_JOBS

Command = TypeVar("Command", bound=Callable[..., Any])


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
