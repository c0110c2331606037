"""The plots of an evaluation, for page and pictures alike."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from clipkind.evaluation.report.axes import Axes, KeyEntry, draw_key, key_height, share_ticks
from clipkind.evaluation.report.figures import decimal, floor_of, known, percent
from clipkind.evaluation.report.surface import DASHES, MANY, Surface
from clipkind.evaluation.result import Bin, Curve, LearningPoint, Scores

WIDTH = 480
_LEFT, _TOP, _RIGHT = 52, 32, 22
_INNER = WIDTH - _LEFT - _RIGHT
_HEIGHT = 300
_BELOW = 46
"""For the numbers and the name of the x axis."""


@dataclass(frozen=True, slots=True)
class Plot:
    """Something to draw."""

    name: str
    """Of its file."""
    title: str
    alt: str
    """What it shows, in words."""
    width: float
    height: float
    draw: Callable[[Surface], None]


def roc(scores: Scores) -> Plot | None:
    """ROC curves, one class against the others; None without probabilities."""
    if not scores["roc"]:
        return None
    return _curves("roc", "ROC", scores["roc"], ("False positive rate", "True positive rate"), True)


def pr(scores: Scores) -> Plot | None:
    """Precision over recall, one class against the others; None without probabilities."""
    if not scores["pr"]:
        return None
    return _curves("pr", "Precision and recall", scores["pr"], ("Recall", "Precision"), False)


def _curves(
    name: str, title: str, curves: Mapping[str, Curve], axes: tuple[str, str], diagonal: bool
) -> Plot | None:
    places = {label: number for number, label in enumerate(curves)}
    whole = {k: c for k, c in curves.items() if c["x"] and isfinite(c["area"])}
    shown = dict(sorted(whole.items(), key=lambda item: item[1]["area"])[:MANY])
    shown = {label: curve for label, curve in whole.items() if label in shown}
    if not shown:
        return None
    area = "area under it" if diagonal else "average precision"
    entries = []
    for number, (label, curve) in enumerate(shown.items()):
        place = number if len(curves) > MANY else places[label]  # the same colour in every plot
        entries.append(KeyEntry(label, decimal(curve["area"]), f"class-{place}", DASHES[place]))

    def draw(surface: Surface) -> None:
        plot = Axes(surface, _LEFT, _TOP, _INNER, _HEIGHT)
        plot.x_ticks(share_ticks(), axes[0])
        plot.y_ticks(share_ticks(), axes[1])
        if diagonal:
            xs, ys = [plot.x(0), plot.x(1)], [plot.y(0), plot.y(1)]
            surface.line(xs, ys, color="soft", dashes=(3, 4))
        for entry, curve in zip(entries, shown.values(), strict=True):
            xs, ys = [plot.x(v) for v in curve["x"]], [plot.y(v) for v in curve["y"]]
            surface.line(xs, ys, color=entry.color, width=2.2, dashes=entry.dashes)
        draw_key(surface, 10, plot.bottom + _BELOW, WIDTH - 20, entries)

    some = f" (the {MANY} weakest of {len(whole)} classes)" if len(whole) > MANY else ""
    values = ", ".join(f"{entry.name} {entry.value}" for entry in entries)
    alt = f"{title}, each class against the others{some}; {area}: {values}"
    height = _TOP + _HEIGHT + _BELOW + key_height(len(entries)) + 6
    return Plot(name, title + some, alt, WIDTH, height, draw)


def reliability(scores: Scores) -> Plot | None:
    """Accuracy over confidence, and how many videos each bin has; None without probabilities."""
    bins = [b for b in scores["reliability"] or () if b["videos"]]
    if not bins:
        return None
    most = max(b["videos"] for b in bins)

    def draw(surface: Surface) -> None:
        plot = Axes(surface, _LEFT, _TOP, _INNER, _HEIGHT)
        plot.x_ticks(share_ticks(), "Confidence (bars: share of the videos)")
        plot.y_ticks(share_ticks(), "Accuracy")
        for b in bins:
            tall = 0.25 * _HEIGHT * b["videos"] / most
            left, right = plot.x(b["low"]) + 1, plot.x(b["high"]) - 1
            surface.box(left, plot.bottom - tall, right - left, tall, color="accent", strength=0.25)
        xs, ys = [plot.x(0), plot.x(1)], [plot.y(0), plot.y(1)]
        surface.line(xs, ys, color="soft", dashes=(3, 4))
        xs, ys = [plot.x(b["confidence"]) for b in bins], [plot.y(b["accuracy"]) for b in bins]
        surface.line(xs, ys, color="accent", width=1.2)
        for b, x, y in zip(bins, xs, ys, strict=True):
            surface.dot(x, y, color="accent", size=4 + 7 * (b["videos"] / most) ** 0.5)

    alt = "Reliability: " + "; ".join(map(_bin_in_words, bins))
    return Plot("reliability", "Reliability", alt, WIDTH, _TOP + _HEIGHT + _BELOW, draw)


def _bin_in_words(b: Bin) -> str:
    said, right = percent(b["confidence"]), percent(b["accuracy"])
    return f"of {b['videos']} answers with confidence about {said}, {right} are right"


def learning_curve(points: Sequence[LearningPoint]) -> Plot | None:
    """Accuracy over training videos, with intervals; None without points."""
    systems = list(dict.fromkeys(point["system"] for point in points))[:MANY]
    most = max((point["videos"] for point in points), default=0)
    if not systems or not most:
        return None
    entries = [KeyEntry(s, "", f"class-{i}", DASHES[i]) for i, s in enumerate(systems)]
    low = floor_of(point["accuracy"] for point in points)

    def draw(surface: Surface) -> None:
        plot = Axes(surface, _LEFT, _TOP, _INNER, _HEIGHT, (0.0, most * 1.04), (low, 1.0))
        marks = sorted({point["videos"]: point["groups"] for point in points}.items())
        ticks: list[tuple[float, str]] = []
        for videos, _ in marks:
            if not ticks or plot.x(videos) - plot.x(ticks[-1][0]) > 34:
                ticks.append((videos, f"{videos}"))
        plot.x_ticks(ticks, "Videos trained on")
        plot.y_ticks(share_ticks(low), "Accuracy")
        for number, entry in enumerate(entries):
            mine = sorted((p for p in points if p["system"] == entry.name), key=_videos)
            mine = [p for p in mine if known(p["accuracy"])]
            aside = 5 * (number - (len(entries) - 1) / 2)  # or intervals would hide one another
            xs = [plot.x(p["videos"]) + aside for p in mine]
            ys = [plot.y(p["accuracy"]["value"]) for p in mine]
            surface.line(xs, ys, color=entry.color, width=2.2, dashes=entry.dashes)
            for p, x, y in zip(mine, xs, ys, strict=True):
                ends = [plot.y(p["accuracy"]["low"]), plot.y(p["accuracy"]["high"])]
                surface.line([x, x], ends, color=entry.color, width=1.2)
                surface.dot(x, y, color=entry.color)
        draw_key(surface, 10, plot.bottom + _BELOW, WIDTH - 20, entries)

    alt = "Learning curve: " + "; ".join(
        f"{p['system']} after {p['videos']} videos {percent(p['accuracy']['value'])}"
        for p in points
    )
    height = _TOP + _HEIGHT + _BELOW + key_height(len(entries)) + 6
    return Plot("learning_curve", "Learning curve", alt, WIDTH, height, draw)


def _videos(point: LearningPoint) -> int:
    return point["videos"]
