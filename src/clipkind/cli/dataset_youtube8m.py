"""`clipkind dataset youtube8m`: videos by a plan of vocabulary names."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from clipkind.checks import LONGEST_S, MOST
from clipkind.cli import options as shared
from clipkind.cli.options import Number
from clipkind.text import printable

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from clipkind.dataset.youtube8m.journal import Record
    from clipkind.dataset.youtube8m.run import RowResult, Settings, Summary

_COLORS = {"downloaded": "green", "skipped_duplicate": "dim", "failed": "red", "timeout": "red"}


def _http(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not value.startswith(("http://", "https://")):
        raise click.BadParameter("give an http:// or https:// address")
    if value is not None and parameter.name == "video_url" and "{id}" not in value:
        raise click.BadParameter("it needs {id} where the YouTube id goes")
    return value


@click.command("youtube8m")
@click.option(
    "--plan",
    required=True,
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="CSV with columns name (or id), count, label and if wanted subcategory; or a list of "
    "name:count lines, with --label.",
)
@click.option("--out", required=True, type=shared.NewFolder(),
              help="Folder to fill or to go on with.")  # fmt: skip
@click.option("--label", default="", help="Class of rows that name none.")
@click.option("--vocabulary", metavar="FILE|URL", help="vocabulary.csv; default: the data set's.")
@click.option("--max-size", default=500.0, show_default=True, type=Number(min=0, max=1e7),
              help="Megabytes of one video.")  # fmt: skip
@click.option("--max-duration", default=1200.0, show_default=True, type=Number(min=0, endless=True),
              help="Seconds of one video.")  # fmt: skip
@click.option("--timeout", default=300.0, show_default=True, type=Number(min=0.1, endless=True),
              help="Seconds one download may take.")  # fmt: skip
@click.option("--pause", default=2.0, show_default=True, type=Number(min=0, max=LONGEST_S),
              help="Seconds between two downloads.")  # fmt: skip
@click.option("--give-up", default=10, show_default=True, type=click.IntRange(1, MOST),
              help="Stop after so many failures in a row.")  # fmt: skip
@click.option("--retry-failed", is_flag=True, help="Try again what did not come in earlier runs.")
@click.option("--index-url", callback=_http, help="Another host of the data set's index files.")
@click.option("--video-url", callback=_http, help="Another address of videos, with {id} in it.")
def command(plan: Path, out: Path, label: str, vocabulary: str | None, **options: Any) -> int:
    """Download videos named by YouTube-8M's vocabulary, as class folders to scan.

    Videos of at most 720p go to OUT/label/subcategory/<YouTube id>, without sound where that can
    be had, with metadata.csv (the group is the channel) and metadata/<YouTube id>.json. Run again
    to go on, also with higher counts: what is done is not done again. Exit code 1: a row of the
    plan is not filled. YouTube itself needs yt-dlp at its newest and a JavaScript runtime for it,
    such as deno.
    """
    from rich.console import Console

    from clipkind.cli.progress import progress_bar, table_console
    from clipkind.dataset.youtube8m.plan import VOCABULARY_URL, read_plan
    from clipkind.dataset.youtube8m.run import run_plan

    rows = read_plan(plan, vocabulary or VOCABULARY_URL, label)
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task = bar.add_task("videos", total=sum(row.count for row in rows), rate="")

        def show(summary: "Summary", result: "RowResult", id: str, record: "Record | None") -> None:
            done = sum(min(each.got, each.row.count) for each in summary.rows)
            bar.update(task, completed=done, rate=id)
            if record is not None:
                console.print(_line(_name(result), record), soft_wrap=True)

        summary = run_plan(rows, out, _settings(options), show)
    table_console().print(_table(summary))
    click.echo(f"{printable(str(out))}: {_account(summary)}")
    for result in summary.rows:
        if result.problem:
            click.echo(f"{_name(result)}: {result.problem}", err=True)
    if summary.stopped:
        click.echo(f"stopped: {summary.stopped}", err=True)
    return 0 if all(result.filled for result in summary.rows) else 1


def _settings(options: dict[str, Any]) -> "Settings":
    from clipkind.dataset.youtube8m.download import Limits
    from clipkind.dataset.youtube8m.index import INDEX_URL
    from clipkind.dataset.youtube8m.run import VIDEO_URL, Settings

    return Settings(
        index_url=(options["index_url"] or INDEX_URL).rstrip("/"),
        video_url=options["video_url"] or VIDEO_URL,
        limits=Limits(
            max_size=round(options["max_size"] * 1e6),
            max_duration_s=options["max_duration"],
            timeout_s=min(options["timeout"], LONGEST_S),
        ),
        pause_s=options["pause"],
        retry=options["retry_failed"],
        give_up=options["give_up"],
    )


def _name(result: "RowResult") -> str:
    return f"{result.row.label}/{result.row.subcategory}"


def _line(place: str, record: "Record") -> "Text":
    """One id, as it is done; as Text, in which rich replaces neither [markup] nor :emoji:"""
    from rich.text import Text

    status = str(record.status)
    what = record.file or f"{place}/{record.youtube_id or record.short_id}"
    line = Text(f"{status:<17}", style=_COLORS.get(status, "yellow"))
    line.append(f"  {what}", style="default")
    if record.reason or record.title:
        line.append(f"  {record.reason or record.title}", style="dim")
    return line


def _table(summary: "Summary") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from clipkind.dataset.youtube8m.journal import Status

    others = [s for s in Status if s is not Status.DOWNLOADED]
    shown = [s for s in others if any(r.counts[s] for r in summary.rows)]
    table = Table(box=None, pad_edge=False)
    for head in ("Class", "Subcategory"):
        table.add_column(head, overflow="fold")
    for head in (
        "Asked",
        "Got",
        "Tried",
        *(s.replace("_", " ").capitalize() for s in shown),
        "Left",
    ):
        table.add_column(head, justify="right")
    for result in summary.rows:
        left = "?" if result.pending is None else str(result.pending)
        table.add_row(
            Text(result.row.label),
            Text(result.row.subcategory),
            str(result.row.count),
            Text(str(result.got), style="green" if result.filled else "red"),
            str(result.counts.total()),
            *(str(result.counts[s] or "") for s in shown),
            left,
        )
    return table


def _account(summary: "Summary") -> str:
    """Where every listed id is."""
    from clipkind.dataset.youtube8m.journal import Status

    read = [result for result in summary.rows if result.ids is not None]
    parts = [f"{sum(r.counts[s] for r in read)} {s}" for s in Status]
    parts = [part for part in parts if not part.startswith("0 ")]
    total, left = sum(r.ids or 0 for r in read), sum(r.pending or 0 for r in read)
    return f"{total} ids = {' + '.join([*parts, f'{left} left'])}"
