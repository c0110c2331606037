"""`clipkind evaluate`: how good a model is, beside what is simpler, with intervals."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipkind.checks import MOST_JOBS
from clipkind.cli import options as shared
from clipkind.text import printable

if TYPE_CHECKING:
    from clipkind.workflow.evaluate_input import EvaluateOptions

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("evaluate")
@click.argument("model", type=click.Path(path_type=Path, file_okay=False), metavar="RUN|BUNDLE")
@click.option(
    "--split",
    type=click.Choice(["test", "val", "train"]),
    default="test",
    show_default=True,
    help="Whose videos to ask about.",
)
@click.option("--tta", is_flag=True, help="Also ask every network in four ways (test-time augm.).")
@click.option(
    "--html",
    type=shared.NewFile("page", ".html", ".htm", through=True),
    help="Write the whole report as one page.",
)
@click.option(
    "--json",
    "json_file",
    type=shared.NewFile(through=True),
    help="Write every figure as JSON.",
)
@click.option(
    "--png",
    type=shared.NewFolder(),
    metavar="DIR",
    help="Write the report's plots into this folder.",
)
@click.option(
    "--features", type=_FILE, help="Feature file: of a bundle, or where the run's was moved to."
)
@click.option("--split-file", type=_FILE, help="Split file, likewise.")
@click.option(
    "--videos",
    type=_FILE,
    metavar="MANIFEST",
    help="Where the videos lie, and their overlay and ambiguous columns.  [default: the manifest "
    "beside the split file]",
)
@click.option("--robustness", is_flag=True, help="Also ask about re-coded and disturbed copies.")
@click.option(
    "--learning-curve", is_flag=True, help="Also train the network on a quarter and half the data."
)
@click.option(
    "--ablations/--no-ablations",
    default=None,
    help="Train the network without its parts, once.  [default: unless that takes hours]",
)
@click.option(
    "--risk",
    default=0.05,
    show_default=True,
    type=shared.Number(min=0, max=0.5, min_open=True),
    help="A share of wrong answers to look at besides 0.01, 0.05, 0.1 and 0.2.",
)
@click.option("--device", default="auto", show_default=True, help="To train on: cpu, cuda or auto.")
@click.option(
    "--train-jobs",
    type=click.IntRange(1, MOST_JOBS),
    help="Members trained at a time.  [default: as many as there are cores for]",
)
@shared.jobs(many=True)
def command(model: Path, **options: Any) -> int:
    """Measure a model on videos it was not trained on, beside what is simpler.

    RUN is the folder of `train` or `fit`, which knows its features and split; of a model BUNDLE
    give --features and --split-file. Every figure has its 95 % interval over groups (sources), and
    of two systems one is called better only where that is shown. RUN/evaluation keeps the result.
    """
    from clipkind.cli.evaluation_view import EvaluationView, print_evaluation
    from clipkind.workflow.evaluate import evaluate, write_evaluation

    with EvaluationView() as view:
        settings = _settings(options, view.stage, view.step)
        found = evaluate(model, settings)
        if options["html"] or options["png"]:
            view.stage("draw the report")
        made = []
        if options["html"]:
            from clipkind.evaluation.report.page import write_html

            write_html(found, options["html"])
            made.append(options["html"])
        if options["png"]:
            from clipkind.evaluation.report.pictures import write_pngs

            write_pngs(found, options["png"])
            made.append(options["png"])
        if options["json_file"]:
            write_evaluation(options["json_file"], found)
            made.append(options["json_file"])
    kept = model / "evaluation" / f"{options['split']}.json"
    print_evaluation(found, options["risk"], [*made, *([kept] if kept.is_file() else [])])
    return 0


def _settings(options: dict[str, Any], stage: Any, step: Any) -> "EvaluateOptions":
    from clipkind.cli.train import device_of
    from clipkind.workflow.evaluate_input import EvaluateOptions, Sources

    return EvaluateOptions(
        split=options["split"],
        tta=options["tta"],
        sources=Sources(
            features=options["features"], split=options["split_file"], videos=options["videos"]
        ),
        ablations=options["ablations"],
        learning_curve=options["learning_curve"],
        robustness=options["robustness"],
        risk=options["risk"],
        device=device_of(options["device"]),
        train_jobs=options["train_jobs"],
        jobs=options["jobs"],
        command=printable(shlex.join(["clipkind", *sys.argv[1:]])),
        stage=stage,
        step=step,
    )
