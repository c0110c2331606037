"""`clipkind fit`: from a folder of labelled videos to a trained, measured model."""

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from clipkind.cli import options as shared
from clipkind.cli.train import ManySeeds, print_result, recipe_options, train_options
from clipkind.text import printable

if TYPE_CHECKING:
    from clipkind.training.prepare import TrainingData
    from clipkind.training.run import Run
    from clipkind.training.watch import Watch


@click.command("fit", cls=ManySeeds)
@click.argument("source", type=click.Path(path_type=Path, exists=True), metavar="DIR|MANIFEST")
@click.option(
    "--out",
    required=True,
    type=shared.NewFolder(),
    metavar="RUN",
    help="Folder of all that is made.",
)
@recipe_options("linear")
@click.option(
    "--backbone",
    default="efficientnet_lite0_stages",
    show_default=True,
    help="As for clipkind extract.",
)
@shared.weights
@shared.multi_scale
@click.option("--taxonomy", metavar="FILE", help="As for clipkind dataset scan.")
@shared.min_duration
@click.option(
    "--fresh",
    is_flag=True,
    help="Split the videos anew, and train anew: when many were added, moved or removed.",
)
@shared.jobs(many=True)
def command(source: Path, out: Path, **options: Any) -> int:
    """From a folder of labelled videos to a trained model: scan, check, split, extract, train.

    DIR is laid out class/[subcategory/]video. Near-duplicates and videos of one source never
    stand on both sides of the split, and what is measured, is measured on sources that training
    has not seen. Stopped by Ctrl-C or anything worse, the same command goes on where it was.
    """
    from clipkind.dataset.taxonomy import load_taxonomy
    from clipkind.training.recipe_file import load_recipe

    recipe = load_recipe(options["recipe"], options["changes"])  # before torch's long import

    from clipkind.workflow.fit import FitOptions, fit

    options["restart"] |= options["fresh"]
    name = options["taxonomy"]
    taxonomy = load_taxonomy(None if name == "documented" else Path(name)) if name else None
    settings = FitOptions(
        train=train_options(options, recipe, source),
        backbone=options["backbone"],
        multi_scale=options["multi_scale"],
        min_duration_s=options["min_duration"],
        taxonomy=taxonomy,
        jobs=options["jobs"],
        fresh=options["fresh"],
    )
    with View() as view:
        fitted = fit(source, out, recipe, settings, view)
    print_result(fitted.trained)
    refused = len(fitted.scanned.entries) - len(fitted.scanned.ok) + fitted.extracted.refused
    if refused:
        click.echo(
            f"{refused} files were refused and not used (exit code 1); see {out / 'dataset'}"
        )
    return 1 if refused else 0


class View:
    """The stages one after another: a bar while one runs, a line when it is over."""

    def __init__(self) -> None:
        from rich.console import Console

        from clipkind.cli.progress import progress_bar
        from clipkind.cli.training_view import TrainingView

        self._console = Console(stderr=True, highlight=False)
        self._bar = progress_bar(self._console)
        self._task = self._bar.add_task("", total=None, rate="")
        self._training = TrainingView()
        self._trains = False

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()
        self._training.__exit__(kind, error, traceback)
        if kind is KeyboardInterrupt and not self._trains:
            self.note("Stopped. The same command goes on where it was.")

    @property
    def watch(self) -> "Watch":
        return self._training.watch

    def stage(self, name: str) -> None:
        self._bar.reset(self._task, description=name, total=None)

    def step(self, done: int, total: int) -> None:
        self._bar.update(self._task, completed=done, total=total)

    def note(self, text: str) -> None:
        from rich.text import Text

        self._console.print(Text(printable(text)), soft_wrap=True)

    def start(self, run: "Run", data: "TrainingData", resumed: bool) -> None:
        self._bar.stop()  # training has bars of its own
        self._trains = True
        self._training.start(run, data, resumed)
