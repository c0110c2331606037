"""Figures, names and times as pages write them: filters of the templates."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime

from jinja2 import Environment
from markupsafe import Markup, escape

from clipkind.web.pages.reasons import in_detail, reason_title, way_out

SPACE = "\u00a0"
"""Between a figure and its unit, where no line may break."""


def install(templates: Environment) -> None:
    """Make them known to templates."""
    for filter in (
        spaced,
        spaced_list,
        percent,
        whole_percent,
        bytes_,
        iso,
        date,
        clock,
        span,
        coded,
    ):
        templates.filters[filter.__name__.rstrip("_")] = filter
    templates.filters.update(reason_title=reason_title, way_out=way_out, in_detail=in_detail)


def spaced(name: str) -> str:
    """A class's name for people: without underscores."""
    return name.replace("_", " ")


def spaced_list(names: Sequence[str], last: str = "or") -> str:
    """Names of classes as part of a sentence."""
    shown = [spaced(name) for name in names]
    return " ".join([", ".join(shown[:-1]), last, shown[-1]]) if len(shown) > 1 else "".join(shown)


def percent(share: float | None) -> str:
    """A share as 83.3 %."""
    if share is None or not math.isfinite(share):
        return "not known"
    return f"{share * 100:.1f}{SPACE}%"


def whole_percent(share: float) -> str:
    """A share as 5 %, with as many places as it has."""
    return f"{round(share * 100, 4):g}{SPACE}%"


def bytes_(size: float) -> str:
    """An amount of data as 1.2 MB."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g}{SPACE}{unit}"
    return f"{size:.0f} bytes"


def iso(seconds: float) -> str:
    """A moment for machines; the page's script shows it in the reader's own time zone."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def date(seconds: float) -> str:
    """A moment for who has no script."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %Y, %H:%M UTC")


def moment(seconds: float) -> str:
    """The same to the second, without the year, to tell apart what was sent in one minute."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%d %b %H:%M:%S UTC")


def clock(seconds: float) -> str:
    """A moment of a video as 0:03.2."""
    tenths = round(max(seconds, 0.0) * 10)
    return f"{tenths // 600}:{tenths % 600 // 10:02d}.{tenths % 10}"


def span(seconds: float | None) -> str:
    """A length of time as 9.9 s, 1 min 12 s or 2 h 5 min."""
    if seconds is None:
        return "not known"
    if seconds < 60:
        return f"{seconds:.1f}{SPACE}s"
    minutes, left = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}{SPACE}min {left}{SPACE}s"
    return f"{minutes // 60}{SPACE}h {minutes % 60}{SPACE}min"


def coded(text: str) -> Markup:
    """Prose of the code, where `names` stand in backquotes."""
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup().join(
        Markup("<code>{}</code>").format(part) if n % 2 else part for n, part in enumerate(parts)
    )
