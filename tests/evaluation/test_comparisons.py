"""Comparisons: no gain without proof, and the one line that says what came of it."""

import numpy as np

from clipkind.evaluation.answers import Answers
from clipkind.evaluation.baselines import LINEAR
from clipkind.evaluation.comparisons import comparisons, question, verdict
from evaluation.asked import answer, ask

TRUTH = np.arange(60) % 3


def wrong_in(count: int, name: str, kind: str = "baseline", first: int = 0) -> Answers:
    labels = TRUTH.copy()
    labels[first : first + count] = (labels[first : first + count] + 1) % 3
    return answer(labels, name, kind)  # type: ignore[arg-type]


def verdict_of(*systems: Answers) -> str:
    asked = ask(TRUTH)
    return verdict(asked, systems, comparisons(asked, systems, None))


def test_a_gain_that_chance_explains_is_not_claimed() -> None:
    asked = ask(TRUTH)
    systems = [wrong_in(9, "ensemble", "ensemble"), wrong_in(11, LINEAR, first=2)]
    (found,) = comparisons(asked, systems, None)
    assert found["accuracy"]["value"] > 0
    assert not found["shown"]
    assert "no difference is shown" in found["sentence"]
    assert "better" not in found["sentence"]
    assert verdict(asked, systems, [found]).startswith("Not shown: ")


def test_a_gain_that_is_shown_is_told_with_its_interval() -> None:
    asked = ask(TRUTH)
    systems = [wrong_in(5, "ensemble", "ensemble"), wrong_in(20, LINEAR)]
    (found,) = comparisons(asked, systems, None)
    assert found["shown"]
    assert found["sentence"].startswith(f"ensemble is better than {LINEAR} by 25.0 points (95 %")
    assert found["accuracy"]["low"] > 0


def test_verdicts() -> None:
    good, bad = wrong_in(5, "ensemble", "ensemble"), wrong_in(30, "ensemble", "ensemble")
    linear = wrong_in(20, LINEAR)
    worse = wrong_in(25, "without BiLSTM", "ablation")
    same = wrong_in(5, "without attention", "ablation")
    assert verdict_of(good, linear).startswith("Yes: ")
    assert verdict_of(bad, wrong_in(5, LINEAR)).startswith("No: ")
    assert verdict_of(good, linear, worse).startswith("Yes: ")
    assert verdict_of(good, linear, same).startswith("Partly: ")
    assert verdict_of(good).startswith("Not known: ")
    assert "against without BiLSTM" in verdict_of(good, linear, worse)


def test_a_part_is_called_needed_only_by_its_own_proof() -> None:
    """One part that helps says nothing of the other, and one that harms is named."""
    good, linear = wrong_in(10, "ensemble", "ensemble"), wrong_in(30, LINEAR)
    verdicts = {}
    for lstm in (0, 10, 25):  # better without it, the same, worse
        for attention in (0, 10, 25):
            verdicts[lstm, attention] = verdict_of(
                good,
                linear,
                wrong_in(lstm, "without BiLSTM", "ablation"),
                wrong_in(attention, "without attention", "ablation"),
            ).partition(" (")[0]
    yes = f"it is better than {LINEAR} on averaged frames"
    assert verdicts == {
        (25, 25): f"Yes: {yes}, and needs its BiLSTM and its attention",
        (25, 10): f"Partly: {yes}, and needs its BiLSTM, but is not shown to need its attention",
        (10, 25): f"Partly: {yes}, and needs its attention, but is not shown to need its BiLSTM",
        (25, 0): f"Partly: {yes}, and needs its BiLSTM, but is better still without attention",
        (0, 25): f"Partly: {yes}, and needs its attention, but is better still without BiLSTM",
        (10, 10): f"Partly: {yes}, but is not shown to need its BiLSTM or its attention",
        (0, 10): f"Partly: {yes}, but is better still without BiLSTM, and is not shown to need its "
        "attention",
        (10, 0): f"Partly: {yes}, but is better still without attention, and is not shown to need "
        "its BiLSTM",
        (0, 0): f"Partly: {yes}, but is better still without BiLSTM or without attention",
    }
    harmful = wrong_in(0, "without BiLSTM", "ablation")
    lost = verdict_of(good, wrong_in(0, LINEAR), harmful)
    assert lost.startswith(f"No: {LINEAR} on averaged frames is better")
    assert "; the network is better without BiLSTM (" in lost


def test_the_question_names_the_head() -> None:
    assert question(["temporal"] * 4) == "Is the temporal network worth it?"
    assert question(["pooled", "pooled"]) == "Is the pooled head worth it?"
    mixed = "Is the pooled head with the temporal network worth it?"
    assert question(["pooled", "temporal", "pooled"]) == mixed


def test_what_is_compared() -> None:
    """TTA, the members on average, the best by validation, the linear model, the ablations."""
    systems = [
        wrong_in(5, "ensemble", "ensemble"),
        wrong_in(9, "member-0", "member"),
        wrong_in(12, "member-1", "member", first=3),
        Answers("ensemble + TTA", "ensemble", "", np.eye(3)[TRUTH], tta=True),
        wrong_in(20, LINEAR),
        wrong_in(10, "without attention", "ablation"),
    ]
    found = comparisons(ask(TRUTH), systems, "member-1")
    assert [(c["a"], c["b"]) for c in found] == [
        ("ensemble + TTA", "ensemble"),
        ("ensemble", "mean member"),
        ("ensemble", "member-1"),
        ("ensemble", LINEAR),
        ("ensemble", "without attention"),
    ]
    assert round(found[1]["accuracy"]["value"] * 60, 3) == (9 + 12) / 2 - 5
    assert "best on validation" in found[2]["sentence"]


def test_systems_that_agree_are_said_to() -> None:
    asked = ask(TRUTH)
    same = [wrong_in(5, "ensemble", "ensemble"), wrong_in(5, LINEAR)]
    (found,) = comparisons(asked, same, None)
    assert found["sentence"] == f"ensemble and {LINEAR} are right about the same videos."
