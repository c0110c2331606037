"""The picture of how a member's training goes: headline figures above six panels."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, floor, log10

import numpy as np
from matplotlib.ticker import MaxNLocator

from clipkind.training.history import EpochResult, clock, seconds_left
from clipkind.training.sheet import Sheet

WIDTH, HEIGHT = 1400, 800
TARGET = 0.95
"""The accuracy the documented system set out to reach."""
WEAK_F1 = 0.2
"""A class below it counts as lost."""
MAX_CLASSES = 20
"""More do not fit; the weakest are shown."""

INK, MUTED, GRID, EMPTY = "#111827", "#6b7280", "#e5e7eb", "#f3f4f6"
TRAIN, VAL, VAL_2, RATE = "#9ca3af", "#2563eb", "#0d9488", "#7c3aed"
BEST, GOOD, BAD = "#d97706", "#15803d", "#dc2626"

_COLUMN, _LEFT, _PLOT_WIDTH = 450, 40, 270
_NAME_WIDTH = 190
_ROW_TOPS, _ROW_HEIGHTS = (172, 490), (232, 244)


@dataclass(frozen=True, slots=True)
class Panel:
    """Where a plot lies on the sheet and which values it spans."""

    sheet: Sheet
    left: float
    top: float
    height: float
    last: int
    """Epoch at the right edge; the first one is at the left."""
    low: float
    high: float
    log: bool = False

    @property
    def right(self) -> float:
        return self.left + _PLOT_WIDTH

    def x(self, epoch: float) -> float:
        return self.left + _PLOT_WIDTH * (epoch - 1) / (self.last - 1)

    def y(self, value: float) -> float:
        """Values outside the panel lie on its edge."""
        low, high, value = (
            (log10(self.low), log10(self.high), log10(max(value, self.low)))
            if self.log
            else (self.low, self.high, value)
        )
        return self.top + self.height * (1 - min(max((value - low) / (high - low), 0.0), 1.0))


@dataclass(frozen=True, slots=True)
class Series:
    """One line of a plot, named at its right end."""

    name: str
    color: str
    values: list[float]
    width: float = 1.8


def draw_picture(
    member: str,
    class_names: tuple[str, ...],
    epochs: Sequence[EpochResult],
    total_epochs: int,
    best: EpochResult,
) -> bytes:
    """PNG of `WIDTH` x `HEIGHT` pixels that shows `epochs` (at least one) and which was best."""
    sheet = Sheet(WIDTH, HEIGHT)
    _draw_head(sheet, member, epochs, total_epochs, best)
    _draw_loss(sheet, epochs, best)
    _draw_accuracy(sheet, epochs, best, len(class_names))
    _draw_f1(sheet, epochs, best)
    _draw_classes(sheet, class_names, epochs[-1], best)
    _draw_rate(sheet, epochs)
    _draw_time(sheet, epochs, total_epochs)
    return sheet.png()


def _draw_head(
    sheet: Sheet, member: str, epochs: Sequence[EpochResult], total: int, best: EpochResult
) -> None:
    now = epochs[-1]
    size = next((s for s in (20, 17, 14) if sheet.text_width(member, s, bold=True) <= 215), 12)
    name = sheet.fitted(member, 215, size, bold=True)
    sheet.text(_LEFT, 50, name, size=size, bold=True, color=INK)
    sheet.text(_LEFT, 78, f"epoch {now.epoch} of {total}", size=11, color=MUTED)
    ago = now.epoch - best.epoch
    since = "the latest" if not ago else f"{ago} epoch{'s' if ago > 1 else ''} ago"
    elapsed = sum(result.seconds for result in epochs)
    tiles = (
        ("Best epoch", f"{best.epoch}", since, BEST),
        ("Macro F1", f"{best.val_macro_f1:.3f}", f"now {now.val_macro_f1:.3f}", INK),
        ("Weighted F1", f"{best.val_weighted_f1:.3f}", f"now {now.val_weighted_f1:.3f}", INK),
        ("Accuracy", f"{best.val_accuracy:.1%}", f"now {now.val_accuracy:.1%}", INK),
        ("Log loss", _short(best.val_nll), f"now {_short(now.val_nll)}", INK),
        ("Time left, at most", clock(seconds_left(epochs, total)), f"{clock(elapsed)} so far", INK),
    )
    for number, (caption, value, note, color) in enumerate(tiles):
        x = 272 + number * 188
        sheet.text(x, 34, caption, color=MUTED)
        sheet.text(x, 63, value, size=19, bold=True, color=color)
        sheet.text(x, 84, note, color=MUTED)
    sheet.box(_LEFT, 104, WIDTH - 2 * _LEFT, 5, color=GRID)
    sheet.box(_LEFT, 104, (WIDTH - 2 * _LEFT) * min(now.epoch / max(total, 1), 1.0), 5, color=VAL)


def _draw_loss(sheet: Sheet, epochs: Sequence[EpochResult], best: EpochResult) -> None:
    series = (
        Series("train", TRAIN, [result.train_loss for result in epochs]),
        Series("val", VAL, [result.val_loss for result in epochs], 2.2),
    )
    panel = _panel(sheet, 0, 0, epochs, 0.0, _ceiling(series))
    _title(panel, "Loss", "mean over videos")
    _frame(panel, lambda value: f"{value:g}", best.epoch)
    _lines(panel, epochs, series, _short)


def _short(value: float) -> str:
    return f"{value:.3f}" if value < 100 else f"{value:.3g}"


def _draw_accuracy(
    sheet: Sheet, epochs: Sequence[EpochResult], best: EpochResult, classes: int
) -> None:
    series = (
        Series("train", TRAIN, [result.train_accuracy for result in epochs]),
        Series("val", VAL, [result.val_accuracy for result in epochs], 2.2),
    )
    panel = _panel(sheet, 0, 1, epochs, _floor(series), 1.0)
    _title(panel, "Accuracy", "train: as augmented")
    _frame(panel, lambda value: f"{value:.0%}", best.epoch)
    _mark(panel, TARGET, "95%", GOOD)
    if 1 / classes > panel.low:
        _mark(panel, 1 / classes, "guessing", MUTED, at_end=True)
    _lines(panel, epochs, series, lambda value: f"{value:.1%}")


def _draw_f1(sheet: Sheet, epochs: Sequence[EpochResult], best: EpochResult) -> None:
    series = (
        Series("train weighted", TRAIN, [result.train_weighted_f1 for result in epochs]),
        Series("val weighted", VAL_2, [result.val_weighted_f1 for result in epochs]),
        Series("val macro", VAL, [result.val_macro_f1 for result in epochs], 2.2),
    )
    panel = _panel(sheet, 0, 2, epochs, _floor(series), 1.0)
    _title(panel, "F1", "macro: every class counts the same")
    _frame(panel, lambda value: f"{value:.1f}", best.epoch)
    _lines(panel, epochs, series, lambda value: f"{value:.3f}")


def _draw_rate(sheet: Sheet, epochs: Sequence[EpochResult]) -> None:
    rates = [result.learning_rate for result in epochs]
    above_zero = [rate for rate in rates if rate > 1e-12] or [1e-6]
    low, high = floor(log10(min(above_zero))), ceil(log10(max(above_zero)) - 1e-9)
    series = (Series("", RATE, rates, 2.2),)
    panel = _panel(sheet, 1, 1, epochs, 10.0**low, 10.0 ** max(high, low + 1), log=True)
    _title(panel, "Learning rate", "at the start of the epoch")
    _frame(panel, lambda value: f"{value:.0e}".replace("e-0", "e-"))
    _lines(panel, epochs, series, lambda value: f"{value:.1e}".replace("e-0", "e-"))


def _draw_time(sheet: Sheet, epochs: Sequence[EpochResult], total: int) -> None:
    series = (Series("", INK, [result.seconds for result in epochs], 1.4),)
    panel = _panel(sheet, 1, 2, epochs, 0.0, _ceiling(series))
    elapsed = clock(sum(result.seconds for result in epochs))
    left = clock(seconds_left(epochs, total))
    _title(panel, "Seconds an epoch", f"{elapsed} so far, {left} left")
    _frame(panel, lambda value: f"{value:g}")
    xs = [panel.x(result.epoch) for result in epochs]
    ys = [panel.y(result.seconds) for result in epochs]
    floor_y = panel.top + panel.height
    panel.sheet.area([xs[0], *xs, xs[-1]], [floor_y, *ys, floor_y], color=EMPTY)
    _lines(panel, epochs, series, lambda value: f"{value:.3g} s")


def _draw_classes(
    sheet: Sheet, class_names: tuple[str, ...], now: EpochResult, best: EpochResult
) -> None:
    shown = list(range(len(class_names)))
    note = f"bar: epoch {now.epoch}, mark: the best"
    if len(shown) > MAX_CLASSES:
        shown = sorted(shown, key=lambda c: now.val_f1[c])[:MAX_CLASSES]
        note = f"the {MAX_CLASSES} weakest of {len(class_names)}"
    lost = sum(value < WEAK_F1 for value in now.val_f1)
    if lost:
        note = f"{lost} of {len(class_names)} under {WEAK_F1:g}"
    top, height = _ROW_TOPS[1], _ROW_HEIGHTS[1]
    _heading(sheet, _LEFT, top, "F1 by class", note, BAD if lost else MUTED)
    pitch = min(height / len(shown), 60)
    size = 9 if pitch > 15 else 8
    every = fitted_names(sheet, class_names, size)
    names = [every[c] for c in shown]
    left = _LEFT + 8 + max(sheet.text_width(name, size) for name in names)
    bar = _LEFT + 314 - left
    bottom = top + pitch * len(shown)
    for tick in (0, 0.5, 1):
        x = left + tick * bar
        sheet.line([x, x], [top, bottom], color=GRID)
        sheet.text(x, bottom + 19, f"{tick:g}", size=8, color=MUTED, align="center")
    for x, text, color in ((_LEFT + 362, "now", VAL), (_LEFT + 410, "best", BEST)):
        sheet.text(x, top - 4, text, size=8, color=color, align="right")
    for row, (c, name) in enumerate(zip(shown, names, strict=True)):
        middle, thick = top + (row + 0.5) * pitch, min(pitch * 0.62, 26)
        base, weak = middle + size * 0.5, now.val_f1[c] < WEAK_F1
        sheet.text(left - 8, base, name, size=size, color=INK, align="right")
        sheet.box(left, middle - thick / 2, bar, thick, color=EMPTY)
        sheet.box(left, middle - thick / 2, bar * now.val_f1[c], thick, color=BAD if weak else VAL)
        mark = left + bar * best.val_f1[c] - 1.5
        sheet.box(mark, middle - thick / 2 - 2, 3, thick + 4, color=BEST)
        for x, value, color in (
            (_LEFT + 362, now.val_f1[c], BAD if weak else INK),
            (_LEFT + 410, best.val_f1[c], MUTED),
        ):
            sheet.text(x, base, f"{value:.3f}", size=size, color=color, align="right")


def fitted_names(sheet: Sheet, class_names: Sequence[str], size: float) -> list[str]:
    """As far as there is room, with its number where that, or a font's letters, are too few."""
    fitted = [sheet.fitted(name, _NAME_WIDTH, size) for name in class_names]
    return [
        short
        if fitted.count(short) == 1 and sheet.covers(name)
        else sheet.fitted(f"class {number} {name}", _NAME_WIDTH, size)
        for number, (name, short) in enumerate(zip(class_names, fitted, strict=True), 1)
    ]


def _panel(
    sheet: Sheet,
    row: int,
    column: int,
    epochs: Sequence[EpochResult],
    low: float,
    high: float,
    log: bool = False,
) -> Panel:
    left = _LEFT + 40 + column * _COLUMN
    last = max(epochs[-1].epoch, 10)
    return Panel(sheet, left, _ROW_TOPS[row], _ROW_HEIGHTS[row], last, low, high, log)


def _heading(sheet: Sheet, x: float, top: float, title: str, note: str, color: str = MUTED) -> None:
    sheet.text(x, top - 24, title, size=12, bold=True, color=INK)
    sheet.text(x + sheet.text_width(title, 12, bold=True) + 9, top - 24, note, color=color)


def _title(panel: Panel, title: str, note: str) -> None:
    _heading(panel.sheet, panel.left - 40, panel.top, title, note)


def _frame(panel: Panel, text: Callable[[float], str], best: int | None = None) -> None:
    """Grid lines with their values, the epochs below, and which one was best."""
    sheet, bottom = panel.sheet, panel.top + panel.height
    for value in _ticks(panel):
        y = panel.y(value)
        sheet.line([panel.left, panel.right], [y, y], color=GRID)
        sheet.text(panel.left - 8, y + 4, text(value), size=8, color=MUTED, align="right")
    step = MaxNLocator(5, steps=[1, 2, 5, 10], integer=True).tick_values(0, panel.last)[1]
    for epoch in (1, *range(int(step), panel.last + 1, int(step))):
        x = panel.x(epoch)
        if best is None or abs(x - panel.x(best)) > 20:
            sheet.text(x, bottom + 19, f"{epoch}", size=8, color=MUTED, align="center")
    if best is not None:
        x = panel.x(best)
        sheet.line([x, x], [panel.top, bottom + 4], color=BEST, dashes=(1, 2))
        sheet.text(x, bottom + 19, f"{best}", size=8, color=BEST, align="center", bold=True)


def _ticks(panel: Panel) -> list[float]:
    slack = 1e-9 * (panel.high - panel.low)
    if panel.log:
        powers = range(round(log10(panel.low)), round(log10(panel.high)) + 1)
        within = (1, 2, 5) if len(powers) < 4 else (1,)
        values = [step * 10.0**power for power in powers for step in within]
    else:
        locator = MaxNLocator(5, steps=[1, 2, 5, 10])
        values = [float(value) for value in locator.tick_values(panel.low, panel.high)]
    return [value for value in values if panel.low - slack <= value <= panel.high + slack]


def _mark(panel: Panel, value: float, text: str, color: str, at_end: bool = False) -> None:
    """A level to compare with, named where curves that rise leave room."""
    y = panel.y(value)
    panel.sheet.line([panel.left, panel.right], [y, y], color=color, width=1.2, dashes=(4, 3))
    if not at_end:
        panel.sheet.text(panel.left + 6, y - 5, text, size=8, color=color)
        return
    below = y + 13 if y + 16 < panel.top + panel.height else y - 5
    panel.sheet.text(panel.right - 6, below, text, size=8, color=color, align="right")


def _lines(
    panel: Panel,
    epochs: Sequence[EpochResult],
    series: Sequence[Series],
    text: Callable[[float], str],
) -> None:
    """The series, each with its latest value and name beside its right end."""
    xs = [panel.x(result.epoch) for result in epochs]
    for one in series:
        ys = [panel.y(value) for value in one.values]
        panel.sheet.line(xs, ys, color=one.color, width=one.width)
        panel.sheet.dot(xs[-1], ys[-1], color=one.color)
    heights = spread([panel.y(one.values[-1]) for one in series], panel.top + panel.height)
    for one, y in zip(series, heights, strict=True):
        label = f"{text(one.values[-1])} {one.name}"
        panel.sheet.text(xs[-1] + 9, y + 4, label, color=one.color)


def spread(heights: Sequence[float], lowest: float, gap: float = 15) -> list[float]:
    """The same order from top to bottom, moved as little as keeps labels `gap` pixels apart."""
    order = np.argsort(heights, kind="stable")
    placed = np.array(heights, dtype=float)
    for above, below in pairwise(order):
        placed[below] = max(placed[below], placed[above] + gap)
    overlap = placed[order[-1]] - max(lowest, max(heights))
    if overlap > 0:  # push the stack up again from the bottom
        placed[order[-1]] -= overlap
        for below, above in pairwise(order[::-1]):
            placed[above] = min(placed[above], placed[below] - gap)
    return [float(y) for y in placed]


def _ceiling(series: Sequence[Series]) -> float:
    """Top of a panel that starts at 0; a rare outlier leaves it rather than flatten all else."""
    values = np.concatenate([one.values for one in series])
    return float(min(values.max(), 4 * np.median(values)) * 1.08) or 1.0


def _floor(series: Sequence[Series]) -> float:
    """Bottom of a panel of shares: a whole tenth, one or more below the lowest, at most a half."""
    lowest = min(min(one.values) for one in series)
    return min(max(floor(lowest * 10 - 1), 0) / 10, 0.5)
