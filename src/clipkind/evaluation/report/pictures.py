"""The plots as a set of PNG files, drawn by matplotlib as the dashboards of training are."""

from pathlib import Path
from typing import TYPE_CHECKING

from clipkind.evaluation.report import plots, rows
from clipkind.evaluation.report.figures import headline
from clipkind.evaluation.report.plots import Plot
from clipkind.evaluation.report.surface import COLORS, Align, Dashes
from clipkind.evaluation.result import Evaluation
from clipkind.files import write_file

if TYPE_CHECKING:
    from clipkind.training.sheet import Sheet

_SCALE = 2
"""Pixels of a picture for one of a plot."""
_POINTS = 0.72
"""Of a sheet, for one pixel."""
_TITLE = 44
"""Pixels of the plot's height for its title."""


def all_plots(evaluation: Evaluation) -> list[Plot]:
    """Every plot that the evaluation has figures for."""
    system = headline(evaluation)
    if system is None:
        return []
    scores = system["scores"]
    found = (
        rows.systems(evaluation["systems"]),
        rows.confusion(scores, evaluation["class_names"]),
        rows.f1(scores),
        plots.roc(scores),
        plots.pr(scores),
        plots.reliability(scores),
        plots.learning_curve(evaluation["learning_curve"]),
    )
    return [plot for plot in found if plot]


def write_pngs(evaluation: Evaluation, folder: Path) -> list[Path]:
    """Draw the plots into `folder`, each in one step; those without figures are left out.

    Returns their paths. Needs matplotlib. Raises OSError where they cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    system = headline(evaluation)
    for plot in all_plots(evaluation):
        path = folder / f"{plot.name}.png"
        of = f"{system['name']}, " if system and plot.name != "systems" else ""
        content = _png(plot, f"{of}{evaluation['split']}: {evaluation['videos']} videos")
        write_file(path, content)
        written.append(path)
    return written


def _png(plot: Plot, about: str) -> bytes:
    from clipkind.training.sheet import Sheet  # matplotlib: up to seconds to import

    sheet = Sheet(round(plot.width * _SCALE), round((plot.height + _TITLE) * _SCALE))
    surface = _SheetSurface(sheet)
    surface.text(12, 22 - _TITLE, plot.title, bold=True, size=15)
    width = (plot.width - 24) * _SCALE
    about = sheet.fitted(about, width, 11 * _SCALE * _POINTS)
    surface.text(12, 39 - _TITLE, about, color="soft", size=11)
    plot.draw(surface)
    return sheet.png()


class _SheetSurface:
    """A sheet as a surface, below a title."""

    def __init__(self, sheet: "Sheet") -> None:
        self._sheet = sheet

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        color: str = "ink",
        align: Align = "left",
        bold: bool = False,
        size: float = 12,
    ) -> None:
        self._sheet.text(
            x * _SCALE,
            (y + _TITLE) * _SCALE,
            text,
            size=size * _SCALE * _POINTS,
            color=COLORS[color],
            align=align,
            bold=bold,
        )

    def line(
        self,
        xs: list[float],
        ys: list[float],
        *,
        color: str,
        width: float = 1.0,
        dashes: Dashes = None,
    ) -> None:
        points = width * _SCALE * _POINTS
        if dashes:  # matplotlib counts them in widths of the line
            dashes = (dashes[0] / width, dashes[1] / width)
        self._sheet.line(
            [x * _SCALE for x in xs],
            [(y + _TITLE) * _SCALE for y in ys],
            color=COLORS[color],
            width=points,
            dashes=dashes,
        )

    def dot(self, x: float, y: float, *, color: str, size: float = 7) -> None:
        points = size * _SCALE * _POINTS
        self._sheet.dot(x * _SCALE, (y + _TITLE) * _SCALE, color=COLORS[color], size=points)

    def box(
        self, x: float, y: float, width: float, height: float, *, color: str, strength: float = 1.0
    ) -> None:
        corner, size = (x * _SCALE, (y + _TITLE) * _SCALE), (width * _SCALE, height * _SCALE)
        self._sheet.box(*corner, *size, color=_on_white(COLORS[color], strength))


def _on_white(color: str, strength: float) -> str:
    channels = (int(color[i : i + 2], 16) for i in (1, 3, 5))
    return "#" + "".join(f"{round(255 - strength * (255 - c)):02x}" for c in channels)
