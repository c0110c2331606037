"""From a manifest or feature file to split files with their certificates, all written or none."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clipkind import __version__
from clipkind.dataset.layouts import split_name
from clipkind.dataset.links import Link, links_file, read_compared, read_links
from clipkind.dataset.manifest import Entry, read_manifest
from clipkind.dataset.splits.certificate import Certificate, certify
from clipkind.dataset.splits.split import (
    RATIOS,
    SEED,
    Ratios,
    check_ratios,
    held_out,
    holdout,
    kfold,
    make_split,
)
from clipkind.dataset.splits.table import (
    SPLITS,
    SplitName,
    SplitRow,
    SplitTable,
    encode_split,
    read_split,
)
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.features.store import open_features
from clipkind.files import replacing
from clipkind.text import composed, printable

FORMAT = "clipkind-split-certificate"
VERSION = 1
NOT_CHECKED = "not checked"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitSettings:
    """What decides a split besides videos and links. At most one of `folds` and `holdout`."""

    ratios: Ratios = RATIOS
    """Percentages of train, val and test; folds do not use them, `holdout` the first two."""
    seed: int = SEED
    folds: int = 0
    holdout: tuple[str, ...] = ()
    keep_layout: bool = False
    """Videos the manifest has in train, val or test already start there."""

    def to_json(self) -> dict[str, Any]:
        """What is compared before a split is gone on with."""
        ratios = None if self.folds else dict(zip(SPLITS, self.ratios, strict=True))
        return {
            "seed": self.seed,
            "ratios": ratios,
            "folds": self.folds or None,
            "holdout": sorted(set(map(composed, self.holdout))),
            "keep_layout": self.keep_layout,
        }


@dataclass(frozen=True, slots=True)
class WrittenSplit:
    """One split file, and what its certificate says."""

    path: Path
    table: SplitTable
    certificate: Certificate
    continued: bool
    """Whether it goes on from the file that was there."""


def split_dataset(
    source: Path,
    out: Path | None = None,
    settings: SplitSettings = SplitSettings(),
    *,
    links: Path | None = None,
    fresh: bool = False,
) -> tuple[WrittenSplit, ...]:
    """Divide the videos of a manifest or feature file (.h5) and write the split with certificate.

    `out`: by default see `split_paths`. A split by the same settings that is there already is gone
    on with: its videos keep their side, unless `fresh`. `links`: by default `links_file(source)`
    where that exists; without any the certificate says that near-duplicates were not looked for.
    Raises FileFormatError and ClipkindError as `make_split`, for damaged files, for links of other
    videos, and for a split that is there by other settings; nothing is then written.
    """
    check_ratios(settings.ratios)
    paths = split_paths(source, out, settings)
    entries = read_entries(source)
    held_out(entries, settings.holdout)
    links = links or found_links(source)
    pairs = None if links is None else read_links(links)
    compared = None if links is None else read_compared(links)
    protected = {source.resolve(), links.resolve() if links else source}
    if any(path.resolve() in protected for path in paths):
        raise ClipkindError(f"{printable(str(out))} is what is read here: choose another --out")
    known = {printable(entry.id) for entry in entries if entry.status == "ok"}
    if links and compared is not None and known.isdisjoint(compared):
        raise ClipkindError(
            f"{printable(str(links))}: holds the links of other videos: run clipkind dataset check "
            "again, or give --links of these"
        )
    previous: list[SplitTable] = [] if fresh else _previous(paths, settings, known)
    continued = bool(previous)
    try:
        if settings.keep_layout and not previous:
            previous = [_layout(entries)]
        tables = _divide(entries, pairs or [], settings, previous)
    except FileFormatError as error:
        raise FileFormatError(f"{printable(str(source))}: {error}") from None
    written = []
    for number, (path, table) in enumerate(zip(paths, tables, strict=True)):
        before = previous[number] if previous else None
        certificate = certify(table, entries, pairs, before, compared)
        written.append(WrittenSplit(path, table, certificate, continued))
    _write(written, settings, source, links, pairs)
    if settings.folds:
        _remove_folds(out or source, settings.folds)
    return tuple(written)


def split_paths(source: Path, out: Path | None, settings: SplitSettings) -> list[Path]:
    """The split files: `<stem>.split.csv`, `<stem>.holdout.csv` or `<stem>.fold0.csv`, ….

    `out` is the file, or for folds what stands for `<stem>.csv`.
    """
    if settings.folds:
        return [(out or source).with_suffix(f".fold{k}.csv") for k in range(settings.folds)]
    return [out or source.with_suffix(".holdout.csv" if settings.holdout else ".split.csv")]


def found_links(source: Path) -> Path | None:
    """The links that `dataset check` has left beside a manifest, where it has."""
    path = links_file(source)
    return path if path.is_file() else None


def certificate_path(split: Path) -> Path:
    """Where the certificate of a split file lies."""
    return split.with_suffix(".certificate.json")


def read_entries(source: Path) -> list[Entry]:
    """The videos of a manifest, or of a feature file (.h5)."""
    if source.suffix.lower() not in (".h5", ".hdf5"):
        return read_manifest(source)
    with open_features(source) as file:
        entries = [
            Entry(
                id=row.id,
                path=row.path,
                label=row.label,
                subcategory=row.subcategory,
                group=row.group,
            )
            for row in file.rows
        ]
        refused = [
            Entry(id="", path=row.path, status="refused", reason=row.reason, message=row.message)
            for row in file.refused
        ]
    return entries + refused


def _divide(
    entries: Sequence[Entry],
    links: Sequence[Link],
    settings: SplitSettings,
    previous: Sequence[SplitTable],
) -> Sequence[SplitTable]:
    seed, ratios = settings.seed, settings.ratios
    if settings.folds:
        return kfold(entries, links, settings.folds, seed, previous)
    before = previous[0] if previous else None
    if settings.holdout:
        return [holdout(entries, links, settings.holdout, ratios, seed, before)]
    return [make_split(entries, links, ratios, seed, before)]


def _previous(paths: Sequence[Path], settings: SplitSettings, known: set[str]) -> list[SplitTable]:
    """The splits that are there, by the same settings; empty where there are none."""
    there = [path for path in paths if path.exists()]
    ours = settings.to_json()
    for path in there:
        theirs = _read_settings(path)
        other = [key.replace("_", "-") for key in ours if ours[key] != theirs.get(key)]
        if other:
            raise ClipkindError(
                f"{printable(str(path))}: was made with other settings ({', '.join(other)}): "
                "--fresh replaces it, --out keeps both"
            )
    for path in paths if there else []:
        if path not in there:
            raise FileFormatError(
                f"{printable(str(path))}: is missing beside the other folds: bring it back, or "
                "split afresh (--fresh)"
            )
    tables = [read_split(path) for path in there]
    if tables and not known & tables[0].sides.keys():
        raise ClipkindError(
            f"{printable(str(paths[0]))}: is a split of other videos: --fresh replaces it, --out "
            "keeps both"
        )
    return tables


def _read_settings(split: Path) -> dict[str, Any]:
    path = certificate_path(split)
    try:
        data = json.loads(path.read_bytes())
        settings: dict[str, Any] = dict(data["settings"])
        if data["format"] != FORMAT or data["version"] != VERSION:
            raise ValueError("of another version")
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        raise FileFormatError(
            f"{printable(str(split))}: its certificate {printable(path.name)} is missing or "
            "damaged, which says how it was made: bring it back, or split afresh (--fresh)"
        ) from None
    return settings


def _layout(entries: Iterable[Entry]) -> SplitTable:
    """Where the manifest has the videos, as an earlier split of those it names a side for."""
    names: dict[str, SplitName] = {name: name for name in SPLITS}
    rows = []
    for entry in entries:
        split = split_name(entry.split)
        if entry.status != "ok" or not split:
            continue
        if split not in names:
            raise FileFormatError(
                f"{printable(entry.path)} is in split {printable(split)!r}: "
                f"--keep-layout knows {', '.join(SPLITS)}"
            )
        rows.append(SplitRow(printable(entry.id), names[split], entry.label))
    if not rows:
        raise FileFormatError("the manifest has no video in a split: leave out --keep-layout")
    return SplitTable(tuple(rows))


def _remove_folds(stem: Path, first: int) -> None:
    """Remove what a replaced split into more folds has left: it would pass for some of these."""
    path = stem.with_suffix(f".fold{first}.csv")
    while path.exists() and certificate_path(path).exists():
        path.unlink()
        certificate_path(path).unlink()
        first += 1
        path = stem.with_suffix(f".fold{first}.csv")


def _write(
    written: Sequence[WrittenSplit],
    settings: SplitSettings,
    source: Path,
    links: Path | None,
    pairs: Sequence[Link] | None,
) -> None:
    with ExitStack() as stack:  # the files take their places only when all of them are written
        for number, split in enumerate(written):
            data = encode_split(split.table)
            stack.enter_context(replacing(split.path)).write_bytes(data)
            found = asdict(split.certificate)
            certificate = {
                "format": FORMAT,
                "version": VERSION,
                "clipkind": __version__,
                "split_file": printable(split.path.name),
                "split_sha256": hashlib.sha256(data).hexdigest(),
                "source": printable(source.name),
                "videos_sha256": found.pop("videos_sha256"),
                "settings": settings.to_json(),
                "fold": number if settings.folds else None,
                "links_file": NOT_CHECKED if links is None else printable(links.name),
                "links_listed": None if pairs is None else len(pairs),
                **found,
            }
            text = json.dumps(certificate, indent=1, ensure_ascii=False) + "\n"
            temporary = stack.enter_context(replacing(certificate_path(split.path)))
            temporary.write_text(text, encoding="utf-8")
