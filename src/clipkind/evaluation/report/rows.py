"""Plots with a row for each class or system: intervals, and the confusion matrix."""

from collections.abc import Callable, Sequence

from clipkind.evaluation.report.axes import Axes, share_ticks
from clipkind.evaluation.report.figures import decimal, floor_of, known, percent
from clipkind.evaluation.report.plots import WIDTH, Plot
from clipkind.evaluation.report.surface import Surface
from clipkind.evaluation.result import Figure, Scores, System
from clipkind.text import class_heads, shortened

_NAMES, _VALUES, _TOP, _ROW = 172, 62, 18, 26
_NAME_COLUMNS = 23
_BELOW = 46
_CELL = 78
MOST = 40
"""Rows of one plot, at most."""


def f1(scores: Scores) -> Plot | None:
    """F1 of every class with its interval; the weakest where there are many."""
    rows = [(label, known(c["f1"])) for label, c in scores["classes"].items()]
    if len(rows) > MOST:
        rows = sorted(rows, key=lambda row: row[1]["value"] if row[1] else 0.0)[:MOST]
    return _intervals("f1_per_class", "F1 by class", rows, decimal)


def systems(every: Sequence[System]) -> Plot | None:
    """Accuracy of every system with its interval."""
    rows = [(system["name"], known(system["scores"]["accuracy"])) for system in every]
    return _intervals("systems", "Accuracy by system", rows[:MOST], percent)


def _intervals(
    name: str,
    title: str,
    rows: Sequence[tuple[str, Figure | None]],
    text: Callable[[float], str],
) -> Plot | None:
    if not rows:
        return None
    low = floor_of(figure for _, figure in rows)
    names = shortened([label for label, _ in rows], _NAME_COLUMNS)

    def draw(surface: Surface) -> None:
        inner = WIDTH - _NAMES - _VALUES
        plot = Axes(surface, _NAMES, _TOP, inner, _ROW * len(rows), (low, 1.0))
        plot.x_ticks(share_ticks(low), f"{title}, with 95 % intervals")
        for number, (label, (_, figure)) in enumerate(zip(names, rows, strict=True)):
            y = _TOP + (number + 0.5) * _ROW
            surface.text(_NAMES - 10, y + 4, label, align="right")
            if figure:
                ends = [plot.x(figure["low"]), plot.x(figure["high"])]
                surface.line(ends, [y, y], color="accent", width=2.2)
                surface.dot(plot.x(figure["value"]), y, color="accent", size=8)
            value = text(figure["value"]) if figure else "n/a"
            surface.text(WIDTH - 6, y + 4, value, align="right", bold=True)

    alt = f"{title}: " + ", ".join(f"{n} {text(f['value']) if f else 'n/a'}" for n, f in rows)
    return Plot(name, title, alt, WIDTH, _TOP + _ROW * len(rows) + _BELOW, draw)


def confusion(scores: Scores, class_names: Sequence[str]) -> Plot | None:
    """How many videos of each class (rows) were answered as which (columns)."""
    matrix, classes = scores["confusion"], len(class_names)
    if not 0 < classes <= MOST:
        return None
    cell = _CELL if classes <= 8 else 44
    top, left = 66, _NAMES
    heads = class_heads(class_names, 12 if cell == _CELL else 5)
    names = shortened(class_names, _NAME_COLUMNS)

    def draw(surface: Surface) -> None:
        middle = left + cell * classes / 2
        surface.text(middle, 20, "Answered", color="soft", align="center")
        surface.text(left - 10, top - 12, "True", color="soft", align="right")
        for number, (head, name) in enumerate(zip(heads, names, strict=True)):
            x, y = left + (number + 0.5) * cell, top + (number + 0.5) * cell
            surface.text(x, top - 12, head, align="center", size=11)
            surface.text(left - 10, y + 4, name, align="right")
            of = sum(matrix[number])
            for column, count in enumerate(matrix[number]):
                color = "accent" if column == number else "bad"
                strength = 0.06 + 0.5 * count / of if count else 0.03
                at = left + column * cell
                surface.box(at, y - cell / 2, cell - 2, cell - 2, color=color, strength=strength)
                surface.text(at + cell / 2 - 1, y + 5, f"{count}", align="center", size=14)

    alt = "Confusion matrix: " + "; ".join(
        f"of {sum(row)} {name}, {row[i]} right"
        for i, (name, row) in enumerate(zip(class_names, matrix, strict=True))
    )
    size = left + cell * classes + 10, top + cell * classes + 10
    return Plot("confusion_matrix", "Confusion matrix", alt, *size, draw)
