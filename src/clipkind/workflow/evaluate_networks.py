"""The answers of a bundle's networks: the same heads, weights and temperature as `classify`."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.comparisons import WITH_TTA
from clipkind.evaluation.scores import scores
from clipkind.features.store import FeatureFile
from clipkind.inference.heads import Heads
from clipkind.model.bundle import Bundle

Members = NDArray[np.float64]
"""[M, N, C]."""


def member_probabilities(
    bundle: Bundle,
    file: FeatureFile,
    ids: tuple[str, ...],
    *,
    tta: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Members:
    """Of every member for every one of the videos `ids`."""
    heads = Heads([bundle.path / member.onnx for member in bundle.members])
    shape = (len(bundle.members), len(ids), len(bundle.contract.class_names))
    found: Members = np.empty(shape)
    for number, id in enumerate(ids):
        features = file.features([id])[0, : file.rows[file.index(id)].length]
        found[:, number] = heads(features, tta)[0]
        progress(number + 1, len(ids))
    return found


def network_answers(
    bundle: Bundle, members: Members, *, tta: bool, multi_scale: str
) -> list[Answers]:
    """The ensemble, calibrated where the bundle is, then its members where it has several.

    `members` are the probabilities of its members, for features of `multi_scale`.
    """
    suffix, how = (WITH_TTA, ", each the mean over the TTA modes") if tta else ("", "")
    probabilities = bundle.combination(members)
    what = f"{combination_in_words(bundle)}{how}"
    calibration = bundle.calibration_for(multi_scale, tta)
    if calibration is not None:
        probabilities = calibration(probabilities)
        what += f", temperature {calibration.temperature:.2f}"
    answers = [Answers(f"ensemble{suffix}", "ensemble", what, probabilities, tta)]
    if len(bundle.members) > 1:
        answers += [
            Answers(f"{m.name}{suffix}", "member", f"one network alone{how}", found, tta)
            for m, found in zip(bundle.members, members, strict=True)
        ]
    return answers


def combination_in_words(bundle: Bundle) -> str:
    """How the members vote."""
    count = len(bundle.members)
    if count == 1:
        return "one network"
    if bundle.combination.how == "equal":
        return f"{count} members, equal weights"
    weights = ", ".join(f"{weight:.2f}" for weight in bundle.combination.weights)
    how = {"weighted": "weights fitted on", "selected": "weights by selection on"}
    return f"{count} members, {how[bundle.combination.how]} the validation videos ({weights})"


def effect_of_temperature(asked: Questions, before: NDArray[np.float64], ensemble: Answers) -> str:
    """What calibration does, in a line; `before` [N, C] are the probabilities without it."""
    found = [scores(asked, replace(ensemble, ranking=before)), scores(asked, ensemble)]
    values = [figure["value"] for part in found for figure in (part["ece"], part["nll"]) if figure]
    return (
        "Calibration on the validation videos changes the ensemble's expected calibration error "
        f"from {values[0]:.3f} to {values[2]:.3f}, its negative log-likelihood from "
        f"{values[1]:.3f} to {values[3]:.3f}."
    )


def best_member(bundle: Bundle, members: Members, y_true: NDArray[np.int64]) -> str | None:
    """The member with the best macro F1 on the validation videos; None without any."""
    if not len(y_true):
        return None
    scores = [
        f1_score(y_true, found.argmax(axis=1), average="macro", zero_division=0.0)
        for found in members
    ]
    return bundle.members[int(np.argmax(scores))].name
