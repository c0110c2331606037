"""Figures in words."""

from collections.abc import Iterable, Sequence
from math import floor, isfinite

from clipkind.evaluation.result import Evaluation, Figure, System

NONE = "n/a"
"""Where a figure cannot be had; the page says why."""


def known(figure: Figure | None) -> Figure | None:
    """The figure; None where it is none, or no number."""
    if figure is None or not all(isfinite(figure[key]) for key in ("value", "low", "high")):
        return None
    return figure


def percent(value: float | None) -> str:
    """A share as 83.3 %."""
    return NONE if value is None or not isfinite(value) else f"{value:.1%}".replace("%", "\xa0%")


def decimal(value: float | None) -> str:
    """With three places."""
    return NONE if value is None or not isfinite(value) else f"{value:.3f}"


def points(value: float) -> str:
    """A difference of shares in percentage points, with its sign."""
    rounded = round(value * 100, 1) + 0.0  # no -0.0
    return f"{rounded:+.1f}" if rounded else "0.0"


def percent_range(figure: Figure) -> str:
    return f"{figure['low'] * 100:.1f} to {figure['high'] * 100:.1f}\xa0%"


def decimal_range(figure: Figure) -> str:
    return f"{figure['low']:.3f} to {figure['high']:.3f}"


def points_range(figure: Figure) -> str:
    return f"{points(figure['low'])} to {points(figure['high'])}"


def floor_of(figures: Iterable[Figure | None]) -> float:
    """Where an axis of shares begins that shows all of them: a whole tenth, at most a half."""
    lows = [found["low"] for figure in figures if (found := known(figure))]
    return min(max(floor(min(lows, default=0.0) * 10 - 0.2), 0) / 10, 0.5)


def headline(evaluation: Evaluation) -> System | None:
    """The system the page is about: the ensemble as it answers by itself, or else the first."""
    systems: Sequence[System] = evaluation["systems"]
    plain = (s for s in systems if s["kind"] == "ensemble" and not s["tta"])
    return next(plain, systems[0] if systems else None)
