"""The split file a person names; the manifest it is made from is easily given in its place."""

import csv
from pathlib import Path

from clipkind.dataset.splits.run import SplitSettings, split_paths
from clipkind.dataset.splits.table import SplitTable, read_split
from clipkind.dataset.tables import PATH
from clipkind.errors import FileFormatError
from clipkind.text import printable, quoted


def read_given_split(path: Path) -> SplitTable:
    """As `read_split`; a manifest that nobody has split is refused with the command that does."""
    if not _is_manifest(path):
        return read_split(path)
    (made,) = split_paths(path, None, SplitSettings())
    cure = (
        f"run  clipkind dataset split {quoted(path)}  and give the {printable(made.name)} it makes"
    )
    if made.is_file():
        cure = f"give {printable(str(made))}, which stands beside it"
    raise FileFormatError(
        f"{printable(str(path))}: is a manifest, not a split file: it has no `split` column that "
        f"says which videos to train on and which to test on; {cure}"
    )


def _is_manifest(path: Path) -> bool:
    """A table of paths in which no video is in a split. What is no table is told of elsewhere."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = csv.DictReader(file, restval="")
            head = [name.strip().lower() for name in rows.fieldnames or ()]
            if not set(PATH) & set(head):
                return False
            return "split" not in head or not any((row.get("split") or "").strip() for row in rows)
    except (UnicodeDecodeError, csv.Error):
        return False
