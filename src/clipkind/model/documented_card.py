"""The model card of a bundle made of documented checkpoints: what is known, and what is not."""

from typing import Any

from clipkind.model.bundle import Bundle
from clipkind.text import printable

LIMITS = (
    "The checkpoints record neither classes nor backbone nor preprocessing: the names and the "
    "backbone are what the importing person stated, and nothing could check them. A wrong "
    "backbone of equal width gives answers without meaning, and no error.",
    "The documented training chose the frames of a video by its label (Animation and Gaming three "
    "clips and a black frame, Flat_Content the whole video, Natural_Content its middle), in "
    "validation and test too. A video to be classified has no label, so no sampling here is the "
    "one the networks learned from, and what they were reported to reach does not carry over.",
    "Meant for comparison with the old results, on features of the old files.",
    "Weights of 1024 elements or more are stored in half precision, as in every bundle.",
)


def imported_card(bundle: Bundle) -> str:
    """The card as Markdown, from what the bundle's provenance has under `imported`."""
    contract, provenance = bundle.contract, bundle.provenance
    entries = provenance["imported"]
    parts = [
        f"# {bundle.name}",
        f"Says which of {', '.join(map(printable, contract.class_names))} a video is. "
        f"{len(bundle.members)} networks of the documented system, imported, vote with equal "
        f"weight on features of a frozen {contract.backbone} ({contract.num_frames} frames, "
        f"{contract.crop} px, multi-scale {contract.multi_scale}).",
        "## Made from",
        f"* Data: {provenance['data']}.\n"
        f"* Backbone: {contract.backbone}, as stated at import; {provenance['backbone_source']}; "
        f"sha256 of its tensors `{contract.weights_sha256}`.\n"
        f"* By: {provenance['made_by']}, {provenance['date']}.",
        "\n".join(_entry(entry) for entry in entries),
        "## Measured",
        "Nothing was measured with this model. Figures that the checkpoints record of themselves "
        "stand above as where they come from, not as what to expect: their frames were chosen by "
        "label.",
        "## Limits",
        "\n".join(f"* {line}" for line in (*provenance["limits"], *_always())),
    ]
    return "\n\n".join(parts) + "\n"


def _always() -> tuple[str, ...]:
    return (
        "Confidences are not calibrated.",
        "One label a video: a film that changes its kind gets the kind that dominates.",
    )


def _entry(entry: dict[str, Any]) -> str:
    name = printable(entry["file"]).replace("`", "'")
    lines = [f"* `{name}` (sha256 `{entry['sha256']}`): {told(entry['figures'])}"]
    if entry["left_out"]:
        lines.append(f"  * left out: {entry['left_out']}")
    lines += [f"  * {note}" for note in entry["notes"]]
    return "\n".join(lines)


def told(figures: dict[str, Any]) -> str:
    """What a checkpoint records of itself, in words, from `Figures.to_json`."""
    parts = []
    if "epoch" in figures:
        parts.append(f"epoch {figures['epoch']}")
    accuracy = figures.get("accuracy", figures.get("best_val_acc"))
    if accuracy is not None:
        parts.append(f"validation accuracy {accuracy:.2f} %")
    if f1 := figures.get("f1_per_class"):
        parts.append(f"F1 {' / '.join(f'{value:.1f}' for value in f1)} %")
    return f"records of itself {', '.join(parts)}" if parts else "records no figures of itself"
