"""Charts of a video's moments: places in percent of the width, pixels of the height."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from clipkind.web.pages.answers import Answer, Frame
from clipkind.web.pages.words import clock, percent, spaced

HEIGHT = 190
_TOP = 26
_FLOOR = 166
_BADGE = 19
"""Pixels that a rank takes."""
_NEAR = 6.0
"""Percent of the width within which two ranks would touch on a phone: one stands higher."""
_GAP = 0.12
"""Share of a column that is left free beside the next."""
_TICKS = 4
_LITTLE = 1.5
"""Times the least weight: below that, the greatest is not much more."""


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a column."""

    y: float
    height: float
    kind: str
    """Name of its colour."""


@dataclass(frozen=True, slots=True)
class Column:
    """One step of the sequence."""

    k: int
    x: float
    width: float
    middle: float
    parts: tuple[Part, ...]
    rank: int
    badge: float
    """Where the middle of its rank stands, if it has one."""
    title: str


@dataclass(frozen=True, slots=True)
class Line:
    """A line across."""

    y: float
    kind: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Tick:
    """A time below the chart."""

    x: float
    text: str
    anchor: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What a template needs to draw one."""

    id: str
    title: str
    note: str
    alt: str
    columns: tuple[Column, ...]
    lines: tuple[Line, ...]
    ticks: tuple[Tick, ...]
    key: tuple[tuple[str, str], ...]
    """Colour and name."""
    start: float
    """Seconds at the left edge."""
    end: float
    above: float
    """Pixels that ranks need above the height."""
    height: int = HEIGHT
    floor: int = _FLOOR

    @property
    def scaled(self) -> bool:
        """Whether figures stand beside it, to its left."""
        return any(line.text for line in self.lines)


def charts_of(answer: Answer) -> list[Chart]:
    """The charts that say something true about this answer, the most telling first."""
    if len(answer.frames) < 2:
        return []
    charts = [] if answer.even else [_attention(answer)]
    return [*charts, _alone(answer)] if answer.alone else charts


def _attention(answer: Answer) -> Chart:
    """How much each moment counts in the answer."""
    frames = answer.frames
    even = 1 / len(frames)
    top = max(max(frame.weight for frame in frames), even) * 1.02

    def parts(frame: Frame) -> tuple[Part, ...]:
        height = (_FLOOR - _TOP) * frame.weight / top
        return (Part(round(_FLOOR - height, 1), round(height, 1), "amount"),)

    level = round(_FLOOR - (_FLOOR - _TOP) * even / top, 1)
    lines = (Line(_FLOOR, "floor"), Line(level, "even"))
    return _chart(
        "attention",
        "Attention over time",
        "How much each moment counts in the answer, averaged over the members; one that looks at "
        f"all frames alike adds the same to each. {_spread(frames)}",
        answer,
        parts,
        lines,
        (("even", "if all counted the same"),),
        lambda frame: frame.shown,
        marked=True,
    )


def _spread(frames: Sequence[Frame]) -> str:
    weights = [frame.weight for frame in frames]
    if max(weights) < _LITTLE * min(weights):
        return "Here no moment counts much more than another."
    return ""


def _alone(answer: Answer) -> Chart:
    """What each frame alone would say, as shares of a column; the answer's class stands below."""
    order = sorted(range(len(answer.classes)), key=lambda c: answer.classes[c] != answer.best)

    def parts(frame: Frame) -> tuple[Part, ...]:
        found, floor = [], float(_FLOOR)
        for c in order:
            height = (_FLOOR - _TOP) * answer.alone[frame.k][c]
            floor -= height
            found.append(Part(round(floor, 1), round(height, 1), f"class-{c % 8}"))
        return tuple(found)

    def said(frame: Frame) -> str:
        shares = answer.alone[frame.k]
        best = max(range(len(shares)), key=lambda c: shares[c])
        return f"{spaced(answer.classes[best])} {percent(shares[best])}"

    middle = (_FLOOR + _TOP) / 2
    return _chart(
        "alone",
        "Each frame by itself",
        "What the model would say if it saw this one frame only.",
        answer,
        parts,
        (
            Line(_FLOOR, "floor", "0"),
            Line(middle, "half", "50\u00a0%"),
            Line(_TOP, "", "100\u00a0%"),
        ),
        tuple((f"class-{c % 8}", spaced(answer.classes[c])) for c in order),
        said,
        marked=answer.even,
    )


def _chart(
    id: str,
    title: str,
    note: str,
    answer: Answer,
    parts: Callable[[Frame], tuple[Part, ...]],
    lines: tuple[Line, ...],
    key: tuple[tuple[str, str], ...],
    said: Callable[[Frame], str],
    *,
    marked: bool,
) -> Chart:
    frames = answer.frames
    width = 100 / len(frames)
    drawn = [parts(frame) for frame in frames]
    middles = [round(width * (frame.k + 0.5), 3) for frame in frames]
    ranked = sorted((f for f in frames if marked and f.rank), key=lambda f: f.rank)
    badges = _badges([(f.k, middles[f.k], min(p.y for p in drawn[f.k])) for f in ranked])
    columns = tuple(
        Column(
            frame.k,
            round(width * (frame.k + _GAP / 2), 3),
            round(width * (1 - _GAP), 3),
            middles[frame.k],
            drawn[frame.k],
            frame.rank if marked else 0,
            badges.get(frame.k, 0.0),
            f"{clock(frame.time)}: {said(frame)}",
        )
        for frame in frames
    )
    most = sorted((frame for frame in frames if frame.rank), key=lambda frame: frame.rank)
    alt = f"{title}. Most decisive: " + "; ".join(
        f"{clock(frame.time)}, {said(frame)}" for frame in most
    )
    start, end = _ends(frames)
    return Chart(
        id=id,
        title=title,
        note=note,
        alt=alt if most else title,
        columns=columns,
        lines=lines,
        ticks=_ticks(start, end),
        key=key,
        start=start,
        end=end,
        above=max(0.0, _BADGE / 2 - min(badges.values(), default=_TOP)),
    )


def _badges(ranked: Sequence[tuple[int, float, float]]) -> dict[int, float]:
    """Where ranks stand, for step, middle and upper end of each column: above it, and above the
    ranks before it that are so near that they would touch."""
    found: dict[int, float] = {}
    places: list[tuple[float, float]] = []
    for k, middle, top in ranked:
        near = [y for x, y in places if abs(x - middle) < _NEAR]
        found[k] = min([top - 11, *(y - _BADGE for y in near)])
        places.append((middle, found[k]))
    return found


def _ends(frames: Sequence[Frame]) -> tuple[float, float]:
    """Where the first step begins and the last ends: times are the middles of equal steps."""
    half = (frames[-1].time - frames[0].time) / (len(frames) - 1) / 2
    return round(max(frames[0].time - half, 0.0), 3), round(frames[-1].time + half, 3)


def _ticks(start: float, end: float) -> tuple[Tick, ...]:
    anchors = {0: "start", _TICKS: "end"}
    return tuple(
        Tick(100 * n / _TICKS, clock(start + (end - start) * n / _TICKS), anchors.get(n, "middle"))
        for n in range(_TICKS + 1)
    )
