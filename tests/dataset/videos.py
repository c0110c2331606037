"""Made-up videos and links for tests of splits."""

from typing import Any

from clipkind.dataset.links import Link
from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.table import SPLITS, SplitTable

CLASSES = ("Animation", "Gaming")


def entry(id: str, label: str = "Gaming", **changes: Any) -> Entry:
    return Entry(id=id, path=f"clips/{id}.mp4", label=label, **changes)


def link(a: str, b: str) -> Link:
    return Link(a=a, b=b, score=0.9)


def several(label: str, count: int, **changes: Any) -> list[Entry]:
    """Videos of one class, each from a source of its own."""
    return [entry(f"{label}-{number:03}", label, **changes) for number in range(count)]


def everywhere(split: SplitTable) -> bool:
    """Whether every class stands in train, val and test."""
    return all(
        {row.label for row in split.rows if row.split == name} == set(CLASSES) for name in SPLITS
    )
