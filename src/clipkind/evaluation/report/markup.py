"""Pieces of HTML that the sections of the page are made of. What they get is HTML already."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from clipkind.evaluation.report.figures import known
from clipkind.evaluation.report.plots import Plot
from clipkind.evaluation.report.surface import Svg
from clipkind.evaluation.result import Figure
from clipkind.page import safe


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the page."""

    id: str
    title: str
    body: str
    """Empty: there is nothing to show, and `absent` says so."""
    absent: str = ""


def table(
    caption: str, head: Sequence[str], rows: Iterable[Sequence[str]], *, kind: str = ""
) -> str:
    """A table that scrolls by itself where it is too wide. The first cell names its row.

    Of kind `cards` it becomes a card for each row on a phone, where each cell bears its `head`.
    """
    plain = ["" if "<" in cell else cell for cell in head[1:]]  # a scale is no name
    names = [f' data-head="{cell}"' if cell and "cards" in kind else "" for cell in plain]
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{first}</th>'
        f"{''.join(f'<td{name}>{cell}</td>' for name, cell in zip(names, rest, strict=True))}</tr>"
        for first, *rest in rows
    )
    name = safe(caption)
    return (
        f'<div class="scroll {kind}" role="region" tabindex="0" aria-label="{name}">'
        f'<table class="{kind}"><caption>{name}</caption>'
        f"<thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def with_range(value: str, ends: str) -> str:
    """A figure, and its interval in small print."""
    return f"{value} <small>{ends}</small>"


@dataclass(frozen=True, slots=True)
class Scale:
    """What the intervals of one column are drawn against."""

    low: float
    high: float
    marks: tuple[float, ...]
    text: str = "{:.0%}"

    def at(self, value: float) -> str:
        """Where a value lies, in percent of the column."""
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return f"{2 + 96 * min(max(share, 0.0), 1.0):.2f}%"

    def head(self) -> str:
        """The numbers above the column."""
        ends = {self.marks[0]: "start", self.marks[-1]: "end"}
        numbers = "".join(
            f'<text x="{self.at(mark)}" y="12" text-anchor="{ends.get(mark, "middle")}">'
            f"{self.text.format(mark) if mark or self.low >= 0 else 0}</text>"
            for mark in self.marks
        )
        return f'<svg class="interval" aria-hidden="true">{numbers}</svg>'

    def interval(self, figure: Figure | None, color: str = "accent") -> str:
        """The interval as a line and its figure as a dot; the numbers beside it say the same."""
        figure = known(figure)
        if figure is None:
            return ""
        lines = "".join(
            f'<line class="mark" x1="{self.at(m)}" x2="{self.at(m)}" y1="0" y2="100%"/>'
            for m in self.marks
        )
        ends = f'x1="{self.at(figure["low"])}" x2="{self.at(figure["high"])}"'
        return (
            f'<svg class="interval" aria-hidden="true">{lines}'
            f'<line {ends} y1="50%" y2="50%" stroke="var(--{color})" stroke-width="3"/>'
            f'<circle cx="{self.at(figure["value"])}" cy="50%" r="4.5" fill="var(--{color})"/>'
            "</svg>"
        )


def shares(low: float, text: str = "{:.0%}") -> Scale:
    """A scale of shares from `low` to 1."""
    middle = round((low + 1) / 2, 2)
    return Scale(low, 1.0, (low, middle, 1.0), text)


def differences(figures: Iterable[Figure]) -> Scale:
    """A scale of differences of shares, with 0 in its middle."""
    ends = [abs(end) for f in figures if known(f) for end in (f["low"], f["high"])]
    reach = max(0.05, *ends) if ends else 0.05
    reach = -(-round(reach * 1000) // 50) * 0.05
    return Scale(-reach, reach, (-reach, 0.0, reach), "{:+.0%}")


def figure(plot: Plot, note: str = "") -> str:
    """A plot with its title."""
    surface = Svg()
    plot.draw(surface)
    caption = f"<figcaption><b>{safe(plot.title)}</b>{note and ' ' + note}</figcaption>"
    return f"<figure>{caption}{surface.element(plot.width, plot.height, plot.alt)}</figure>"


def note(text: str) -> str:
    """A sentence in small print."""
    return f'<p class="note">{text}</p>'
