"""Sections of the page about the headline system's answers: classes, curves, parts of the data."""

from clipkind.evaluation.intervals import FEWEST_GROUPS
from clipkind.evaluation.report import plots
from clipkind.evaluation.report.figures import (
    NONE,
    decimal,
    decimal_range,
    floor_of,
    known,
    percent,
)
from clipkind.evaluation.report.markup import (
    Scale,
    Section,
    figure,
    note,
    shares,
    table,
    with_range,
)
from clipkind.evaluation.report.systems import decimal_cell, percent_cell
from clipkind.evaluation.result import Evaluation, Figure, Scores, Slice, System
from clipkind.evaluation.slices import few_sources
from clipkind.page import safe

SLICES = 25
"""Rows of a table of slices, at most."""
_FEW = f" Fewer than {FEWEST_GROUPS} sources say too little about others for an interval."


def classes(system: System) -> Section:
    """Precision, recall and F1 of every class."""
    found = system["scores"]["classes"]
    scale = shares(floor_of(c["f1"] for c in found.values()), "{:.2g}")
    rows = [
        [
            safe(name),
            decimal_cell(c["f1"]),
            scale.interval(c["f1"]),
            decimal(c["precision"]),
            decimal(c["recall"]),
            f"{c['support']}",
        ]
        for name, c in found.items()
    ]
    head = ["Class", "F1", scale.head(), "Precision", "Recall", "Videos"]
    body = table(f"Scores of every class, {system['name']}", head, rows, kind="plotted cards")
    empty = [name for name, c in found.items() if not c["support"]]
    if empty:
        names = ", ".join(map(safe, empty))
        body += note(f"No video of {names}: precision, recall and F1 count as 0 there.")
    return Section("classes", "Class by class", body if found else "", "no classes")


def confusion(system: System, class_names: list[str]) -> Section:
    """Which class is taken for which."""
    rows = []
    for number, (name, counts) in enumerate(
        zip(class_names, system["scores"]["confusion"], strict=True)
    ):
        of = sum(counts)
        cells = []
        for column, count in enumerate(counts):
            kind = "right" if column == number else "wrong"
            share = count / of if of else 0.0
            text = f"<b>{count}</b><small>{percent(share) if of else ''}</small>"
            cells.append(f'<div class="cell {kind}" style="--share:{share:.3f}">{text}</div>')
        rows.append([safe(name), *cells, f"{of}"])
    head = ["True ↓ &nbsp; answered →", *map(safe, class_names), "Videos"]
    caption = f"Confusion matrix, {system['name']}: videos, and their share of the true class"
    return Section("confusion", "What is taken for what", table(caption, head, rows, kind="matrix"))


def curves(scores: Scores) -> Section:
    """ROC and precision-recall curves, and whether confidences can be believed."""
    found = [
        (plots.roc(scores), "Each class against the others; the number is the area under it."),
        (plots.pr(scores), "Each class against the others; the number is the average precision."),
        (
            plots.reliability(scores),
            "On the dashed line confidence is accuracy; larger dots stand for more videos. "
            f"Expected calibration error: {_in_line(scores['ece'])}.",
        ),
    ]
    body = "".join(figure(plot, text) for plot, text in found if plot)
    absent = "curves and calibration (no probabilities)"
    return Section("curves", "Curves and calibration", body and _grid(body), absent)


def _in_line(found: Figure | None) -> str:
    found = known(found)
    return f"{decimal(found['value'])} ({decimal_range(found)})" if found else NONE


def learning(evaluation: Evaluation) -> Section:
    """What more training videos bring."""
    points = evaluation["learning_curve"]
    plot = plots.learning_curve(points)
    if plot is None:
        return Section("learning", "", "", "a learning curve")
    rows = [
        [safe(p["system"]), f"{p['groups']}", f"{p['videos']}", percent_cell(p["accuracy"])]
        for p in points
    ]
    head = ["System", "Sources", "Videos", "Accuracy"]
    shown = table("Accuracy by the amount of training data", head, rows)
    drawn = figure(plot, "Trained on part of the training sources.")
    return Section("learning", "Would more data help?", _grid(drawn + shown))


def slices(evaluation: Evaluation) -> Section:
    """Accuracy on parts of the data."""
    found = {name: rows for name, rows in evaluation["slices"].items() if rows}
    body = "".join(_slice_table(name, rows) for name, rows in found.items())
    if body:
        few = any(few_sources(s) for rows in found.values() for s in rows)
        body = (
            "<p>Slices are small and their intervals wide; a slice is marked only where it is "
            "worse than the rest by more than chance explains, however many are looked at."
            f"{few * _FEW}</p>"
            f'<div class="columns">{body}</div>'
        )
    return Section("slices", "Where it is better and worse", body, "slices of the data")


def _slice_table(name: str, every: list[Slice]) -> str:
    shown = every
    if len(every) > SLICES:
        largest = sorted(every, key=lambda s: (not s["worse"], -s["videos"]))[:SLICES]
        shown = [s for s in every if s in largest]
    scale = shares(0.0)
    rows = [
        [
            safe(s["value"]) + (' <span class="tag bad">worse</span>' if s["worse"] else ""),
            f"{s['videos']} <small>({s['groups']})</small>",
            *_slice_cells(s, scale),
        ]
        for s in shown
    ]
    title = f"By {name}"
    if len(shown) < len(every):
        title += f" (the {len(shown)} largest of {len(every)}; all are in the JSON)"
    head = [safe(name.capitalize()), "Videos (sources)", "Accuracy", scale.head()]
    body = table(title, head, rows, kind="plotted narrow")
    return f"<div><h3>{safe(title)}</h3>{body}</div>"


def _slice_cells(part: Slice, scale: Scale) -> list[str]:
    """Its accuracy, and that drawn; of few sources what was counted, as little more is known."""
    if few_sources(part):
        right = round(part["accuracy"]["value"] * part["videos"])
        few = "one source" if part["groups"] == 1 else "few sources"
        return [with_range(f"{right} of {part['videos']} right", few), ""]
    color = "bad" if part["worse"] else "accent"
    return [percent_cell(part["accuracy"]), scale.interval(part["accuracy"], color)]


def _grid(body: str) -> str:
    return f'<div class="grid">{body}</div>'
