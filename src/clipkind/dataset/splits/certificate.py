"""What a split holds, counted from the finished split by its own means: its certificate."""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from clipkind.dataset.links import Link
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.table import SPLITS, SplitName, SplitRow, SplitTable
from clipkind.errors import FileFormatError
from clipkind.text import printable

EXCLUDED: SplitName = "excluded"
SHOWN = 20
"""Crossing pairs that a certificate names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Videos and groups of one split, and its share (0..1) of the videos that are not excluded."""

    videos: int
    groups: int
    share: float


Counts = dict[SplitName, Count]
"""By split: train, val, test, excluded. The share of `excluded` is of all videos."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What `certify` found."""

    total: Counts
    classes: dict[str, Counts]
    subcategories: dict[str, Counts]
    """By `Class/Subcategory`."""
    links: int | None
    """Pairs of near-duplicates among the videos; None: nobody has looked for them."""
    cross_split_near_duplicates: int | None
    """How many of these pairs stand in two of train, val and test."""
    not_compared: int | None
    """Videos in train, val or test that the search for near-duplicates left out, being added since
    or unreadable then: copies of them may cross. None: not known."""
    cross_split_groups: int
    """Sources, and groups joined by links, with videos in two of train, val and test."""
    crossing: tuple[tuple[str, str], ...]
    """The ids of such pairs, and of a pair from each such group; the first few of them."""
    sources: int
    """Groups as the entries name them; links may have joined some into one group of the split."""
    without_source: int
    """Videos of which no source is known: each counts as one."""
    refused: int
    """Entries of the manifest that are not divided."""
    kept: int
    """Videos that stand where the earlier split had them."""
    assigned: int
    """Videos that it did not have."""
    moved_out: int
    """Videos it had in train, val or test that are excluded now."""
    videos_sha256: str
    """Over id, label, subcategory and source group of every video."""


def certify(
    split: SplitTable,
    entries: Iterable[Entry],
    links: Sequence[Link] | None,
    previous: SplitTable | None = None,
    compared: Collection[str] | None = None,
) -> Certificate:
    """Count what `split` holds and what crosses in it, trusting nothing but its rows.

    `links` None: near-duplicates were not looked for. `compared`: among which videos they were;
    None: not known. Raises FileFormatError when the split is not of exactly these entries.
    """
    entries = list(entries)
    videos = [entry for entry in entries if entry.status == "ok"]
    _check_same(split, videos)
    everywhere = split.sides
    sides = {id: side for id, side in everywhere.items() if side != "excluded"}
    known = [link for link in links or () if link.a in everywhere and link.b in everywhere]
    pairs = [(link.a, link.b) for link in known if _differ(sides, link.a, link.b)]
    strangers = _group_pairs(split, videos, sides)
    old = {} if previous is None else previous.sides
    return Certificate(
        total=_count(split.rows),
        classes=_count_by(split.rows, lambda row: row.label),
        subcategories=_count_by(split.rows, lambda row: f"{row.label}/{row.subcategory}"),
        links=None if links is None else len(known),
        cross_split_near_duplicates=None if links is None else len(pairs),
        not_compared=None if compared is None else sum(id not in compared for id in sides),
        cross_split_groups=len(strangers),
        crossing=tuple((pairs + strangers)[:SHOWN]),
        sources=len({video.group or video.id for video in videos}),
        without_source=sum(video.group in ("", video.id) for video in videos),
        refused=len(entries) - len(videos),
        kept=sum(old.get(row.id) == row.split for row in split.rows),
        assigned=sum(row.id not in old for row in split.rows),
        moved_out=sum(
            row.split == "excluded" and old.get(row.id, "excluded") != "excluded"
            for row in split.rows
        ),
        videos_sha256=_digest(videos),
    )


def _check_same(split: SplitTable, videos: Iterable[Entry]) -> None:
    listed = {printable(v.id): (printable(v.label), printable(v.subcategory)) for v in videos}
    divided = {row.id: (row.label, row.subcategory) for row in split.rows}
    if listed == divided:
        return
    odd = {id for id, _ in listed.items() ^ divided.items()}
    raise FileFormatError(
        f"the split is not of these videos: {len(odd)} are missing, too many or labelled otherwise "
        f"(such as {min(odd)}); run clipkind dataset split again"
    )


def _differ(sides: Mapping[str, str], a: str, b: str) -> bool:
    return a in sides and b in sides and sides[a] != sides[b]


def _group_pairs(
    split: SplitTable, videos: Iterable[Entry], sides: Mapping[str, str]
) -> list[tuple[str, str]]:
    """A pair of videos from every source, and every group of the split, that crosses."""
    members: dict[tuple[str, str], list[str]] = defaultdict(list)
    for video in videos:
        members["source", video.group or video.id].append(printable(video.id))
    for row in split.rows:
        members["group", row.group].append(row.id)
    pairs = []
    for ids in members.values():
        first = next((id for id in ids if id in sides), "")
        other = next((id for id in ids if _differ(sides, first, id)), "")
        if other:
            pairs.append((first, other))
    return sorted(set(pairs))


def _count_by(rows: Sequence[SplitRow], key: Callable[[SplitRow], str]) -> dict[str, Counts]:
    found: dict[str, list[SplitRow]] = defaultdict(list)
    for row in rows:
        found[key(row)].append(row)
    return {name: _count(found[name]) for name in sorted(found)}


def _count(rows: Sequence[SplitRow]) -> Counts:
    videos = Counter(row.split for row in rows)
    groups = Counter(split for split, _ in {(row.split, row.group) for row in rows})
    divided = len(rows) - videos["excluded"]
    counts = {}
    for split in (*SPLITS, EXCLUDED):
        whole = len(rows) if split == EXCLUDED else divided
        share = round(videos[split] / whole, 4) if whole else 0.0
        counts[split] = Count(videos=videos[split], groups=groups[split], share=share)
    return counts


def _digest(videos: Iterable[Entry]) -> str:
    rows = sorted([v.id, v.label, v.subcategory, v.group or v.id] for v in videos)
    return hashlib.sha256(json.dumps(rows).encode()).hexdigest()
