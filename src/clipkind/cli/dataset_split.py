"""`clipkind dataset split`: a manifest to train, val and test, with a certificate."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from clipkind.cli import options as shared
from clipkind.text import printable, quoted

if TYPE_CHECKING:
    from rich.table import Table

    from clipkind.dataset.splits.certificate import Certificate, Count, Counts
    from clipkind.dataset.splits.run import WrittenSplit

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("split")
@click.argument("source", type=_FILE, metavar="MANIFEST")
@click.option(
    "--out", type=shared.NewFile(), help="Split file.  [default: MANIFEST's name + .split.csv]"
)
@click.option(
    "--links",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Near-duplicates found by `dataset check`.  [default: those beside MANIFEST]",
)
@click.option(
    "--ratios",
    nargs=3,
    type=click.IntRange(0, 100),
    default=(70, 20, 10),
    metavar="TRAIN VAL TEST",
    help="Percentages.  [default: 70 20 10]",
)
@click.option(
    "--seed", type=int, default=42, show_default=True, help="Another seed, another split."
)
@click.option(
    "--kfold",
    "folds",
    type=click.IntRange(3, 100),
    metavar="K",
    help="K splits for cross-validation.",
)
@click.option(
    "--holdout",
    multiple=True,
    metavar="SUBCATEGORY",
    help="Train without it, test on it: Subcategory or Class/Subcategory. Repeatable.",
)
@click.option(
    "--keep-layout", is_flag=True, help="Start from the split column (split/class/… folders)."
)
@click.option("--fresh", is_flag=True, help="Replace a split that is there, sides and all.")
def command(
    source: Path,
    out: Path | None,
    links: Path | None,
    ratios: tuple[int, int, int],
    seed: int,
    folds: int | None,
    holdout: tuple[str, ...],
    keep_layout: bool,
    fresh: bool,
) -> None:
    """Divide videos into train, val and test; footage never crosses.

    MANIFEST is what `dataset scan` writes, any table of path and label, or a feature file (.h5).
    Videos of one group (source) and near-duplicates stay on one side, each class and subcategory
    near its share. The same seed gives the same split on any machine. Run again after adding
    videos: those that were there keep their side.
    """
    from clipkind.cli.progress import table_console
    from clipkind.dataset.splits.run import SplitSettings, found_links, split_dataset

    if folds and (holdout or keep_layout):
        raise click.UsageError("--kfold divides all videos: leave out --holdout and --keep-layout")
    settings = SplitSettings(
        ratios=ratios, seed=seed, folds=folds or 0, holdout=holdout, keep_layout=keep_layout
    )
    links = links or found_links(source)
    written = split_dataset(source, out, settings, links=links, fresh=fresh)
    table_console().print(_fold_table(written) if folds else _table(written[0]))
    click.echo()
    for line in [
        *_findings(written, source, links),
        "",
        *_files(written),
        *_next_steps(written, source),
    ]:
        click.echo(line)


def _table(split: "WrittenSplit") -> "Table":
    """A row a class; for every side its videos, their share and the groups they come from."""
    certificate = split.certificate
    sides = [name for name, count in certificate.total.items() if count.videos]
    heads = [head for side in sides for head in (side.capitalize(), "share", "groups")]

    def cells(counts: "Counts") -> list[str]:
        found = [counts[side] for side in sides]
        return [t for c in found for t in (str(c.videos), f"{c.share:.1%}", str(c.groups))]

    rows = {label: cells(counts) for label, counts in certificate.classes.items()}
    return _rich_table(heads, rows, cells(certificate.total))


def _fold_table(folds: Sequence["WrittenSplit"]) -> "Table":
    """A row a class; for every fold the videos tested on and the groups they come from."""
    found = [fold.certificate for fold in folds]
    heads = [head for number in range(len(folds)) for head in (f"Fold {number}", "groups")]

    def cells(tests: "Iterable[Count]") -> list[str]:
        return [text for count in tests for text in (str(count.videos), str(count.groups))]

    rows = {label: cells(c.classes[label]["test"] for c in found) for label in found[0].classes}
    return _rich_table(heads, rows, cells(c.total["test"] for c in found))


def _rich_table(heads: Sequence[str], rows: dict[str, list[str]], total: list[str]) -> "Table":
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("Class")
    for head in heads:
        table.add_column(head, justify="right", no_wrap=True)
    for label, cells in rows.items():  # as Text, in which rich replaces no [markup] or :emoji:
        table.add_row(Text(label, overflow="fold"), *cells)
    table.add_row("all", *total, style="bold")
    return table


def _findings(written: Sequence["WrittenSplit"], source: Path, links: Path | None) -> Iterator[str]:
    """What is to be known about the split, good and bad, a line each."""
    yield from _near_duplicates(written, source, links)
    first = written[0].certificate
    crossing = max(w.certificate.cross_split_groups for w in written)
    groups = sum(n.groups for side, n in first.total.items() if side != "excluded")
    joined = f", into which links join {first.sources} sources" if first.links else ""
    yield f"{crossing} of {groups} groups cross{joined}{_without_source(first)}"
    if written[0].continued:
        yield f"{first.kept} videos stand where they stood, {first.assigned} new"
    if out := first.total["excluded"].videos:
        yield (
            f"Excluded: {out}, as their footage or source stands on another side"
            + (f" ({first.moved_out} of them had a side before)" if first.moved_out else "")
        )
    if first.refused:
        yield f"{first.refused} refused entries of {printable(source.name)} are in no split"


def _without_source(certificate: "Certificate") -> str:
    """That groups which do not cross may mean little."""
    from clipkind.dataset.manifest import UNKNOWN_SOURCES

    videos = sum(count.videos for count in certificate.total.values())
    if certificate.without_source == videos:
        return f"; {UNKNOWN_SOURCES} (name them in a group column)"
    if certificate.without_source:
        return f"; of {certificate.without_source} of {videos} videos no source is known"
    return ""


def _near_duplicates(
    written: Sequence["WrittenSplit"], source: Path, links: Path | None
) -> Iterator[str]:
    """How many cross, and among which videos anybody has looked."""
    check = f"run  clipkind dataset check {quoted(source)}  and split again"
    if _is_features(source):
        check = "run  clipkind dataset check  on its manifest and split again with --links"
    first = written[0].certificate
    if first.links is None:
        check += " (--fresh moves what crosses, else it is left out)"
        yield f"Near-duplicates were NOT looked for, so some may cross:  {check}"
        return
    crossing = max(w.certificate.cross_split_near_duplicates or 0 for w in written)
    looked = f"{first.links} links checked"
    if first.not_compared is not None:
        divided = sum(n.videos for side, n in first.total.items() if side != "excluded")
        looked = f"{divided - first.not_compared} videos compared, {first.links} pairs alike"
    yield f"{crossing} near-duplicates cross ({looked})"
    if first.not_compared:
        yield (
            f"  NOT compared: {first.not_compared}, added since or unreadable then, so copies of "
            f"these may cross:  {check}"
        )
    elif first.not_compared is None and links and _is_older(links, source):
        yield f"  {printable(links.name)} is older than {printable(source.name)}:  {check}"


def _is_older(links: Path, source: Path) -> bool:
    return links.stat().st_mtime < source.stat().st_mtime


def _is_features(source: Path) -> bool:
    return source.suffix.lower() in (".h5", ".hdf5")


def _files(written: Sequence["WrittenSplit"]) -> Iterator[str]:
    from clipkind.dataset.splits.run import certificate_path

    first, last = printable(str(written[0].path)), printable(str(written[-1].path))
    certificate = printable(certificate_path(written[0].path).name)
    names = first if first == last else f"{first} to {last}"
    yield f"{names}, certificate{'' if first == last else 's'} beside ({certificate})"


def _next_steps(written: Sequence["WrittenSplit"], source: Path) -> Iterator[str]:
    features = source
    if not _is_features(source):
        features = source.with_suffix(".h5")
        yield f"Next:  clipkind extract {quoted(source)} --out {quoted(features)}"
    split = quoted(written[0].path)
    head = "Next: " if features == source else "      "
    yield f"{head} clipkind train {quoted(features)} --split {split} --out RUN"
