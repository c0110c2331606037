"""The models a server offers: bundles, and the single networks of their ensembles.

Knows what a model is and what may be asked of it without loading a network.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clipkind.errors import ClipkindError
from clipkind.inference.way import way_for
from clipkind.model.bundle import Bundle, load_bundle
from clipkind.text import printable

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Choice:
    """One model to choose: a bundle, or one network of it."""

    name: str
    bundle: Bundle
    member: int | None = None
    """Its number in the bundle; None: all of them vote."""


class Models:
    """The models to choose from, by name: `bundle`, or `bundle/member` where there are several.

    Raises FileFormatError for a path that is no sound bundle.
    """

    def __init__(self, paths: Sequence[Path | None]) -> None:
        self._choices = {choice.name: choice for choice in _choices(paths)}
        self.names: tuple[str, ...] = tuple(self._choices)
        self.default: str = self.names[0]
        """The first bundle."""

    def choice(self, name: str) -> Choice:
        """The model of that name. Raises ClipkindError where there is none."""
        choice = self._choices.get(name)
        if choice is None:
            offered = ", ".join(self.names)
            raise ClipkindError(f"there is no model {printable(name)!r}; choose of {offered}")
        return choice

    def bundle(self, name: str) -> Bundle:
        """The bundle of a model. Raises as `choice`."""
        return self.choice(name).bundle

    def check(self, name: str, tta: bool, risk: float | None) -> None:
        """Raise ClipkindError where the model cannot answer so, as `Classifier.classify` would."""
        choice = self.choice(name)
        try:
            way_for(choice.bundle, member=choice.member, tta=tta, risk=risk)
        except ValueError as error:
            raise ClipkindError(str(error)) from None

    def describe(self, name: str) -> dict[str, Any]:
        """What people and programs may know of a model, as JSON. Raises as `choice`.

        `measured`, `provenance` and `card` (Markdown) are of its bundle, as they were made with it.
        """
        choice = self.choice(name)
        bundle, contract = choice.bundle, choice.bundle.contract
        alone = choice.member is not None
        members = bundle.members if choice.member is None else (bundle.members[choice.member],)
        return {
            "name": name,
            "bundle": bundle.name,
            "members": [member.name for member in members],
            "weights": [1.0] if alone else list(bundle.combination.weights),
            "classes": list(contract.class_names),
            "backbone": contract.backbone,
            "multi_scale": contract.multi_scale,
            "num_frames": contract.num_frames,
            "calibrated": not alone and bundle.calibration_for() is not None,
            "calibrated_with_tta": not alone and bundle.calibration_for(tta=True) is not None,
            "tells_strangeness": bundle.outliers is not None,
            "measured": bundle.measured,
            "provenance": bundle.provenance,
            "card": _card(bundle),
        }


def _choices(paths: Sequence[Path | None]) -> Iterator[Choice]:
    taken: set[str] = set()
    for path in paths:
        bundle = load_bundle(path)
        name = _free(printable(bundle.name), taken)
        taken.add(name)
        yield Choice(name, bundle)
        if len(bundle.members) > 1:
            for number, member in enumerate(bundle.members):
                yield Choice(f"{name}/{printable(member.name)}", bundle, number)


def _free(name: str, taken: set[str]) -> str:
    """Bundles in different folders may have one name."""
    number, free = 1, name
    while free in taken:
        number += 1
        free = f"{name}-{number}"
    return free


def _card(bundle: Bundle) -> str:
    try:
        return (bundle.path / CARD).read_text(encoding="utf-8-sig", errors="replace")
    except OSError:
        return ""
