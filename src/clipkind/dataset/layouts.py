"""Lists of labelled videos: a folder laid out by class, or a table in CSV, JSON lines or Parquet.

Folders: `class/[subcategory/]video` or `split/class/[subcategory/]video`. What a `metadata.csv`,
`.jsonl` or `.parquet` beside or above a video says of it (Hugging Face's VideoFolder) counts more
than its folder.
"""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from clipkind.dataset.listing import Listing, PassedOver, is_litter
from clipkind.dataset.manifest import GROUP, LABEL, is_refused, manifest_rows, video_path
from clipkind.dataset.tables import PATH, TABLES, Row
from clipkind.errors import FileFormatError
from clipkind.features.extract import Item
from clipkind.text import composed, printable

SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
"""What folders of splits are called, and what we call them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One video as a folder or table names it; whether it is one is not looked at."""

    name: str
    """Its path as it is written there, or from the folder down. Its other texts are composed."""
    path: str
    """As it can be opened."""
    id: str = ""
    label: str = ""
    subcategory: str = ""
    group: str = ""
    split: str = ""
    refused: bool = False
    """An earlier scan found that it cannot be used."""


@dataclass(frozen=True, slots=True)
class Listings:
    """All videos of a source."""

    videos: tuple[Listed, ...]
    passed_over: PassedOver = field(default_factory=PassedOver)
    class_folders: tuple[str, ...] = ()
    """Names of all folders that stand for a class, in a folder; those without videos included."""


def items_of(source: Path) -> tuple[list[Item], PassedOver]:
    """The videos of a folder or manifest, and what was passed over in the folder.

    What an earlier scan refused is left out. Without an `id` column the path, composed, is the id;
    of several that are then the same the second gets ` (2)`.
    Raises FileFormatError when `source` is neither, or names the place where it is damaged.
    """
    found = list_videos(source)
    names: Counter[str] = Counter()
    items = []
    for video in found.videos:
        if video.refused:
            continue
        id = video.id or composed(video.name)
        if not video.id:
            names[id] += 1
            id += f" ({names[id]})" if names[id] > 1 else ""
        items.append(Item(id, video.path, video.label, video.subcategory, video.group))
    return items, found.passed_over


def list_videos(source: Path) -> Listings:
    """The videos of a folder or table, with all that its layout or columns say about them.

    Raises FileFormatError when `source` is neither, or names the place where it is damaged.
    """
    if source.is_dir():
        return _folder(source)
    if source.suffix.lower() in TABLES and source.is_file():
        return Listings(tuple(_from_row(row, source.parent) for row in manifest_rows(source)))
    what = "is no folder or table" if source.exists() else "there is no such file"
    raise FileFormatError(
        f"{printable(str(source))}: {what}; give a folder of videos or a .csv manifest with a path "
        "column (.jsonl and .parquet will do too)"
    )


def split_name(text: str) -> str:
    """`train`, `val` or `test` for what these are also called; anything else as it is."""
    return SPLITS.get(text.strip().lower(), text)


def _from_row(row: Row, folder: Path) -> Listed:
    name = row.first(*PATH)
    return Listed(
        name=name,
        path=video_path(row, folder),
        id=row.first("id"),
        label=row.first(*LABEL),
        subcategory=row.first("subcategory"),
        group=row.first(*GROUP),
        split=split_name(row.first("split")),
        refused=is_refused(row),
    )


def _folder(root: Path) -> Listings:
    listing = Listing([str(root)])
    paths = list(listing)
    names = [os.path.relpath(path, root) for path in paths]
    tops = {parts[0] for name in names if len(parts := Path(name).parts) > 1}
    by_split = bool(tops) and all(top.lower() in SPLITS for top in tops)
    videos = [_from_place(n, p, by_split) for n, p in zip(names, paths, strict=True)]
    tables = [table for folder in _folders(root, names) if (table := _metadata(folder))]
    for table in tables:  # from the top down: the nearest has the last word
        videos = _described(videos, table, root)
    bases = [root / top for top in sorted(tops)] if by_split else [root]
    classes = [] if tables else _subfolders(bases)
    passed_over = replace(listing.passed_over, by_name=listing.passed_over.by_name - len(tables))
    return Listings(tuple(videos), passed_over, tuple(classes))


def _from_place(name: str, path: str, by_split: bool) -> Listed:
    """A video by the folders it lies in; without class folders it is unlabelled."""
    parts = list(Path(name).parts[:-1])
    split = split_name(parts.pop(0)) if by_split and parts else ""
    if len(parts) > 1 and parts[1].lower() == "videos":  # class/videos/subcategory, as documented
        del parts[1]
    label, subcategory = map(composed, (*parts, "", "")[:2])
    return Listed(name=name, path=path, label=label, subcategory=subcategory, split=split)


def _subfolders(bases: Iterable[Path]) -> list[str]:
    """Names of the folders in `bases` that are no litter, each once, sorted."""
    names: set[str] = set()
    for base in bases:
        with os.scandir(base) as found:
            names |= {composed(e.name) for e in found if e.is_dir() and not is_litter(e.name)}
    return sorted(names)


def _folders(root: Path, names: Iterable[str]) -> list[Path]:
    """`root` and the folders in it that the videos lie in, from the top down."""
    found = {parent for name in names for parent in Path(name).parents} | {Path()}
    return [root / folder for folder in sorted(found, key=lambda path: (len(path.parts), path))]


def _metadata(folder: Path) -> Path | None:
    """The folder's table by Hugging Face's name. Raises FileFormatError where it has several."""
    tables = [t for s in TABLES if (t := folder / f"metadata{s}").is_file()]
    if len(tables) > 1:
        where, names = printable(str(folder)), " and ".join(t.name for t in tables)
        raise FileFormatError(f"{where}: has {names}; keep one of them")
    return tables[0] if tables else None


def _described(videos: list[Listed], table: Path, root: Path) -> list[Listed]:
    """`videos` as a metadata table describes them, and after them those only it knows.

    Where it has labels, a video that lies below it and is not listed has none.
    """
    rows: dict[str, Row] = {}
    for row in manifest_rows(table):
        name = row.first(*PATH)
        if rows.setdefault(_normal(video_path(row, table.parent)), row) is not row:
            raise FileFormatError(
                f"{row.place}: lists {printable(name)} a second time; keep one of the lines"
            )
    labels = any(name in row.values for row in rows.values() for name in LABEL)
    below = os.path.join(_normal(str(table.parent)), "")  # noqa: PTH118
    described = []
    for video in videos:
        place = _normal(video.path)
        if place in rows:
            video = _with(video, rows.pop(place))
        elif labels and place.startswith(below):
            video = replace(video, label="", subcategory="")
        described.append(video)
    for row in rows.values():
        video = _from_row(row, table.parent)
        described.append(replace(video, name=os.path.relpath(video.path, root)))
    return described


def _normal(path: str) -> str:
    return os.path.abspath(path)  # noqa: PTH100 - pathlib keeps the .. of a path


def _with(video: Listed, row: Row) -> Listed:
    """`video` with what the row says; columns it has not leave things as the folders say."""
    known = row.values
    return replace(
        video,
        label=row.first(*LABEL) if not known.keys().isdisjoint(LABEL) else video.label,
        subcategory=known.get("subcategory", video.subcategory),
        group=row.first(*GROUP),
        split=split_name(known["split"]) if known.get("split") else video.split,
    )
