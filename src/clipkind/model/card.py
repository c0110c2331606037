"""The model card: a bundle's README, generated from what the bundle itself records."""

from itertools import combinations
from typing import Any

from clipkind.model.bundle import Bundle
from clipkind.model.documented_card import imported_card
from clipkind.model.risk import risk_rule

_RISKS = 0.05, 0.1
"""For which the card says how many answers are single labels."""

_ALONE = "One network answers"
_SELECTED = (
    "chosen by greedy selection with replacement on the validation split (Caruana et al. 2004),"
)


def model_card(bundle: Bundle) -> str:
    """The card as Markdown."""
    if "imported" in bundle.provenance:
        return imported_card(bundle)
    contract, provenance = bundle.contract, bundle.provenance
    counts = ", ".join(f"{name} {n}" for name, n in provenance["videos_by_class"].items())
    parts = [
        f"# {bundle.name}",
        f"Says which of {', '.join(contract.class_names)} a video is. "
        f"{_voters(bundle)} on features of a frozen {contract.backbone} "
        f"({contract.num_frames} frames, {contract.crop} px, multi-scale {contract.multi_scale}).",
        "## Made from",
        f"* Data: {provenance['data']}: {provenance['videos']} videos of {provenance['groups']} "
        f"groups ({counts}).\n"
        f"* Backbone: {provenance['backbone_source']}; sha256 of its tensors "
        f"`{contract.weights_sha256}`.\n"
        f"* By: {provenance['made_by']}, {provenance['date']}, seeds "
        f"{', '.join(map(str, provenance['seeds']))}{_recipes(provenance)}.",
        "## Measured",
    ]
    for mode, result in bundle.measured.items():
        parts += [f"### Multi-scale {mode}", _results(result, contract.class_names)]
    if bundle.calibrations:
        parts += ["## Calibration", _calibration(bundle)]
    if bundle.outliers is not None:
        parts += ["## Strange videos", _strange(bundle)]
    parts += ["## Limits", _limits(bundle)]
    return "\n\n".join(parts) + "\n"


def _voters(bundle: Bundle) -> str:
    """Who answers, and how they vote, in words."""
    combination, count = bundle.combination, len(bundle.members)
    if count == 1:
        return f"One network answers, {_SELECTED}" if combination.how == "selected" else _ALONE
    if combination.how == "equal":
        return f"{count} members vote with equal weight"
    weights = ", ".join(f"{weight:.2f}" for weight in combination.weights)
    how = "which make the validation split likeliest,"
    if combination.how == "selected":
        how = _SELECTED
    return f"{count} members vote with the weights {weights}, {how}"


def _calibration(bundle: Bundle) -> str:
    """What was fitted on what, and what it can promise."""
    first = next(iter(bundle.calibrations.values()))
    lines = [
        f"Confidences are softmax(log(p) / temperature) of the members' mean p, fitted on "
        f"{len(first.confidence)} videos of {first.num_groups} groups: {first.protocol}. "
        "With `--risk` an answer is a single label only where an upper bound of the error among "
        "such answers, over groups, allows it: the smallest risk for which there are any, and the "
        "share of those videos that get one at two risks:",
        "",
        "| mode | temperature | smallest risk | "
        + " | ".join(f"single at {risk:g}" for risk in _RISKS)
        + " |",
        "|---" * (3 + len(_RISKS)) + "|",
    ]
    for mode, calibration in bundle.calibrations.items():
        rules = [risk_rule(calibration, risk) for risk in _RISKS]
        shares = [float((calibration.confidence >= rule.single_from).mean()) for rule in rules]
        lines.append(
            f"| {mode} | {calibration.temperature:.3f} | {rules[0].smallest:.3f} | "
            + " | ".join(f"{share:.0%}" for share in shares)
            + " |"
        )
    return "\n".join(lines)


def _strange(bundle: Bundle) -> str:
    """What the score is a share of, and how well it tells foreign kinds, if that was measured."""
    lines = [
        f"`strangeness` is a share of {bundle.provenance['outliers']}: those that, held out with "
        "their groups, point less far away from the nearest class's mean feature, each feature "
        "divided by its spread. It is known for "
        f"multi-scale {bundle.contract.multi_scale} only."
    ]
    measured = bundle.provenance.get("measured_outliers")
    if not measured:
        return lines[0] + " How well it tells other kinds was not measured with this model."
    lines += [
        "",
        f"AUROC is how often a video of a foreign kind is stranger than one held out of the fit, "
        f"with 95 % intervals over groups ({measured['protocol']}). Kinds that look like a known "
        "one are the hard ones:",
        "",
        "| foreign kind | videos | groups | AUROC |",
        "|---" * 4 + "|",
    ]
    for kind, row in measured["kinds"].items():
        auroc = row["auroc"]
        lines.append(
            f"| {kind} | {row['videos']} | {row['groups']} | {auroc['value']:.3f} "
            f"({auroc['low']:.3f} to {auroc['high']:.3f}) |"
        )
    return "\n".join(lines)


def _results(result: dict[str, Any], class_names: tuple[str, ...]) -> str:
    low, high = result["accuracy_95"]
    lines = [
        f"{result['protocol'][0].upper()}{result['protocol'][1:]}.",
        "",
        f"* accuracy {result['accuracy']:.3f} (95 % interval over groups {low:.3f} to {high:.3f}; "
        f"{result['videos']} videos of {result['groups']} groups)",
        f"* macro F1 {result['macro_f1']:.3f}; "
        + ", ".join(f"{name} {value:.3f}" for name, value in result["f1"].items()),
    ]
    if baseline := result.get("baseline"):
        low, high = baseline["accuracy_95"]
        lines.append(
            f"* beside it, {baseline['what']}: accuracy {baseline['accuracy']:.3f} "
            f"({low:.3f} to {high:.3f}), macro F1 {baseline['macro_f1']:.3f}"
        )
    head = "| true \\ answered | " + " | ".join(class_names) + " |"
    lines += ["", head, "|---" * (len(class_names) + 1) + "|"]
    for name, row in zip(class_names, result["confusion"], strict=True):
        lines.append(f"| {name} | " + " | ".join(map(str, row)) + " |")
    return "\n".join(lines)


def _limits(bundle: Bundle) -> str:
    """What its makers say it is not for, what the figures show, what holds for every bundle."""
    lines = [
        *bundle.provenance.get("limits", []),
        "Confidences and risks hold for videos such as those it was calibrated with."
        if bundle.calibrations
        else "Confidences are the mean of the members' softmax and are not calibrated.",
        *_confusions(bundle),
        "One label a video: a film that changes its kind gets the kind that dominates.",
    ]
    return "\n".join(f"* {line}" for line in lines)


def _confusions(bundle: Bundle) -> list[str]:
    """The two pairs of classes taken for each other most often, in the bundle's own mode."""
    result = bundle.measured.get(bundle.contract.multi_scale)
    if result is None:
        return []
    matrix, names = result["confusion"], bundle.contract.class_names
    pairs = [
        (matrix[i][j] + matrix[j][i], f"{names[i]} and {names[j]}")
        for i, j in combinations(range(len(names)), 2)
    ]
    worst = [f"{pair} ({n})" for n, pair in sorted(pairs, key=lambda p: -p[0])[:2] if n]
    total = sum(map(sum, matrix))
    return [f"Taken for each other most, of {total}: {', '.join(worst)}."] if worst else []


def _recipes(provenance: dict[str, Any]) -> str:
    """Where members were trained by different recipes: which."""
    members = provenance.get("members", [])
    return f"; recipes {', '.join(members)}" if members else ""
