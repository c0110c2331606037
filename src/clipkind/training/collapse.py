"""When a training run has failed: it guesses, or has given up a class.

Two of the five documented runs did, and voted all the same.
"""

from collections.abc import Sequence

from clipkind.training.history import EpochResult

GUESSING = 0.97
"""A loss above this share of that of guessing is that of guessing."""
LOST_F1 = 0.2
"""A class below this F1 is not told apart from the others ..."""
LOST_SUPPORT = 5
"""... if there are so many validation videos of it: of fewer, all may be missed by bad luck."""


def guessing(epochs: Sequence[EpochResult], chance_loss: float, after: int) -> str:
    """Why a run that has learned nothing in `after` epochs has failed; empty: it has learned."""
    if len(epochs) < after or min(e.train_loss for e in epochs) < GUESSING * chance_loss:
        return ""
    return f"loss is still that of guessing ({chance_loss:.3f}) after {after} epochs"


def lost_class(best: EpochResult, support: Sequence[int], class_names: Sequence[str]) -> str:
    """Why a finished run has failed: a class its best epoch does not know; empty: it knows all.

    `support` is the number of validation videos of each class.
    """
    for name, f1, count in zip(class_names, best.val_f1, support, strict=True):
        if f1 < LOST_F1 and count >= LOST_SUPPORT:
            return f"class {name} is not told apart: F1 {f1:.2f} on {count} validation videos"
    return ""
