"""`clipkind dataset check`: near-duplicates, label conflicts and shortcuts of a data set."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipkind.cli import options as shared
from clipkind.text import printable, quoted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from clipkind.dataset.check.report import CheckReport, Spread
    from clipkind.dataset.check.run import CheckRun
    from clipkind.dataset.links import Link
    from clipkind.dataset.manifest import Entry

SHOWN = 10
"""Unreadable files, and label conflicts, named on the screen."""


@click.command("check")
@click.argument(
    "manifest", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="MANIFEST"
)
@click.option(
    "--out-html",
    type=shared.NewFile("page", ".html", ".htm", through=True),
    help="Page to write.  [default: beside the manifest, .check.html]",
)
@shared.jobs(many=True)
@shared.timeout
def command(manifest: Path, out_html: Path | None, jobs: int, timeout: float) -> int:
    """Find near-duplicates, label conflicts and shortcuts a model could take.

    Videos that show the same footage are found though coded again, scaled, cropped, cut, slowed
    or sped up by up to a quarter, mirrored or marked with a logo. MANIFEST is what dataset scan
    wrote, and stays as it is; links go to MANIFEST's name with .links.csv, where dataset split
    looks for them, and all findings to an HTML page. Fingerprints are kept beside it: run again
    after an interruption or for new videos, and what is done is not done again.

    The exit code is 0 whatever is found, as findings are no failures, and 2 where MANIFEST or
    what is to be written is wrong.
    """
    from rich.console import Console

    from clipkind.cli.progress import progress_bar, table_console
    from clipkind.dataset.check.run import run_check
    from clipkind.dataset.manifest import read_manifest
    from clipkind.features.engines.openvino_engine import OpenVinoEngine
    from clipkind.model.bundle import BACKBONE_FILE, load_bundle

    if manifest.suffix.lower() in (".html", ".htm"):  # the page would take its place
        raise click.UsageError(f"{printable(str(manifest))}: give the manifest dataset scan wrote")
    entries = read_manifest(manifest)
    bundle = load_bundle()
    engine = OpenVinoEngine(bundle.path / BACKBONE_FILE)
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        tasks = {
            "fingerprints": bar.add_task("fingerprints", total=None, rate=""),
            "pairs": bar.add_task("pairs", total=None, rate=""),
        }
        found = run_check(
            manifest,
            entries,
            engine,
            bundle.contract,
            html=out_html,
            jobs=jobs,
            timeout_s=timeout,
            stage=lambda what, done, total: bar.update(tasks[what], completed=done, total=total),
        )
    _show_refused(found, console)
    screen = table_console()
    screen.print(_table(found.report))
    _show_findings(found.report, entries, screen)
    click.echo("\n".join(_summary(found, manifest)))
    return 0


def _show_refused(found: "CheckRun", console: "Console") -> None:
    from rich.text import Text

    for refusal in found.refusals[:SHOWN]:
        line = Text("unreadable: ", style="red")
        # as Text, in which rich replaces neither [markup] nor :emoji:
        what = f"{refusal.path}: {refusal.reason}: {refusal.message}"
        line.append(printable(what), style="default")
        console.print(line, soft_wrap=True)
    if len(found.refusals) > SHOWN:
        console.print(f"… and {len(found.refusals) - SHOWN} more")


def _table(report: "CheckReport") -> "Table":
    """One line a class."""
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    table.add_column("Class", overflow="fold")
    heads = ("Videos", "Refused", "Sources", "With copies", "Short side", "Frames/s", "Seconds")
    for head in heads:
        table.add_column(head, justify="right")
    for row in report.classes:
        table.add_row(
            Text(printable(row.label)) if row.label else Text("no label", style="yellow"),
            str(row.videos),
            Text(str(row.refused), style="red" if row.refused else "dim"),
            str(row.groups),
            Text(str(row.linked), style="" if row.linked else "dim"),
            _spread(row.short_side, 0),
            _spread(row.fps, 1),
            _spread(row.duration_s, 1),
        )
    return table


def _spread(spread: "Spread | None", digits: int) -> str:
    """The middle value, and where the middle half lies."""
    if spread is None:
        return "–"
    low, middle, high = (f"{v:.{digits}f}" for v in (spread.low, spread.middle, spread.high))
    return f"{middle} ({low}–{high})"


def _show_findings(report: "CheckReport", entries: "list[Entry]", screen: "Console") -> None:
    from rich.text import Text

    for warning in report.warnings:
        screen.print(Text(f"! {printable(warning)}", style="yellow"), soft_wrap=True)
    by_id = {entry.id: entry for entry in entries if entry.status == "ok"}
    for link in report.conflicts[:SHOWN]:
        screen.print(Text(_conflict(link, by_id), style="red"), soft_wrap=True)
    if len(report.conflicts) > SHOWN:
        screen.print(f"  … and {len(report.conflicts) - SHOWN} more, on the page")


def _conflict(link: "Link", by_id: "dict[str, Entry]") -> str:
    a, b = by_id[link.a], by_id[link.b]
    labels = f"{a.label or 'no label'} and {b.label or 'no label'}"
    return printable(f"  {labels}: {a.path} and {b.path} ({link.how})")


def _summary(found: "CheckRun", manifest: Path) -> list[str]:
    from clipkind.text import counted

    report = found.report
    sources = counted(report.groups, "source")
    if report.joined < report.groups:
        sources += f", {report.joined} where copies join them"
    lines = [
        f"{counted(report.ok, 'video')} of {sources}",
        f"{counted(len(report.links), 'pair')} with the same footage, {len(report.across)} across "
        f"sources, {len(report.conflicts)} under different labels",
    ]
    if report.unread:
        lines.append(f"{counted(report.unread, 'video')} could not be read: not compared")
    lines += [
        f"links: {printable(str(found.links))}",
        f"page:  {printable(str(found.page))}",
        f"next:  clipkind dataset split {quoted(manifest)}",
    ]
    return lines
