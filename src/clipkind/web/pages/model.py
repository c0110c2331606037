"""The page about a model: all figures come from its bundle."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import render_template, request

from clipkind.errors import ClipkindError
from clipkind.model.risk import risk_rule
from clipkind.web.http.problems import Problem
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.home import RISKS
from clipkind.web.services import services

_SHADES = 10
"""Steps of the colour of a cell."""


@dataclass(frozen=True, slots=True)
class Ranged:
    """A figure with its interval, where one was measured, and where they lie from 0 to 100 %."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    about: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """Videos of one class that were answered as another."""

    count: int
    share: float
    """Of the true class."""
    shade: int
    right: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """What was measured in one mode."""

    mode: str
    protocol: str
    of: str
    accuracy: tuple[Ranged, ...]
    """The model's, and those of what it was compared with."""
    f1: tuple[tuple[str, tuple[float | None, ...]], ...]
    """Per class, in the order of `accuracy`."""
    matrix: tuple[tuple[str, tuple[Cell, ...]], ...]


@blueprint.get("/model")
def model() -> str:
    """The model `name`, or the default."""
    known = services()
    name = request.args.get("name") or known.models.default
    try:
        about = known.models.describe(name)
    except ClipkindError as error:
        raise Problem(404, "unknown_model", str(error)) from None
    bundle = known.models.bundle(name)
    classes = about["classes"]
    return render_template(
        "model.html",
        about=about,
        names=known.models.names,
        alone=about["bundle"] != name and len(about["members"]) == 1 and len(bundle.members) > 1,
        measured=[measured(mode, found, classes) for mode, found in about["measured"].items()],
        provenance=about["provenance"],
        by_class=about["provenance"].get("videos_by_class", {}),
        calibrations=[_calibration(mode, one) for mode, one in bundle.calibrations.items()],
        risks=RISKS,
        kinds=_kinds(about["provenance"]),
        limits=about["provenance"].get("limits", []),
        contract=bundle.contract,
    )


def measured(mode: str, found: Mapping[str, Any], classes: Sequence[str]) -> Measured:
    """One mode's results as the bundle records them; what it lacks is left out."""
    named = [("This model", found)]
    if baseline := found.get("baseline"):
        named.append((f"For comparison: {baseline.get('what', 'a baseline')}", baseline))
    of = f"{found['videos']} videos" if "videos" in found else ""
    if "groups" in found:
        of += f" of {found['groups']} sources"
    return Measured(
        mode=mode,
        protocol=str(found.get("protocol", "")),
        of=of,
        accuracy=tuple(_ranged(name, one) for name, one in named if "accuracy" in one),
        f1=tuple(
            (name, tuple(one.get("f1", {}).get(name) for _, one in named))
            for name in classes
            if name in found.get("f1", {})
        ),
        matrix=tuple(_matrix(found.get("confusion", ()), classes)),
    )


def _ranged(name: str, found: Mapping[str, Any]) -> Ranged:
    low, high = found.get("accuracy_95", (None, None))
    return Ranged(name, found["accuracy"], low, high)


def _matrix(
    confusion: Sequence[Sequence[int]], classes: Sequence[str]
) -> list[tuple[str, tuple[Cell, ...]]]:
    rows = []
    for number, counts in enumerate(confusion):
        total = sum(counts) or 1
        cells = tuple(
            Cell(count, count / total, round(_SHADES * count / total), column == number)
            for column, count in enumerate(counts)
        )
        rows.append((classes[number], cells))
    return rows


def _calibration(mode: str, calibration: Any) -> dict[str, Any]:
    """What can be had at every risk."""
    rules = [risk_rule(calibration, risk) for risk in RISKS]
    return {
        "mode": mode.replace("+tta", ", looked at four ways"),
        "protocol": calibration.protocol,
        "temperature": calibration.temperature,
        "smallest": rules[0].smallest,
        "single": [float((calibration.confidence >= rule.single_from).mean()) for rule in rules],
        "note": rules[1].note,
    }


def _kinds(provenance: Mapping[str, Any]) -> list[Ranged]:
    """How well kinds that the model does not know are told from those it knows."""
    found = provenance.get("measured_outliers") or {}
    return [
        Ranged(
            kind,
            row["auroc"]["value"],
            row["auroc"]["low"],
            row["auroc"]["high"],
            f"{row['videos']} ({row['groups']})",
        )
        for kind, row in found.get("kinds", {}).items()
    ]
