"""Axes and keys of the plots."""

from collections.abc import Sequence
from dataclasses import dataclass

from clipkind.evaluation.report.surface import Dashes, Surface
from clipkind.text import shortened

KEY_ROW = 20
"""Pixels of height of a row of a key."""
_COLUMNS = 20
"""Of a name in a key, at most."""


@dataclass(frozen=True, slots=True)
class Axes:
    """A rectangle of a surface, and the values at its edges."""

    surface: Surface
    left: float
    top: float
    width: float
    height: float
    x_range: tuple[float, float] = (0.0, 1.0)
    y_range: tuple[float, float] = (0.0, 1.0)

    @property
    def bottom(self) -> float:
        return self.top + self.height

    @property
    def right(self) -> float:
        return self.left + self.width

    def x(self, value: float) -> float:
        """Pixels; values outside lie on the edge."""
        low, high = self.x_range
        return self.left + self.width * min(max((value - low) / (high - low), 0.0), 1.0)

    def y(self, value: float) -> float:
        """Pixels; values outside lie on the edge."""
        low, high = self.y_range
        return self.bottom - self.height * min(max((value - low) / (high - low), 0.0), 1.0)

    def x_ticks(self, ticks: Sequence[tuple[float, str]], name: str) -> None:
        """Lines across, with their values and the axis's name below."""
        for value, text in ticks:
            x = self.x(value)
            self.surface.line([x, x], [self.top, self.bottom], color="line")
            self.surface.text(x, self.bottom + 17, text, color="soft", align="center")
        middle = self.left + self.width / 2
        self.surface.text(middle, self.bottom + 37, name, color="soft", align="center")

    def y_ticks(self, ticks: Sequence[tuple[float, str]], name: str) -> None:
        """Lines along, with their values to the left; the axis's name stands above."""
        for value, text in ticks:
            y = self.y(value)
            self.surface.line([self.left, self.right], [y, y], color="line")
            self.surface.text(self.left - 7, y + 4, text, color="soft", align="right")
        self.surface.text(self.left, self.top - 9, name, color="soft")


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What a line of the plot is."""

    name: str
    value: str
    color: str
    dashes: Dashes = None


def key_height(entries: int) -> float:
    """Pixels that a key of so many entries takes."""
    return KEY_ROW * ((entries + 1) // 2)


def draw_key(
    surface: Surface, left: float, top: float, width: float, entries: Sequence[KeyEntry]
) -> None:
    """In two columns: a piece of each line, its name and its value."""
    names = shortened([entry.name for entry in entries], _COLUMNS)
    for number, (entry, name) in enumerate(zip(entries, names, strict=True)):
        x = left + (number % 2) * width / 2
        y = top + (number // 2 + 0.5) * KEY_ROW
        surface.line([x, x + 26], [y, y], color=entry.color, width=2.2, dashes=entry.dashes)
        surface.text(x + 33, y + 4, f"{name} {entry.value}".strip())


def share_ticks(low: float = 0.0) -> list[tuple[float, str]]:
    """Ticks of an axis of shares from `low`, a tenth, to 1."""
    step = 0.2 if low < 0.4 else 0.1
    values = [1 - step * i for i in range(int((1 - low) / step + 1e-9), -1, -1)]
    return [(value, f"{value:.0%}") for value in values]
