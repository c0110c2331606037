"""What speaks against believing a data set: copies, labels that disagree, thin classes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from clipkind.dataset.check.shortcuts import Shortcut, shortcuts
from clipkind.dataset.links import Link, joined_groups
from clipkind.dataset.manifest import UNKNOWN_SOURCES, Entry
from clipkind.errors import Reason
from clipkind.text import counted, printable

FEW_VIDEOS = 10
"""Videos a class should have, at the least, to be trained on and measured."""
SIDES = 3
"""Train, val and test: each needs a source of every class."""
IMBALANCE = 5.0
"""Largest class over smallest from which a warning is worth it."""


@dataclass(frozen=True, slots=True)
class Spread:
    """Quartiles of a property over the videos of a class that tell it."""

    low: float
    middle: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """One class of the data set."""

    label: str
    """Empty: videos without a label."""
    videos: int
    refused: int
    groups: int
    """Sources it comes from, with those that links join counted as one."""
    linked: int
    """Videos with a copy somewhere in the data set."""
    short_side: Spread | None
    """Pixels; None where no video tells."""
    fps: Spread | None
    duration_s: Spread | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What `clipkind dataset check` found."""

    entries: int
    ok: int
    refused: tuple[tuple[str, int], ...]
    """Reason codes of the manifest and how often each stands there, most frequent first."""
    unread: int
    """Videos that are ok by the manifest but gave no fingerprint: their copies are not known."""
    classes: tuple[ClassRow, ...]
    groups: int
    """Sources of all ok videos before links join them; one without a source is its own."""
    joined: int
    """The same after."""
    links: tuple[Link, ...]
    across: tuple[Link, ...]
    """Those between different sources: without them a split would have leaked."""
    conflicts: tuple[Link, ...]
    """Links between videos whose labels differ."""
    shortcuts: tuple[Shortcut, ...]
    """Every property that was tried; see `Shortcut.warns`."""
    warnings: tuple[str, ...]
    """In plain words, what to look at first."""


def check(entries: Sequence[Entry], links: Iterable[Link], *, unread: int = 0) -> CheckReport:
    """Judge a data set whose near-duplicates are known. The entries' ids differ where ok.

    Links that name other videos are passed over.
    """
    ok = [entry for entry in entries if entry.status == "ok"]
    by_id = {entry.id: entry for entry in ok}
    links = sorted((k for k in links if k.a in by_id and k.b in by_id), key=lambda k: (k.a, k.b))
    before = {entry.id: entry.group or entry.id for entry in ok}
    after = joined_groups(before, links)
    rows = _class_rows(entries, after, links)
    conflicts = [k for k in links if by_id[k.a].label != by_id[k.b].label]
    found = shortcuts(ok, after)
    return CheckReport(
        entries=len(entries),
        ok=len(ok),
        refused=tuple(Counter(e.reason for e in entries if e.status != "ok").most_common()),
        unread=unread,
        classes=rows,
        groups=len(set(before.values())),
        joined=len(set(after.values())),
        links=tuple(links),
        across=tuple(k for k in links if before[k.a] != before[k.b]),
        conflicts=tuple(conflicts),
        shortcuts=found,
        warnings=(
            *_conflict_warning(conflicts),
            *_copy_warning(entries, by_id),
            *_unread_warning(unread),
            *_source_warning(ok),
            *_class_warnings(rows),
            *(s.sentence for s in found if s.warns),
        ),
    )


def _class_rows(
    entries: Sequence[Entry], groups: dict[str, str], links: Sequence[Link]
) -> tuple[ClassRow, ...]:
    linked = {id for link in links for id in (link.a, link.b)}
    rows = []
    for label in sorted({entry.label for entry in entries}):
        mine = [entry for entry in entries if entry.label == label]
        ok = [entry for entry in mine if entry.status == "ok"]
        rows.append(
            ClassRow(
                label=label,
                videos=len(ok),
                refused=len(mine) - len(ok),
                groups=len({groups[entry.id] for entry in ok}),
                linked=sum(entry.id in linked for entry in ok),
                short_side=_spread(min(entry.width, entry.height) for entry in ok),
                fps=_spread(entry.fps for entry in ok),
                duration_s=_spread(entry.duration_s for entry in ok),
            )
        )
    return tuple(rows)


def _spread(values: Iterable[float]) -> Spread | None:
    """Quartiles; a value of 0 means that nobody knows it."""
    known = [value for value in values if value > 0]
    return Spread(*np.quantile(known, (0.25, 0.5, 0.75)).tolist()) if known else None


def _conflict_warning(conflicts: Sequence[Link]) -> list[str]:
    if not conflicts:
        return []
    return [
        f"{counted(len(conflicts), 'pair')} of videos with the same footage but different labels: "
        "correct the labels or leave one out"
    ]


def _copy_warning(entries: Iterable[Entry], by_id: Mapping[str, Entry]) -> list[str]:
    """Exact copies are refused by the scan, so that no link tells of them."""
    pairs = [
        (entry, by_id[entry.id])
        for entry in entries
        if entry.reason == Reason.DUPLICATE.value and entry.id in by_id
    ]
    odd = [(copy, kept) for copy, kept in pairs if copy.label != kept.label]
    if not odd:
        return []
    copy, kept = odd[0]
    such = f"{copy.path} ({copy.label or 'no label'}) of {kept.path} ({kept.label or 'no label'})"
    return [
        f"{counted(len(odd), 'refused exact copy', 'refused exact copies')} of a video under "
        f"another label, such as {printable(such)}: see which label is right"
    ]


def _unread_warning(unread: int) -> list[str]:
    if not unread:
        return []
    return [
        f"{counted(unread, 'video')} could not be read and compared with the others: "
        "scan the folder again, or repair or remove them"
    ]


def _source_warning(ok: Sequence[Entry]) -> list[str]:
    if not ok or any(entry.group for entry in ok):
        return []
    return [
        f"{UNKNOWN_SOURCES}: those of one film or channel may come to stand on two sides of a "
        "split; name it in a group column"
    ]


def _class_warnings(rows: Sequence[ClassRow]) -> list[str]:
    warnings = []
    named = [row for row in rows if row.label]
    unnamed = sum(row.videos for row in rows if not row.label)
    if unnamed:
        warnings.append(f"{counted(unnamed, 'video')} without a label: they cannot be trained on")
    if len(named) == 1:
        warnings.append("there is only one class: nothing can be told apart")
    for row in named:
        name = printable(row.label)
        if not row.videos:
            warnings.append(f"{name}: no video is left")
        elif row.groups < SIDES:
            warnings.append(
                f"{name}: all videos ({row.videos}) come from {counted(row.groups, 'source')}, and "
                "train, val and test need one each: add videos of other sources"
            )
        elif row.videos < FEW_VIDEOS:
            warnings.append(f"{name}: {row.videos} videos are few to train on and to measure")
    sizes = {row.label: row.videos for row in named if row.videos}
    if len(sizes) > 1:
        most, least = max(sizes, key=sizes.__getitem__), min(sizes, key=sizes.__getitem__)
        if sizes[most] >= IMBALANCE * sizes[least]:
            warnings.append(
                f"{printable(most)} has {sizes[most] / sizes[least]:.0f} times as many videos as "
                f"{printable(least)}: a model that ignores {printable(least)} scores well"
            )
    return warnings
