"""What was asked, and what the systems answered."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.intervals import Draws, draw_groups

Kind = Literal["ensemble", "member", "baseline", "ablation"]


@dataclass(frozen=True, slots=True, eq=False)
class Questions:
    """The videos of a split, in order. At least one."""

    ids: tuple[str, ...]
    y_true: NDArray[np.int64]
    """[N], class indices."""
    groups: NDArray[np.str_]
    """[N]."""
    class_names: tuple[str, ...]
    draws: Draws

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def counts(self) -> dict[str, int]:
        """Videos by class; 0 for a class without."""
        return {name: int((self.y_true == k).sum()) for k, name in enumerate(self.class_names)}


def questions(
    ids: tuple[str, ...], labels: list[str], groups: list[str], class_names: tuple[str, ...]
) -> Questions:
    """The questions about the videos `ids`, whose labels are all in `class_names`."""
    y_true = np.array([class_names.index(label) for label in labels], np.int64)
    where = np.array(groups, dtype=np.str_)
    return Questions(ids, y_true, where, class_names, draw_groups(where))


@dataclass(frozen=True, slots=True, eq=False)
class Answers:
    """What one system answers to all of them."""

    name: str
    kind: Kind
    what: str
    """In words, with how it was made."""
    ranking: NDArray[np.float64]
    """[N, C], the higher the likelier: probabilities, or margins of a system that has none."""
    tta: bool = False
    has_probabilities: bool = True
    """Whether `ranking` is probabilities."""

    @property
    def labels(self) -> NDArray[np.int64]:
        """[N], the class answered."""
        labels: NDArray[np.int64] = self.ranking.argmax(axis=1)
        return labels

    @property
    def probabilities(self) -> NDArray[np.float64] | None:
        return self.ranking if self.has_probabilities else None
