"""An evaluation as one HTML file: nothing to load, no script; light and dark, screen and paper."""

from importlib.resources import files
from pathlib import Path
from string import Template

from clipkind.evaluation.report import details, trials
from clipkind.evaluation.report import systems as systems_part
from clipkind.evaluation.report.figures import (
    NONE,
    decimal,
    decimal_range,
    headline,
    known,
    percent,
    percent_range,
)
from clipkind.evaluation.report.markup import Scale, Section
from clipkind.evaluation.result import Evaluation, Figure, System
from clipkind.files import write_file
from clipkind.page import page_style, safe

_METHOD = (
    "Intervals are 95 % percentile intervals of a bootstrap of 2,000 draws (seed 0) over groups, "
    "that is sources, not over clips; all systems and slices are looked at in the same draws. "
    "Precision, recall and F1 are scikit-learn's, with 0 where nothing can be divided."
)


def write_html(evaluation: Evaluation, path: Path) -> None:
    """Write the page in one step. Raises OSError where it cannot be written."""
    content = page(evaluation)
    write_file(path, content)


def page(evaluation: Evaluation) -> str:
    """The page."""
    here = files(__package__)
    system = headline(evaluation)
    sections = _sections(evaluation, system)
    shown = [section for section in sections if section.body]
    absent = [section.absent for section in sections if not section.body]
    return Template(here.joinpath("page.html").read_text(encoding="utf-8")).substitute(
        title=safe(f"How good is {evaluation['model']}?"),
        style=page_style() + here.joinpath("page.css").read_text(encoding="utf-8"),
        about=_about(evaluation),
        headline=_headline(evaluation, system),
        contents="".join(f'<li><a href="#{s.id}">{s.title}</a></li>' for s in shown),
        sections="".join(
            f'<section id="{s.id}"><h2>{s.title}</h2>{s.body}</section>' for s in shown
        ),
        notes=_notes(evaluation, absent),
        made=_made(evaluation),
        footer=safe(f"{evaluation['made_by']}, {evaluation['date']}"),
    )


def _sections(evaluation: Evaluation, system: System | None) -> list[Section]:
    own = []
    if system is not None:
        own = [
            details.classes(system),
            details.confusion(system, evaluation["class_names"]),
            details.curves(system["scores"]),
        ]
    return [
        systems_part.systems(evaluation),
        systems_part.comparisons(evaluation),
        *own,
        details.learning(evaluation),
        details.slices(evaluation),
        trials.robustness(evaluation),
        trials.selective(evaluation),
        trials.outliers(evaluation),
        trials.errors(evaluation),
    ]


def _about(evaluation: Evaluation) -> str:
    classes = ", ".join(f"{name} {count}" for name, count in evaluation["videos_by_class"].items())
    groups = evaluation["groups"]
    return safe(
        f"Split “{evaluation['split']}”: {_count(evaluation['videos'], 'video')} of "
        f"{_count(groups, 'source')} ({classes})"
    )


def _count(number: int, of: str) -> str:
    return f"{number:,} {of}{'' if number == 1 else 's'}"


def _headline(evaluation: Evaluation, system: System | None) -> str:
    answer = f"{evaluation['question']} {evaluation['verdict']}"
    verdict = f'<p class="verdict">{safe(answer)}</p>'
    if system is None:
        return f'<div class="card headline"><p>There is no system to report on.</p></div>{verdict}'
    scores = system["scores"]
    accuracy = known(scores["accuracy"])
    majority = max(evaluation["videos_by_class"].values(), default=0)
    drawn = ""
    if accuracy:
        scale = Scale(0.0, 1.0, (0.0, 0.25, 0.5, 0.75, 1.0))
        share = majority / evaluation["videos"] if evaluation["videos"] else 0.0
        note = f"The tick marks the largest class: always naming it is right in {percent(share)}."
        at = scale.at(share)
        tick = f'<line x1="{at}" x2="{at}" y1="15%" y2="85%" stroke="var(--ink)" stroke-width="2"/>'
        plot = scale.interval(accuracy).replace("</svg>", f"{tick}</svg>")
        drawn = f'<div class="ruler">{plot}{scale.head()}</div><p class="note">{note}</p>'
    ends = f"95 % interval {percent_range(accuracy)}" if accuracy else "no figure"
    value = percent(accuracy["value"]) if accuracy else NONE
    tiles = "".join(
        _tile(name, scores[key])  # type: ignore[literal-required]
        for name, key in (
            ("macro F1", "macro_f1"),
            ("weighted F1", "weighted_f1"),
            ("calibration error (ECE)", "ece"),
            ("Brier score", "brier"),
        )
    )
    return (
        f'<div class="card headline"><p class="big"><b>{value}</b> accuracy <span>{ends}</span>'
        f"</p>{drawn}<p>{safe(system['name'])}: {safe(system['what'])}</p></div>"
        f'{verdict}<ul class="tiles">{tiles}</ul>'
    )


def _tile(name: str, figure: Figure | None) -> str:
    figure = known(figure)
    value, ends = (decimal(figure["value"]), decimal_range(figure)) if figure else (NONE, "")
    ends = ends or "it gives no probabilities"
    return f"<li><b>{value}</b><span>{name}<br>{ends}</span></li>"


def _notes(evaluation: Evaluation, absent: list[str]) -> str:
    notes = [safe(text) for text in evaluation["notes"]]
    missing = evaluation["missing"]
    if missing:
        some = ", ".join(map(safe, missing[:8])) + (" …" if len(missing) > 8 else "")
        what = _count(len(missing), "video")
        notes.append(f"{what} of the split without features, in no figure: {some}")
    if absent:
        notes.append(f"Not in this report: {', '.join(absent)}.")
    return "".join(f"<li>{text}</li>" for text in notes) or "<li>Nothing is missing.</li>"


def _made(evaluation: Evaluation) -> str:
    temperature = evaluation["temperature"]
    facts = [
        ("Command", f"<code>{safe(evaluation['command'])}</code>"),
        ("Model", safe(evaluation["model"])),
        ("Combination of members", safe(evaluation["combination"])),
        ("TTA modes", safe(", ".join(evaluation["tta_modes"])) or "none"),
        ("Temperature", f"{temperature:.4g}" if temperature else "none: not calibrated"),
        ("Features", safe(evaluation["features"])),
        ("Split", f"{safe(evaluation['split'])} of {safe(evaluation['split_file'])}"),
        *((safe(name), safe(value)) for name, value in evaluation.get("extra", {}).items()),
        ("Intervals", _METHOD),
    ]
    return "".join(f"<div><dt>{name}</dt><dd>{value}</dd></div>" for name, value in facts)
