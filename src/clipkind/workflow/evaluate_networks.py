"""The answers of a bundle's networks: the same heads, weights and temperature as `classify`."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.comparisons import WITH_TTA
from clipkind.evaluation.scores import scores
from clipkind.evaluation.voting import with_temperature
from clipkind.inference.heads import Heads
from clipkind.model.bundle import Bundle
from clipkind.workflow.evaluate_input import Chosen, EvaluateOptions, Subject

Members = NDArray[np.float64]
"""[M, N, C]."""


def networks(
    subject: Subject, asked: Questions, options: EvaluateOptions, notes: list[str]
) -> tuple[list[Answers], str | None]:
    """The ensemble first, then its members where it has several; with TTA all of them again.

    Also the name of the member that is best on the validation videos, where there are both.
    """
    bundle, chosen = subject.bundle, subject.chosen_by()
    found: list[Answers] = []
    best = None
    for tta in (False, True) if options.tta else (False,):
        ids = (*asked.ids, *chosen.ids)
        members = _probabilities(subject, ids, tta, options)
        asked_of, on_val = members[:, : len(asked)], members[:, len(asked) :]
        found += _answers(subject, asked_of, on_val, chosen, tta)
        if not tta:
            best = _best_member(bundle, on_val, chosen)
            notes += _effect_of_temperature(asked, subject, asked_of, found[0])
    return found, best


def _probabilities(
    subject: Subject, ids: tuple[str, ...], tta: bool, options: EvaluateOptions
) -> Members:
    """Of every member for every one of the videos `ids`."""
    bundle, file = subject.bundle, subject.file
    heads = Heads([bundle.path / member.onnx for member in bundle.members])
    shape = (len(bundle.members), len(ids), len(bundle.contract.class_names))
    found: Members = np.empty(shape)
    for number, id in enumerate(ids):
        features = file.features([id])[0, : file.rows[file.index(id)].length]
        found[:, number] = heads(features, tta)[0]
        options.step(number + 1, len(ids))
    return found


def _answers(
    subject: Subject, members: Members, on_val: Members, chosen: Chosen, tta: bool
) -> list[Answers]:
    """The ensemble as `classify` answers, and each member, tempered where the ensemble is."""
    suffix, how = (WITH_TTA, ", each the mean over the TTA modes") if tta else ("", "")
    bundle, calibration = subject.bundle, subject.calibration(tta)
    probabilities = bundle.combination(members)
    what = f"{subject.votes}{how}"
    if calibration is not None:
        probabilities = calibration(probabilities)
        what += f"; temperature {calibration.temperature:.2f}"
    answers = [Answers(f"ensemble{suffix}", "ensemble", what, probabilities, tta)]
    if len(bundle.members) < 2:
        return answers
    for member, found, val in zip(bundle.members, members, on_val, strict=True):
        name, what = f"{member.name}{suffix}", f"one network alone{how}"
        alone = Answers(name, "member", what, found, tta)
        if calibration is not None:
            alone = with_temperature(alone, val, chosen.y_true)
        answers.append(alone)
    return answers


def _effect_of_temperature(
    asked: Questions, subject: Subject, members: Members, ensemble: Answers
) -> list[str]:
    """What calibration does, in a line; none without one."""
    calibration = subject.calibration()
    if calibration is None:
        return []
    before = replace(ensemble, ranking=subject.bundle.combination(members))
    found = [scores(asked, before), scores(asked, ensemble)]
    values = [figure["value"] for part in found for figure in (part["ece"], part["nll"]) if figure]
    where = f" (on {calibration.protocol})" if calibration.protocol else ""
    return [
        f"Calibration{where} changes the ensemble's expected calibration error from "
        f"{values[0]:.3f} to {values[2]:.3f}, its negative log-likelihood from {values[1]:.3f} to "
        f"{values[3]:.3f}."
    ]


def _best_member(bundle: Bundle, members: Members, chosen: Chosen) -> str | None:
    """The member with the best macro F1 on the validation videos; None without a choice."""
    if len(bundle.members) < 2 or not chosen.ids:
        return None
    scores = [
        f1_score(chosen.y_true, found.argmax(axis=1), average="macro", zero_division=0.0)
        for found in members
    ]
    return bundle.members[int(np.argmax(scores))].name
