"""Questions and answers for the tests of this folder."""

import numpy as np
from numpy.typing import ArrayLike

from clipkind.evaluation.answers import Answers, Kind, Questions, questions

NAMES = ("a", "b", "c")


def ask(
    y_true: ArrayLike, groups: ArrayLike | None = None, names: tuple[str, ...] = NAMES
) -> Questions:
    """One video a group, unless `groups` says otherwise."""
    labels = [names[k] for k in np.asarray(y_true)]
    ids = tuple(f"v{n}" for n in range(len(labels)))
    where = ids if groups is None else [str(g) for g in np.asarray(groups)]
    return questions(ids, labels, list(where), names)


def answer(
    labels: ArrayLike, name: str = "ensemble", kind: Kind = "ensemble", classes: int = 3
) -> Answers:
    """Answers of certainty."""
    return Answers(name, kind, "", np.eye(classes)[np.asarray(labels)])


def doubt(count: int, seed: int, classes: int = 3) -> np.ndarray:
    """Probabilities [count, classes] of any kind."""
    return np.random.default_rng(seed).dirichlet(np.ones(classes), count)
