"""Which system is better than which: paired, and never claimed without being shown."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from clipkind.evaluation.ablations import WITHOUT
from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.baselines import LINEAR
from clipkind.evaluation.intervals import Drawn, difference, excludes_zero
from clipkind.evaluation.result import Comparison, Figure
from clipkind.evaluation.scores import accuracy
from clipkind.model.heads import DEFAULT_HEAD

MEAN_MEMBER = "mean member"
WITH_TTA = " + TTA"


def comparisons(
    asked: Questions, systems: Sequence[Answers], best_member: str | None
) -> list[Comparison]:
    """What is worth comparing among `systems`, of which one is called `ensemble`.

    `best_member` is the name of the member that was best on the validation videos.
    """
    by_name = {answers.name: answers for answers in systems}
    ensemble = by_name["ensemble"]
    pairs = [
        (by_name[answers.name + WITH_TTA], answers)
        for answers in systems
        if answers.name + WITH_TTA in by_name
    ]
    found = [compare(asked, a, b) for a, b in pairs if a.kind == "ensemble"]
    members = [a for a in systems if a.kind == "member" and not a.tta]
    if len(members) > 1:
        found.append(_against_mean(asked, ensemble, members))
        if best_member is not None:
            found.append(compare(asked, ensemble, by_name[best_member], " (best on validation)"))
    if LINEAR in by_name:
        found.append(compare(asked, ensemble, by_name[LINEAR]))
    found += [compare(asked, ensemble, a) for a in systems if a.kind == "ablation"]
    return found + [compare(asked, a, b) for a, b in pairs if a.kind == "member"]


def compare(asked: Questions, a: Answers, b: Answers, about_b: str = "") -> Comparison:
    """`a` against `b` on the same videos."""
    differ = (a.labels == asked.y_true) != (b.labels == asked.y_true)
    figure = difference(accuracy(asked, a), accuracy(asked, b), asked.draws, differ)
    found = _told(a.name, b.name, figure, f"{b.name}{about_b}")
    if not differ.any():
        found["sentence"] = f"{a.name} and {b.name}{about_b} are right about the same videos."
    return found


def _against_mean(asked: Questions, a: Answers, members: list[Answers]) -> Comparison:
    found = [accuracy(asked, member) for member in members]
    mean = Drawn(
        sum(m.value for m in found) / len(found),
        np.mean([member.draws for member in found], axis=0),
    )
    right = a.labels == asked.y_true
    differ = np.any([(m.labels == asked.y_true) != right for m in members], axis=0)
    figure = difference(accuracy(asked, a), mean, asked.draws, differ)
    return _told(a.name, MEAN_MEMBER, figure, f"its {len(members)} members on average")


def _told(a: str, b: str, figure: Figure, shown_b: str) -> Comparison:
    shown = excludes_zero(figure)
    points = 100 * figure["value"]
    room = f"95 % interval {100 * figure['low']:+.1f} to {100 * figure['high']:+.1f}"
    if shown:
        word = "better" if points > 0 else "worse"
        sentence = f"{a} is {word} than {shown_b} by {abs(points):.1f} points ({room})."
    else:
        sentence = f"{a} against {shown_b}: {points:+.1f} points ({room}); no difference is shown."
    return {"a": a, "b": b, "accuracy": figure, "shown": shown, "sentence": sentence}


def question(heads: Sequence[str]) -> str:
    """What the verdict answers, for members with these heads."""
    names = ["temporal network" if h == DEFAULT_HEAD else f"{h} head" for h in sorted(set(heads))]
    return f"Is the {' with the '.join(names)} worth it?"


def verdict(asked: Questions, systems: Sequence[Answers], found: Sequence[Comparison]) -> str:
    """Is the network worth it? One line, from the comparisons of the ensemble with logistic
    regression and with itself without a part."""
    parts = {answers.name for answers in systems if answers.kind == "ablation"}
    simpler = [c for c in found if c["a"] == "ensemble" and c["b"] in {LINEAR, *parts}]
    against = next((c for c in simpler if c["b"] == LINEAR), None)
    if against is None:
        return "Not known: the simpler systems could not be fitted (see the notes)."
    figures = "; ".join(f"{_points(c['accuracy'])} against {c['b']}" for c in simpler)
    basis = f"({figures}; {len(asked)} videos of {asked.draws.groups} groups)"
    about = _about_parts([c for c in simpler if c is not against])
    if not against["shown"]:
        what = f"on these videos {LINEAR} on averaged frames may be as good"
        return f"Not shown: {what}{about.aside} {basis}."
    if against["accuracy"]["value"] < 0:
        return f"No: {LINEAR} on averaged frames is better{about.aside} {basis}."
    word = "Yes" if about.all_needed else "Partly"
    return f"{word}: it is better than {LINEAR} on averaged frames{about.parts} {basis}."


class _Parts(NamedTuple):
    """What is shown of the network's parts."""

    parts: str
    """What each is worth, in words, to go on a sentence that praises the whole."""
    aside: str
    """Only what harms, to go on one that does not."""
    all_needed: bool


def _about_parts(found: Sequence[Comparison]) -> _Parts:
    """From the comparisons with the network without each of them."""
    needed: list[str] = []
    harmful: list[str] = []
    unknown: list[str] = []
    for c in found:
        part = c["b"].removeprefix(WITHOUT)
        gained = c["accuracy"]["value"] > 0
        (unknown if not c["shown"] else needed if gained else harmful).append(part)
    without = " or without ".join(harmful)
    words = f", and needs its {' and its '.join(needed)}" if needed else ""
    words += f", but is better still without {without}" if harmful else ""
    if unknown:
        words += f", {'and' if harmful else 'but'} is not shown to need its "
        words += " or its ".join(unknown)
    aside = f"; the network is better without {without}" if harmful else ""
    return _Parts(words, aside, not harmful and not unknown)


def _points(figure: Figure) -> str:
    value, low, high = (100 * figure[key] for key in ("value", "low", "high"))
    return f"{value:+.1f} points ({low:+.1f} to {high:+.1f})"
