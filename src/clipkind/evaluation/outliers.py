"""How well the outlier score tells videos of a class that it was fitted without.

Kinds that nobody has are hard to come by; a class left out stands for one that looks like what is
known. For kinds made or found see `benchmarks/outliers.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.answers import Questions
from clipkind.evaluation.intervals import Drawn, interval
from clipkind.evaluation.result import Outliers
from clipkind.model.outliers import OutlierModel

_BLOCK = 256
"""Videos compared with all others at a time."""
Floats = NDArray[np.floating[Any]]


def left_out(
    asked: Questions,
    pooled: Floats,
    train: Floats,
    y_train: NDArray[np.int64],
    train_groups: NDArray[np.str_],
) -> list[Outliers]:
    """For each class: the score of the other classes' training videos, asked about all of `asked`.

    `pooled` [N, D] and `train` [M, D] are mean features, `y_train` [M] class indices. A class is
    passed over where no video of it, or of the others, is asked about, or what is left to fit on is
    of fewer than two groups.
    """
    found: list[Outliers] = []
    for number, name in enumerate(asked.class_names):
        rest = y_train != number
        foreign = asked.y_true == number
        if foreign.all() or not foreign.any() or len(np.unique(train_groups[rest])) < 2:
            continue
        model = OutlierModel.fit(train[rest], y_train[rest], train_groups[rest])
        area = auroc(asked, model.scores(pooled), foreign)
        sides = (len(np.unique(asked.draws.index[side])) for side in (foreign, ~foreign))
        found.append(
            {
                "kind": f"class left out: {name}",
                "videos": int(foreign.sum()),
                "auroc": interval(area, asked.draws, alike=min(sides)),
            }
        )
    return found


def auroc(asked: Questions, scores: Floats, foreign: NDArray[np.bool_]) -> Drawn:
    """How often a foreign video scores above another; a tie counts half. There is one of each."""
    draws = asked.draws
    wins = np.zeros((draws.groups, draws.groups))
    """Pairs won, by the groups of the known and of the foreign video."""
    known = np.flatnonzero(~foreign)
    for start in range(0, len(known), _BLOCK):
        block = known[start : start + _BLOCK]
        ours, theirs = scores[block][:, None], scores[foreign]
        won = (theirs > ours) + 0.5 * (theirs == ours)
        by_foreign = np.zeros((draws.groups, len(block)))
        np.add.at(by_foreign, draws.index[foreign], won.T)
        np.add.at(wins, draws.index[block], by_foreign.T)
    total, drawn = draws.sums(np.stack([~foreign, foreign], axis=1).astype(float))
    with np.errstate(invalid="ignore"):  # a draw may hold none of either
        counts = draws.counts.astype(np.float64)
        values = ((counts @ wins) * counts).sum(axis=1) / drawn.prod(axis=1)
    return Drawn(float(wins.sum() / total.prod()), values)
