"""Numbers that people give, checked where they come in rather than where they do harm."""

import operator

MOST_JOBS = 64
"""Processes that work side by side, whatever at."""
MOST = 10**9
"""Of whatever is counted, where nothing else bounds it."""
MOST_BYTES = 10**18
LONGEST_S = 1e9
"""Thirty years, in seconds: the system's clocks go no further than some centuries."""


def require_whole(name: str, value: int, low: int, high: int) -> None:
    """Raises ValueError where `value` is no whole number from `low` to `high`."""
    try:
        fits = low <= operator.index(value) <= high
    except TypeError:
        fits = False
    if not fits:
        raise ValueError(f"{name} is {value}; give a whole number from {low} to {high}")


def require_number(name: str, value: float, low: float, high: float) -> None:
    """Raises ValueError where `value` is not from `low` to `high`; nan never is."""
    if not low <= value <= high:
        raise ValueError(f"{name} is {value}; give a number from {low:g} to {high:g}")
