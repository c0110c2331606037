"""A white sheet to draw on in pixels, with nothing global (no pyplot): threads may draw at once.

Shapes are matplotlib's, by Agg. Its axes and its text are left out on purpose: they take nine
tenths of the time of a picture of small plots, so the text is Pillow's, in matplotlib's font.
"""

from collections.abc import Sequence
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Literal

from matplotlib import get_data_path
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.transforms import IdentityTransform
from PIL import Image, ImageDraw, ImageFont

from clipkind.text import cut, printable

DPI = 100
_MORE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans CJK KR",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Arial Unicode MS",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Unifont",
)
"""Looked for on the machine, for text that matplotlib's own font (Latin, Greek, Cyrillic, Arabic,
Hebrew, many signs) does not cover."""

Align = Literal["left", "center", "right"]
_ANCHORS = {"left": "ls", "center": "ms", "right": "rs"}


class Sheet:
    """`width` x `height` pixels; x runs to the right, y down. Text lies over all shapes."""

    def __init__(self, width: int, height: int) -> None:
        self._height = height
        self._figure = Figure(figsize=(width / DPI, height / DPI), dpi=DPI, facecolor="white")
        self._canvas = FigureCanvasAgg(self._figure)
        self._shapes = 0
        self._texts: list[tuple[float, float, str, ImageFont.FreeTypeFont, str, str]] = []
        self._fonts: dict[tuple[Path, float], ImageFont.FreeTypeFont] = {}

    def text(
        self,
        x: float,
        y: float,
        text: str,
        *,
        size: float = 9,
        color: str = "#000000",
        align: Align = "left",
        bold: bool = False,
    ) -> None:
        """Write one line on the baseline `y`; `size` in points."""
        text, font = self._font(text, size, bold)
        self._texts.append((round(x), round(y), text, font, color, _ANCHORS[align]))

    def text_width(self, text: str, size: float = 9, bold: bool = False) -> float:
        """Pixels that `text` takes."""
        text, font = self._font(text, size, bold)
        return font.getlength(text)

    def covers(self, text: str) -> bool:
        """Whether a font at hand has every sign of `text`."""
        return "□" in text or "□" not in self._font(text, 9, False)[0]

    def fitted(self, text: str, width: float, size: float = 9, bold: bool = False) -> str:
        """`text`, or as much of its beginning and end as goes into `width` pixels."""
        return cut(printable(text), lambda short: self.text_width(short, size, bold) <= width)

    def line(
        self,
        xs: Sequence[float],
        ys: Sequence[float],
        *,
        color: str,
        width: float = 1.0,
        dashes: tuple[float, float] | None = None,
    ) -> None:
        """A line through the points; `dashes` are lengths on and off."""
        self._add(
            Line2D(
                xs,
                [self._height - y for y in ys],
                color=color,
                linewidth=width,
                linestyle="-" if dashes is None else (0, dashes),
                solid_capstyle="round",
                solid_joinstyle="round",
                marker="none",
            )
        )

    def dot(self, x: float, y: float, *, color: str, size: float = 5) -> None:
        """A round mark of `size` points across."""
        self._add(
            Line2D(
                [x],
                [self._height - y],
                linestyle="none",
                marker="o",
                markersize=size,
                markerfacecolor=color,
                markeredgewidth=0.0,
            )
        )

    def box(self, x: float, y: float, width: float, height: float, *, color: str) -> None:
        """A filled rectangle, with its upper left corner at x, y."""
        self.area([x, x + width, x + width, x], [y, y, y + height, y + height], color=color)

    def area(self, xs: Sequence[float], ys: Sequence[float], *, color: str) -> None:
        """A filled polygon."""
        corners = [(x, self._height - y) for x, y in zip(xs, ys, strict=True)]
        self._add(Polygon(corners, facecolor=color, linewidth=0))

    def png(self) -> bytes:
        """What is on the sheet, as a PNG file."""
        self._canvas.draw()  # type: ignore[no-untyped-call]
        size = self._canvas.get_width_height()
        buffer = self._canvas.buffer_rgba()  # type: ignore[no-untyped-call]
        image = Image.frombuffer("RGBA", size, buffer, "raw", "RGBA", 0, 1).convert("RGB")
        pen = ImageDraw.Draw(image)
        for x, y, text, font, color, anchor in self._texts:
            pen.text((x, y), text, fill=color, font=font, anchor=anchor)
        file = BytesIO()
        image.save(file, "png", compress_level=3)
        return file.getvalue()

    def _add(self, shape: Line2D | Polygon) -> None:
        self._shapes += 1
        shape.set_zorder(self._shapes)  # otherwise all lines would lie over all areas
        shape.set_transform(IdentityTransform())
        self._figure.add_artist(shape)

    def _font(self, text: str, size: float, bold: bool) -> tuple[str, ImageFont.FreeTypeFont]:
        """`text` on one line, with □ for what no font at hand can write, and its font."""
        text = printable(text)
        file = _base_font(bold)
        if not text.isascii():
            needed = {sign for sign in text if not sign.isspace()}
            covering = (path for path in (file, *_more_fonts()) if needed <= _signs(path))
            file = next(covering, file)
            text = "".join(s if s in _signs(file) or s.isspace() else "□" for s in text)
        if (file, size) not in self._fonts:
            self._fonts[file, size] = ImageFont.truetype(file, size * DPI / 72)
        return text, self._fonts[file, size]


def _base_font(bold: bool) -> Path:
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return Path(get_data_path(), "fonts", "ttf", name)


@cache
def _more_fonts() -> tuple[Path, ...]:
    installed = {entry.name: Path(entry.fname) for entry in fontManager.ttflist}
    return tuple(installed[name] for name in _MORE_FONTS if name in installed)


@cache
def _signs(font: Path) -> frozenset[str]:
    return frozenset(map(chr, get_font(font).get_charmap()))
