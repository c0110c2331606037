"""What plots are drawn on: SVG for the page here, PNG in `pictures`. Both get the same strokes."""

from dataclasses import dataclass, field
from typing import Literal, Protocol

from clipkind.page import safe

Align = Literal["left", "center", "right"]
Dashes = tuple[float, float] | None

COLORS = {
    "ink": "#1b2230",
    "soft": "#5d6779",
    "line": "#e2e6ec",
    "accent": "#2a66d0",
    "bad": "#b3261e",
    "good": "#1c7a43",
    "class-0": "#2563c9",
    "class-1": "#b45309",
    "class-2": "#1c7a43",
    "class-3": "#9333c9",
    "class-4": "#0e7490",
    "class-5": "#be185d",
    "class-6": "#6b5b00",
    "class-7": "#5d6779",
}
"""Names of colours and what they are on white; the page has its own of the same names."""
DASHES: tuple[Dashes, ...] = (None, (7, 3), (2, 3), (11, 3), (4, 2), (1, 4), (14, 5), (5, 6))
"""Of the classes, for who cannot tell the colours apart."""
MANY = len(DASHES)
"""Most lines in one plot."""


class Surface(Protocol):
    """Strokes in pixels, x to the right, y down. Colours are names of COLORS."""

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
        """One line of text with its baseline at y."""

    def line(
        self,
        xs: list[float],
        ys: list[float],
        *,
        color: str,
        width: float = 1.0,
        dashes: Dashes = None,
    ) -> None:
        """A line through the points."""

    def dot(self, x: float, y: float, *, color: str, size: float = 7) -> None:
        """A disc, `size` across."""

    def box(
        self, x: float, y: float, width: float, height: float, *, color: str, strength: float = 1.0
    ) -> None:
        """A rectangle with its upper left corner at x, y; `strength` is its opacity."""


@dataclass(slots=True)
class Svg:
    """Collects strokes as SVG elements."""

    parts: list[str] = field(default_factory=list)

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
        anchor = {"left": "start", "center": "middle", "right": "end"}[align]
        weight = ' font-weight="600"' if bold else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size:g}" text-anchor="{anchor}"'
            f'{weight} fill="var(--{color})">{safe(text)}</text>'
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
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(xs, ys, strict=True))
        dashed = f' stroke-dasharray="{dashes[0]:g} {dashes[1]:g}"' if dashes else ""
        self.parts.append(
            f'<polyline points="{points}" fill="none" stroke="var(--{color})" '
            f'stroke-width="{width:g}" stroke-linejoin="round"{dashed}/>'
        )

    def dot(self, x: float, y: float, *, color: str, size: float = 7) -> None:
        self.parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{size / 2:g}" fill="var(--{color})"/>'
        )

    def box(
        self, x: float, y: float, width: float, height: float, *, color: str, strength: float = 1.0
    ) -> None:
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
            f'fill="var(--{color})" fill-opacity="{strength:.3g}"/>'
        )

    def element(self, width: float, height: float, title: str) -> str:
        """The SVG element, which fills the width it is given; `title` is for who cannot see it."""
        return (
            f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{safe(title)}">'
            f"{''.join(self.parts)}</svg>"
        )
