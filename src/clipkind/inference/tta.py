"""Test-time augmentation: the four documented ways to show a network one sequence."""

import numpy as np
import numpy.typing as npt

IndexArray = npt.NDArray[np.int64]
MODES = ("original", "reverse", "speed_up", "speed_down")
SPEED_UP_ABOVE = 10
"""Rows a sequence must exceed to be shown at double speed."""
SPEED_DOWN_ABOVE = 5
"""The same for two thirds of the speed."""


def tta_indices(length: int) -> dict[str, IndexArray]:
    """Mode -> the rows of a sequence of `length` rows to show, in order; the original comes first.

    As the documented system: `speed_up` shows every second row, `speed_down` half as many again,
    both by linspace cut down to whole numbers. A mode whose threshold `length` does not exceed is
    left out.
    """
    rows = np.arange(length, dtype=np.int64)
    modes = {"original": rows, "reverse": rows[::-1]}
    if length > SPEED_UP_ABOVE:
        modes["speed_up"] = _paced(length, length // 2)
    if length > SPEED_DOWN_ABOVE:
        modes["speed_down"] = _paced(length, int(1.5 * length))
    return modes


def _paced(length: int, count: int) -> IndexArray:
    return np.linspace(0, length - 1, count).astype(np.int64)
