"""What to download: rows of a plan, and the vocabulary that turns their names into ids."""

import csv
import difflib
import io
import re
from dataclasses import dataclass
from pathlib import Path

from clipkind.dataset.tables import read_rows
from clipkind.dataset.youtube8m.index import fetch
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.text import printable

VOCABULARY_URL = "https://research.google.com/youtube8m/csv/2/vocabulary.csv"
VOCABULARY_TIMEOUT_S = 30.0
MAX_VOCABULARY = 32 << 20
DEFAULT_COUNT = 10
"""Videos of a line in a list without counts, as documented."""
MAX_DIGITS = 7
"""Of a count; the data set has fewer videos."""
MAX_FOLDER_NAME = 200
"""Bytes; file systems take 255."""
_CATEGORY = re.compile(r"(?:/[a-z]/)?([0-9a-z_]{2,24})")


@dataclass(frozen=True, slots=True)
class PlanRow:
    """So many videos of one vocabulary entry, for one class."""

    category: str
    """The entry's knowledge-graph id without `/m/`, as its index file is called."""
    count: int
    label: str
    subcategory: str


@dataclass(frozen=True, slots=True)
class _Draft:
    place: str
    name: str
    id: str
    count: str
    label: str
    subcategory: str


def read_plan(path: Path, vocabulary: str = VOCABULARY_URL, label: str = "") -> list[PlanRow]:
    """The rows of a plan; `vocabulary` (a file or URL) is read only where names need it.

    A `.csv` plan has columns `count`, `label` (or the same `label` for all rows), `name` or `id`,
    and where it differs from the name `subcategory`. Any other file is the documented list of
    `name:count` lines and needs `label`. Raises FileFormatError naming the line that is wrong.
    """
    drafts = _csv_drafts(path, label) if path.suffix.lower() == ".csv" else _list(path, label)
    if not drafts:
        raise FileFormatError(f"{printable(str(path))}: the plan is empty")
    named = any(not draft.id or not (draft.subcategory or draft.name) for draft in drafts)
    names = read_vocabulary(vocabulary) if named else {}
    rows: dict[tuple[str, str, str], PlanRow] = {}
    for draft in drafts:
        row = _resolve(draft, names)
        key = (row.category, row.label, row.subcategory)
        if key in rows:
            raise FileFormatError(f"{draft.place}: repeats an earlier row; add up their counts")
        rows[key] = row
    return list(rows.values())


def read_vocabulary(source: str) -> dict[str, list[str]]:
    """Ids (such as `/m/0kt51`) by name; a few entries have no name, a name may be that of several.

    Raises FileFormatError where `source`, a file or an http(s) URL, is no such vocabulary.
    """
    if source.startswith(("http://", "https://")):
        data = fetch(source, timeout_s=VOCABULARY_TIMEOUT_S, limit=MAX_VOCABULARY)
    else:
        data = Path(source).read_bytes()
    # not strict, like the readers it was written for: a stray quote in a description is no harm
    reader = csv.DictReader(io.StringIO(data.decode("utf-8-sig", "replace"), newline=""))
    names: dict[str, list[str]] = {}
    for entry in reader:
        id, name = entry.get("KnowledgeGraphId"), entry.get("Name")
        if id and name:
            names.setdefault(name.strip(), []).append(id.strip())
    if not names:
        raise FileFormatError(
            f"{printable(source)}: has no columns KnowledgeGraphId and Name; "
            f"the data set's vocabulary is at {VOCABULARY_URL}"
        )
    return names


def _csv_drafts(path: Path, label: str) -> list[_Draft]:
    return [
        _Draft(
            place=row.place,
            name=row.first("name").strip(),
            id=row.first("id").strip(),
            count=row.first("count").strip(),
            label=row.first("label").strip() or label,
            subcategory=row.first("subcategory").strip(),
        )
        for row in read_rows(path)
    ]


def _list(path: Path, label: str) -> list[_Draft]:
    shown = printable(str(path))
    if not label:
        raise ClipkindError(f"{shown}: a list of names says no class: add --label")
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise FileFormatError(f"{shown}: is not text in UTF-8 ({error})") from None
    drafts = []
    for number, line in enumerate(lines, 1):
        name, colon, count = line.rpartition(":")
        if not (colon and count.strip().isdecimal()):  # names hold colons too
            name, count = line, str(DEFAULT_COUNT)
        if name.strip():
            place = f"{shown}, line {number}"
            drafts.append(_Draft(place, name.strip(), "", count.strip(), label, ""))
    return drafts


def _resolve(draft: _Draft, names: dict[str, list[str]]) -> PlanRow:
    id = draft.id or _id_of(draft, names)
    match = _CATEGORY.fullmatch(id)
    if not match:
        raise FileFormatError(
            f"{draft.place}: id {printable(id)!r} is none of the vocabulary, such as /m/0kt51"
        )
    if not draft.count.isdecimal() or len(draft.count) > MAX_DIGITS or int(draft.count) < 1:
        raise FileFormatError(
            f"{draft.place}: count {printable(draft.count)!r} is not a number of videos from 1 up"
        )
    entry = f"/m/{match[1]}" if id == match[1] else id
    name = draft.name or next((n for n, ids in names.items() if entry in ids), match[1])
    return PlanRow(
        category=match[1],
        count=int(draft.count),
        label=_folder_name(draft.label, "label", draft.place),
        subcategory=_folder_name(
            draft.subcategory or name.replace("/", "_").lstrip("."), "subcategory", draft.place
        ),
    )


def _id_of(draft: _Draft, names: dict[str, list[str]]) -> str:
    if not draft.name:
        raise FileFormatError(f"{draft.place}: no name (or id) there; give one of the vocabulary")
    ids = names.get(draft.name, [])
    if len(ids) == 1:
        return ids[0]
    shown = printable(draft.name)
    if ids:
        raise FileFormatError(
            f"{draft.place}: {shown!r} is the name of several; give one of {', '.join(ids)} as id"
        )
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(draft.name.casefold(), folded, n=3)
    hint = ", ".join(repr(printable(folded[name])) for name in close)
    raise FileFormatError(
        f"{draft.place}: no {shown!r} in the vocabulary"
        + (f"; did you mean {hint}?" if hint else "; names must match exactly")
    )


def _folder_name(text: str, column: str, place: str) -> str:
    """Videos go to `label/subcategory/`, so neither may lead out of there or be hidden."""
    if not text:
        raise FileFormatError(f"{place}: no {column} there; every row needs one")
    odd = "/" in text or text.startswith(".") or printable(text) != text
    if odd or len(text.encode()) > MAX_FOLDER_NAME:
        raise FileFormatError(f"{place}: {column} {printable(text)!r} cannot name a folder")
    return text
