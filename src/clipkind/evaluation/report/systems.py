"""Sections of the page about systems: how good each is, and which is better than which."""

from clipkind.evaluation.report.figures import (
    NONE,
    decimal,
    decimal_range,
    floor_of,
    known,
    percent,
    percent_range,
    points,
    points_range,
)
from clipkind.evaluation.report.markup import Section, differences, note, shares, table, with_range
from clipkind.evaluation.result import Evaluation, Figure, System
from clipkind.page import safe


def percent_cell(figure: Figure | None) -> str:
    """A share with its interval."""
    figure = known(figure)
    return NONE if figure is None else with_range(percent(figure["value"]), percent_range(figure))


def decimal_cell(figure: Figure | None) -> str:
    """A score with its interval."""
    figure = known(figure)
    return NONE if figure is None else with_range(decimal(figure["value"]), decimal_range(figure))


def systems(evaluation: Evaluation) -> Section:
    """Every system with its figures."""
    every = evaluation["systems"]
    scale = shares(floor_of(system["scores"]["accuracy"] for system in every))
    rows = [_row(system, scale.interval(system["scores"]["accuracy"])) for system in every]
    head = ["System", "Accuracy", scale.head(), "Macro F1", "Weighted F1", "ECE", "Brier", "NLL"]
    parts = [
        table("Accuracy and other figures of every system", head, rows, kind="plotted dense cards")
    ]
    if any(system["scores"]["ece"] is None for system in every):
        parts.append(
            note(
                f"{NONE}: the system gives no probabilities, so there is nothing to calibrate and "
                "no curve."
            )
        )
    parts.append(
        note(
            "In small print: 95 % intervals. ECE: expected calibration error; Brier: squared "
            "distance to the truth, 0 to 2; NLL: negative log-likelihood; of all three less is "
            "better, and they are of tempered probabilities where a temperature is told. Baselines "
            "see the train split; the networks also the validation split, to choose their epoch by."
        )
    )
    absent = "no system answered"
    return Section("systems", "Every system", "".join(parts) if every else "", absent)


def _row(system: System, drawn: str) -> list[str]:
    scores = system["scores"]
    tag = f'<span class="tag kind">{safe(system["kind"])}</span>'
    return [
        f"{safe(system['name'])} {tag}<small>{safe(system['what'])}</small>",
        percent_cell(scores["accuracy"]),
        drawn,
        decimal_cell(scores["macro_f1"]),
        decimal_cell(scores["weighted_f1"]),
        *(decimal_cell(scores[key]) for key in ("ece", "brier", "nll")),
    ]


def comparisons(evaluation: Evaluation) -> Section:
    """Which system is better than which, where that is shown."""
    every = evaluation["comparisons"]
    scale = differences(c["accuracy"] for c in every)
    rows = []
    for c in every:
        found = known(c["accuracy"])
        difference = with_range(points(found["value"]), points_range(found)) if found else NONE
        tag = '<span class="tag good">shown</span>' if c["shown"] else _NOT_SHOWN
        color = "good" if c["shown"] else "soft"
        rows.append(
            [
                f"{safe(c['a'])} <span class='than'>−</span> {safe(c['b'])}",
                difference,
                scale.interval(found, color),
                tag,
                f'<span class="words">{safe(c["sentence"])}</span>',
            ]
        )
    head = ["Accuracy", "Points", scale.head(), "Difference", '<span class="words">In words</span>']
    body = table(
        "Differences in accuracy on the same videos", head, rows, kind="plotted cards"
    ) + note(
        "Paired: both systems answer the same videos, in the same draws of the bootstrap. A system "
        "is called better only where the interval excludes 0."
    )
    return Section("comparisons", "Which is better?", body if every else "", "no comparisons")


_NOT_SHOWN = '<span class="tag kind">not shown</span>'
