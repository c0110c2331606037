"""`clipkind classify`: answers for files, folders, lists on stdin, or stored features."""

import os
import sys
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

import clipkind
from clipkind.cli import options as shared
from clipkind.errors import ClipkindError

if TYPE_CHECKING:
    from clipkind.cli.output import Format
    from clipkind.inference.classifier import Classifier
    from clipkind.inference.prediction import Prediction


@click.command("classify")
@click.argument("paths", nargs=-1, metavar="PATH…")
@click.option(
    "--model", type=click.Path(path_type=Path), help="Model bundle folder. [the bundled one]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option("--csv", "as_csv", is_flag=True, help="CSV with a header line.")
@click.option(
    "--output", "-o", type=shared.NewFile(through=True), help="Write results to this file."
)
@click.option(
    "--multi-scale",
    type=click.Choice(["aligned", "documented", "single"]),
    help="Temporal scales; only modes the model was measured with. [the model's own]",
)
@click.option(
    "--tta", is_flag=True, help="Ask each network in four ways: as it is, reversed, faster, slower."
)
@click.option(
    "--risk",
    type=shared.Number(min=0, max=0.5, min_open=True),
    help="Aim at a share of wrong single answers within this, such as 0.05: others become several "
    "labels, or unsure. A line says where the model cannot promise it.",
)
@click.option(
    "--max-strangeness",
    type=shared.Number(min=0, max=1, min_open=True),
    metavar="P",
    help="Make answers unsure for videos stranger than a share P, such as 0.99, of those the model "
    "knows. Of videos like those it costs about the share 1 - P.",
)
@shared.jobs()
@shared.timeout
@click.option(
    "--features",
    type=click.Path(path_type=Path),
    help="Classify from this feature file; PATHs are then ids in it (none: all).",
)
@click.option("--backbone", help="With --features: the backbone of a documented-layout file.")
def command(paths: tuple[str, ...], **options: Any) -> int:
    """Say what kind of content videos are.

    PATH is a video file, a folder (walked) or - (file names on stdin, one a line). Results go to
    stdout, progress to stderr. Exit code 1 means that some videos were refused.
    """
    from clipkind.dataset.listing import Listing

    chosen: Format = "json" if options["as_json"] else "csv" if options["as_csv"] else "table"
    if options["as_json"] and options["as_csv"]:
        raise click.UsageError("choose --json or --csv, not both")
    if not paths and not options["features"]:
        raise click.UsageError("give a PATH to classify (clipkind classify clip.mp4)")
    with clipkind.load(
        options["model"],
        multi_scale=options["multi_scale"],
        jobs=options["jobs"],
        timeout_s=options["timeout"],
    ) as classifier:
        how: dict[str, Any] = {name: options[name] for name in ("tta", "risk", "max_strangeness")}
        if options["risk"] and (note := classifier.risk_rule(options["risk"], tta=how["tta"]).note):
            click.echo(note, err=True)
        if options["features"]:
            answers = classifier.classify_features(
                options["features"], paths or None, backbone=options["backbone"], **how
            )
            return _report(answers, paths or None, classifier, chosen, options)
        lazy = "-" in paths  # standard input may have no end: answer as the names come
        listing = Listing(_with_stdin(paths))
        files = None if lazy else list(listing)
        answers = classifier.classify_many(listing if files is None else files, **how)
        code = _report(answers, files, classifier, chosen, options)
    if told := str(listing.passed_over):
        click.echo(f"{told} (name such a one by itself to have it tried all the same)", err=True)
    return code


def _with_stdin(paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if path != "-":
            yield path
            continue
        if sys.stdin is None:
            raise ClipkindError("-: standard input is closed; pipe names of files to it")
        for number, line in enumerate(sys.stdin.buffer):
            if name := (line if number else line.removeprefix(BOM_UTF8)).rstrip(b"\r\n"):
                yield os.fsdecode(name)


def _report(
    answers: "Iterator[Prediction]",
    names: Sequence[str] | None,
    classifier: "Classifier",
    chosen: "Format",
    options: dict[str, Any],
) -> int:
    """Write answers as they come, for videos of these `names` if known; returns the exit code."""
    from rich.console import Console

    from clipkind.cli.output import open_output, writer_for
    from clipkind.cli.progress import progress_bar

    total = None if names is None else len(names)
    counts = {"ok": 0, "partial": 0, "refused": 0}
    decisions = {"single": 0, "several": 0, "unsure": 0}
    output: Path | None = options["output"]
    with ExitStack() as stack:
        stream = stack.enter_context(open_output(output))
        screen = Console(file=stream, highlight=False) if stream.isatty() else None
        bar = progress_bar(screen or Console(stderr=True), beside=stream)
        if total != 1:
            stack.enter_context(bar)
        writer = writer_for(chosen, stream, screen, classifier.class_names, options["risk"], names)
        task = bar.add_task("videos", total=total, rate="")
        for prediction in answers:
            writer.write(prediction)
            counts[prediction.status] += 1
            if prediction.decision:
                decisions[prediction.decision] += 1
            bar.advance(task)
        writer.finish()
    if sum(counts.values()) != 1 or output:
        told = _told(counts) or "nothing to do"
        if (asked := _asked(options)) and (answered := _told(decisions)):
            told += f"; {asked}: {answered}"
        click.echo(f"{sum(counts.values())} videos: {told}", err=True)
    return 1 if counts["refused"] else 0


def _asked(options: dict[str, Any]) -> str:
    """For what an answer may be none, or several, in words; empty: nothing was asked for."""
    parts = []
    if options["risk"]:
        parts.append(f"at a risk of {options['risk']:g}")
    if options["max_strangeness"]:
        parts.append(f"up to a strangeness of {options['max_strangeness']:g}")
    return " and ".join(parts)


def _told(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {what}" for what, count in counts.items() if count)
