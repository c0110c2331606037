"""`clipkind train`: a feature file and a split to a trained, measured model."""

import shlex
from collections.abc import Callable
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipkind.checks import MOST_JOBS
from clipkind.cli import options as shared
from clipkind.text import counted, printable

if TYPE_CHECKING:
    from clipkind.training.recipe import Recipe
    from clipkind.workflow.train import Trained

_FILE = click.Path(path_type=Path, dir_okay=False)


def recipe_options(recipe: str) -> Callable[[Any], Any]:
    """The options that say how to train, which `train` and `fit` share; `recipe` is the default."""
    options = [
        click.option(
            "--recipe",
            default=recipe,
            show_default=True,
            help="default, linear, documented, or a TOML file with fields of a recipe.",
        ),
        click.option(
            "--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a recipe's field."
        ),
        click.option(
            "--seeds",
            multiple=True,
            type=int,
            help="One a member of the ensemble.  [default: 42 43 44 45; linear: 42]",
        ),
        click.option(
            "--combine",
            type=click.Choice(["equal", "weighted", "selected"]),
            default="equal",
            show_default=True,
            help="How members vote: all alike, with weights that fit the validation split best, "
            "or those that help on it.",
        ),
        click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto."),
        click.option(
            "--train-jobs",
            type=click.IntRange(1, MOST_JOBS),
            help="Members trained at a time.  [default: as many as there are cores for]",
        ),
        click.option(
            "--restart", is_flag=True, help="Throw away what an earlier run left in --out."
        ),
    ]
    return lambda command: reduce(lambda made, option: option(made), reversed(options), command)


class ManySeeds(click.Command):
    """Lets `--seeds 42 43 44` stand for `--seeds 42 --seeds 43 --seeds 44`."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        in_seeds = False
        for before, arg in pairwise(["", *args]):
            in_seeds = before == "--seeds" or (in_seeds and _is_number(before))
            if in_seeds and before != "--seeds" and _is_number(arg):
                spread.append("--seeds")
            spread.append(arg)
        return super().parse_args(context, spread)


def _is_number(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


@click.command("train", cls=ManySeeds)
@click.argument("features", type=_FILE)
@click.option("--split", required=True, type=_FILE, help="Split file of `clipkind dataset split`.")
@click.option(
    "--out",
    required=True,
    type=shared.NewFolder(),
    metavar="RUN",
    help="Folder of the run.",
)
@recipe_options("default")
@shared.weights
def command(features: Path, split: Path, out: Path, **options: Any) -> int:
    """Train an ensemble on FEATURES and make a model of it that `classify --model RUN` takes.

    Stopped by Ctrl-C or anything worse, the same command goes on where it was. RUN keeps the
    recipe, a checkpoint, a history and a dashboard of every member.
    """
    from clipkind.training.recipe_file import load_recipe

    recipe = load_recipe(options["recipe"], options["changes"])  # before torch's long import

    from clipkind.cli.training_view import TrainingView
    from clipkind.training.distributed import process_group
    from clipkind.workflow.train import train

    settings = train_options(options, recipe, features)
    with process_group(settings.device), TrainingView() as view:
        trained = train(features, split, out, recipe, settings, view.watch, view.start)
    if trained is None:
        return 0
    print_result(trained)
    return 0


def train_options(options: dict[str, Any], recipe: "Recipe", source: Path) -> Any:
    """The options as `clipkind.workflow.train` takes them. Raises UsageError."""
    from clipkind.training.recipe import default_seeds

    seeds = options["seeds"] or default_seeds(recipe)
    if len(set(seeds)) != len(seeds):
        raise click.UsageError(f"--seeds {' '.join(map(str, seeds))}: give each seed once")

    from clipkind.workflow.train import TrainOptions

    return TrainOptions(
        seeds=tuple(seeds),
        device=device_of(options["device"]),
        jobs=options["train_jobs"],
        restart=options["restart"],
        weights=options.get("weights"),
        combine=options["combine"],
        data_name=printable(source.resolve().name),
    )


def print_result(trained: "Trained") -> None:
    """What came of it, and what to do with it."""
    from clipkind.dataset.manifest import UNKNOWN_SOURCES

    out = trained.run.folder
    for member in trained.members:
        if member.failure:
            click.echo(f"{member.name} failed and does not vote: {printable(member.failure)}")
    if scores := trained.scores:
        low, high = scores["accuracy_95"]
        f1 = ", ".join(f"{printable(n)} {value:.3f}" for n, value in scores["f1"].items())
        over, of = "sources", f"of {counted(scores['groups'], 'source')}"
        if not trained.sources_known:
            over, of = "groups", f"in {counted(scores['groups'], 'group')}; {UNKNOWN_SOURCES}"
        click.echo(
            f"Test: accuracy {scores['accuracy']:.3f} (95 % interval over {over} {low:.3f} to "
            f"{high:.3f}; {counted(scores['videos'], 'video')} {of})"
        )
        click.echo(f"      macro F1 {scores['macro_f1']:.3f}: {f1}")
        largest = max(map(sum, scores["confusion"])) / scores["videos"]
        if low <= largest:
            click.echo(
                f"      ! always saying the largest class would be right in {largest:.3f}: "
                "this does not show that the model is better than that"
            )
    else:
        click.echo("The split has no test videos: nothing is measured on videos not trained with.")
    click.echo(f"Model: {trained.run.bundle}  (card: {trained.run.bundle / 'README.md'})")
    click.echo(f"Next:  clipkind classify --model {shlex.quote(str(out))} YOUR_VIDEO_OR_FOLDER")


def device_of(name: str) -> str:
    """What `--device` means on this machine. Raises UsageError."""
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "cuda"):
        raise click.UsageError(f"--device {name}: give cpu, cuda or auto")
    if device.type == "cuda" and not torch.cuda.is_available():
        raise click.UsageError(f"--device {name}: this machine has no CUDA; leave it out")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        count = torch.cuda.device_count()
        raise click.UsageError(f"--device {name}: this machine has cuda:0 to cuda:{count - 1}")
    return name
