"""Options that several commands share, so that they mean and say the same everywhere."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

timeout = click.option(
    "--timeout",
    default=300.0,
    show_default=True,
    type=click.FloatRange(min=0.1),
    help="Seconds one video may take to decode.",
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
    type=click.FloatRange(min=0),
    help="Seconds a video must last.",
)


def jobs(*, many: bool = False) -> Callable[[Command], Command]:
    """`--jobs`: one by default, or with `many` as many as there are cores, at most 4."""
    return click.option(
        "--jobs",
        "-j",
        default=min(os.cpu_count() or 1, 4) if many else 1,
        show_default="cores, at most 4" if many else True,
        type=click.IntRange(1, 64),
        help="Videos decoded at the same time, each in a process of its own.",
    )
