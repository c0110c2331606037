"""`clipkind dataset scan`: a folder or manifest of labelled videos to one manifest."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipkind.cli import options as shared
from clipkind.errors import ClipkindError
from clipkind.text import printable, quoted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from clipkind.dataset.manifest import Entry
    from clipkind.dataset.scan import ScanResult
    from clipkind.dataset.taxonomy import Taxonomy

SHOWN = 10
"""Refused files named on the screen; all are in the manifest."""


@click.command("scan")
@click.argument("source", type=click.Path(path_type=Path), metavar="DIR|MANIFEST")
@click.option(
    "--out",
    default="manifest.csv",
    show_default=True,
    type=shared.NewFile("manifest", ".csv"),
    help="Manifest to write.",
)
@click.option(
    "--taxonomy",
    metavar="documented|FILE",
    help="Classes, their subcategories and other names of both: the 46 documented subcategories, "
    "or a TOML file.",
)
@shared.min_duration
@shared.jobs(many=True)
def command(source: Path, out: Path, taxonomy: str | None, min_duration: float, jobs: int) -> int:
    """List the videos of a data set, each with what is wrong with it.

    DIR is laid out class/[subcategory/]video or split/class/[subcategory/]video; a metadata.csv,
    .jsonl or .parquet in it counts more than the folders. MANIFEST is a .csv, .jsonl or .parquet
    file with the columns path (or file_name) and label, and where known subcategory, group and
    split. Unreadable and too short files and copies of others are listed as refused; then the exit
    code is 1, and what is ok can be used all the same.
    """
    from rich.console import Console

    from clipkind.cli.progress import progress_bar, table_console
    from clipkind.dataset.manifest import write_manifest
    from clipkind.dataset.scan import scan

    _check_out(out)
    names = _taxonomy(taxonomy)
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task = bar.add_task("files", total=None, rate="")
        result = scan(
            source,
            min_duration_s=min_duration,
            taxonomy=names,
            jobs=jobs,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
        )
    write_manifest(out, list(result.entries))
    refused = [entry for entry in result.entries if entry.status == "refused"]
    _show_refused(refused, out, console)
    table_console().print(_table(result))
    click.echo("\n".join(_summary(result, out, names)))
    return 1 if refused else 0


def _check_out(out: Path) -> None:
    """Before hours of reading: what is something else must not be overwritten."""
    from clipkind.dataset.manifest import is_own

    if out.exists() and not is_own(out):
        raise ClipkindError(
            f"{printable(str(out))}: exists and is no manifest by clipkind; give another --out"
        )


def _taxonomy(name: str | None) -> "Taxonomy | None":
    from clipkind.dataset.taxonomy import load_taxonomy

    if name is None:
        return None
    return load_taxonomy(None if name == "documented" else Path(name))


def _show_refused(refused: "list[Entry]", out: Path, console: "Console") -> None:
    from rich.text import Text

    for entry in refused[:SHOWN]:
        line = Text("refused: ", style="red")
        # as Text, in which rich replaces neither [markup] nor :emoji:
        line.append(printable(f"{entry.path}: {entry.reason}: {entry.message}"), style="default")
        console.print(line, soft_wrap=True)
    if len(refused) > SHOWN:
        console.print(f"… and {len(refused) - SHOWN} more, listed in {printable(str(out))}")


def _table(result: "ScanResult") -> "Table":
    """One line a class."""
    from rich.table import Table
    from rich.text import Text

    grouped = any(entry.group for entry in result.entries)
    table = Table(box=None, pad_edge=False)
    table.add_column("Class", overflow="fold")
    for head in ("Videos", "Refused", "Subcategories", *["Groups"] * grouped, "Minutes"):
        table.add_column(head, justify="right")
    for label in sorted({entry.label for entry in result.entries}):
        mine = [entry for entry in result.entries if entry.label == label]
        ok = [entry for entry in mine if entry.status == "ok"]
        groups = str(len({entry.group or entry.id for entry in ok}))
        table.add_row(
            Text(printable(label)) if label else Text("no label", style="yellow"),
            str(len(ok)),
            Text(str(len(mine) - len(ok)), style="red" if len(mine) > len(ok) else "dim"),
            str(len({entry.subcategory for entry in ok} - {""})),
            *[groups] * grouped,
            f"{sum(entry.duration_s for entry in ok) / 60:.1f}",
        )
    return table


def _summary(result: "ScanResult", out: Path, names: "Taxonomy | None") -> list[str]:
    ok, total = result.ok, len(result.entries)
    line = f"{printable(str(out))}: {total} files = {len(ok)} ok + {total - len(ok)} refused"
    if result.reasons:
        line += f" ({', '.join(f'{count} {reason}' for reason, count in result.reasons.items())})"
    lines = [line, str(result.passed_over)] if str(result.passed_over) else [line]
    counts = {
        "duplicates whose label is not that of the file kept": result.label_conflicts,
        "ok files that are cut short": sum(bool(entry.message) for entry in ok),
        "ok files without a label": sum(not entry.label for entry in ok),
    }
    lines += [f"{what}: {count}" for what, count in counts.items() if count]
    if len({entry.label for entry in ok} - {""}) == 1:
        lines.append("there is only one class: is this the folder that holds the class folders?")
    if names is not None:
        lines.extend(_strange(ok, names))
    if all(not entry.label for entry in ok):
        return [
            *lines,
            "next:  put the videos into one folder a class, or name classes in a manifest",
        ]
    return [*lines, f"next:  clipkind dataset check {quoted(out)}"]


def _strange(ok: "tuple[Entry, ...]", names: "Taxonomy") -> list[str]:
    """Subcategories the taxonomy does not know: allowed, but perhaps misspelt."""
    found = {entry.subcategory for entry in ok} - {""}
    strange = sorted(name for name in found if not names.subcategory_of(name)[0])
    if not strange:
        return []
    some = ", ".join(printable(name) for name in strange[:3])
    more = ", …" if len(strange) > 3 else ""
    return [f"subcategories the taxonomy does not have: {len(strange)} ({some}{more})"]
