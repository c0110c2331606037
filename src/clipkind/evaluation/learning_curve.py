"""How much more videos would help: the same systems, trained on part of the groups."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from clipkind.dataset.splits.table import SplitRow, SplitTable
from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.intervals import interval
from clipkind.evaluation.result import LearningPoint
from clipkind.evaluation.scores import accuracy

SHARES = (0.25, 0.5, 1.0)


def part_of(rows: Sequence[SplitRow], share: float) -> list[SplitRow]:
    """The videos of a share of the groups, of each class at least one group.

    A larger share holds every smaller one. A group is of the class that most of its videos have.
    Where that leaves a class without any, the first group that has some is in every part.
    """
    by_group: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        by_group[row.group][row.label] += 1
    by_class: dict[str, list[str]] = defaultdict(list)
    for group in sorted(by_group):
        by_class[by_group[group].most_common(1)[0][0]].append(group)
    random = np.random.default_rng(0)
    order = {label: random.permutation(by_class[label]).tolist() for label in sorted(by_class)}
    kept = {groups[0] for groups in order.values()}
    for label in sorted({row.label for row in rows}):
        if not any(label in by_group[group] for group in kept):
            kept.add(min(group for group in by_group if label in by_group[group]))
    for groups in order.values():
        kept |= set(groups[: round(share * len(groups))])
    return [row for row in rows if row.group in kept]


def without_others(table: SplitTable, kept: Sequence[SplitRow]) -> SplitTable:
    """The split with only the training videos `kept`; the others are excluded."""
    ids = {row.id for row in kept}
    return SplitTable(
        tuple(
            replace(row, split="excluded") if row.split == "train" and row.id not in ids else row
            for row in table.rows
        )
    )


def learning_point(
    asked: Questions, answers: Answers, system: str, kept: Sequence[SplitRow]
) -> LearningPoint:
    """What `system`, trained on the videos `kept`, comes to."""
    return {
        "system": system,
        "groups": len({row.group for row in kept}),
        "videos": len(kept),
        "accuracy": interval(accuracy(asked, answers), asked.draws),
    }
