"""Lists of labelled videos: a folder laid out by class, or a CSV file."""

import csv
import os
from pathlib import Path

from clipkind.dataset.listing import Listing
from clipkind.errors import FileFormatError
from clipkind.features.extract import Item
from clipkind.text import printable


def items_of(source: Path) -> tuple[list[Item], int]:
    """The videos of a folder or manifest, and how many files in it are no videos by name.

    Raises FileFormatError when `source` is neither.
    """
    if source.is_dir():
        return _folder_items(source)
    if source.suffix.lower() == ".csv" and source.is_file():
        return _csv_items(source), 0
    raise FileFormatError(
        f"{printable(str(source))}: give a folder of videos or a .csv manifest with a path column"
    )


def _folder_items(root: Path) -> tuple[list[Item], int]:
    """Laid out `class/[subcategory/]video`; without class folders the videos are unlabelled."""
    listing = Listing([str(root)])
    items = []
    for path in listing:
        name = os.path.relpath(path, root)
        parts = Path(name).parts[:-1]
        items.append(
            Item(
                id=Path(name).as_posix(),
                path=path,
                label=parts[0] if parts else "",
                subcategory=parts[1] if len(parts) > 1 else "",
            )
        )
    return items, listing.skipped


def _csv_items(manifest: Path) -> list[Item]:
    """Columns `path` (or `file_name`), and where known `id`, `label`, `subcategory`, `group`.

    Paths are relative to the manifest. Without an `id` column the path is the id.
    """
    shown = printable(str(manifest))
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            rows = [(reader.line_num, row) for row in reader]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{shown}: is not a CSV file in UTF-8 ({error})") from None
    items = []
    for line, row in rows:
        name = row.get("path") or row.get("file_name")
        if not name:
            raise FileFormatError(f"{shown}, line {line}: no path (or file_name) column there")
        items.append(
            Item(
                id=row.get("id") or name,
                path=str(manifest.parent / name),
                label=row.get("label") or "",
                subcategory=row.get("subcategory") or "",
                group=row.get("group") or "",
            )
        )
    return items
