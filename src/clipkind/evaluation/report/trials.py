"""Sections of the page about harder questions: disturbed videos, silence, foreign kinds, errors."""

from pathlib import PurePath

from clipkind.evaluation.report.figures import (
    NONE,
    floor_of,
    known,
    percent,
    points,
    points_range,
)
from clipkind.evaluation.report.markup import (
    Scale,
    Section,
    differences,
    note,
    shares,
    table,
    with_range,
)
from clipkind.evaluation.report.systems import decimal_cell, percent_cell
from clipkind.evaluation.result import Error, Evaluation, Robustness
from clipkind.page import safe

_NONE_GIVEN = "none was given"


def robustness(evaluation: Evaluation) -> Section:
    """How answers hold when videos are disturbed."""
    every = evaluation["robustness"]
    if not every:
        return Section("robustness", "", "", "robustness under disturbances")
    accuracy = shares(floor_of(r["accuracy"] for r in every))
    drop = differences(r["drop"] for r in every)
    rows = [_disturbed(r, accuracy, drop) for r in every]
    head = ["Disturbance", "Accuracy", accuracy.head(), "Drop, points", drop.head(), "Videos"]
    most = max(r["videos"] + r["refused"] for r in every)
    some = (
        f" Measured on {most} of the {evaluation['videos']} videos."
        if most < evaluation["videos"]
        else ""
    )
    body = table("Accuracy on the same videos, disturbed", head, rows, kind="plotted") + note(
        "Drop: accuracy undisturbed less accuracy disturbed, paired on the same videos. Red where "
        f"its interval excludes 0.{some}"
    )
    return Section("robustness", "When videos are disturbed", body)


def _disturbed(r: Robustness, accuracy: Scale, drop: Scale) -> list[str]:
    lost = known(r["drop"])
    worse = lost is not None and lost["low"] > 0
    refused = f"<small> and {r['refused']} refused</small>" if r["refused"] else ""
    return [
        f"{safe(r['name'])}<small>{safe(r['what'])}</small>",
        percent_cell(r["accuracy"]),
        accuracy.interval(r["accuracy"]),
        with_range(points(lost["value"]), points_range(lost)) if lost else NONE,
        drop.interval(lost, "bad" if worse else "soft"),
        f"{r['videos']}{refused}",
    ]


def selective(evaluation: Evaluation) -> Section:
    """What comes of saying nothing where the risk is too high."""
    every = evaluation["selective"]
    rows = [
        [
            percent(s["risk"]) + (" with TTA" if s["tta"] else ""),
            percent(s["single"]),
            percent(s["several"]),
            percent(s["unsure"]),
            percent_cell(s["single_error"]) if s["single_error"] else _NONE_GIVEN,
            percent_cell(s["several_error"]) if s["several_error"] else _NONE_GIVEN,
        ]
        for s in every
    ]
    head = [
        "Risk allowed",
        "One label",
        "Several labels",
        "Unsure",
        "Wrong, of one",
        "Wrong, of several",
    ]
    body = table("Answers at a stated risk", head, rows) + note(
        "One label is given only where that should keep the share of wrong ones within the risk. "
        "Several are wrong where the right one is not among them."
    )
    title = "When it says nothing"
    return Section("selective", title, body if every else "", "answers at a stated risk")


def outliers(evaluation: Evaluation) -> Section:
    """How well foreign kinds of video are told."""
    every = evaluation["outliers"]
    scale = shares(floor_of(o["auroc"] for o in every), "{:.2g}")
    rows = [
        [safe(o["kind"]), f"{o['videos']}", decimal_cell(o["auroc"]), scale.interval(o["auroc"])]
        for o in every
    ]
    head = ["Foreign kind", "Videos", "AUROC", scale.head()]
    body = table("The outlier score on kinds it was not made for", head, rows, kind="plotted")
    body += note("AUROC: how often a foreign video scores above one of the split; 0.5 is chance.")
    title = "Is it a video of another kind?"
    return Section("outliers", title, body if every else "", "foreign kinds of video")


def errors(evaluation: Evaluation) -> Section:
    """Answers that were wrong and sure of themselves."""
    every = evaluation["errors"]
    body = "".join(map(_error, every))
    return Section(
        "errors",
        "The most confident errors",
        f'<ol class="errors">{body}</ol>' if every else "",
        "errors (none was made, or none listed)",
    )


def _error(error: Error) -> str:
    path = PurePath(error["path"]) if error["path"] else None
    name = safe(path.name if path else error["id"])
    picture = error["thumbnail"] or ""
    if picture.startswith("data:image/"):
        image = f'<img alt="Four moments of {name}" src="{safe(picture)}">'
    else:
        image = '<span class="none">no picture</span>'
    place = safe(str(path.parent)) if path else "its file is not known"
    return (
        f'<li class="card">{image}<div><b>{name}</b><p>'
        f'<span class="tag good">{safe(error["true"])}</span> taken for '
        f'<span class="tag bad">{safe(error["answered"])}</span> with a confidence of '
        f"{percent(error['confidence'])}</p>"
        f'<small class="mono">{place}<br>id {safe(error["id"])}</small></div></li>'
    )
