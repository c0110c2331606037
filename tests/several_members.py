"""A model of several members, made of the bundled one, which has a single network."""

from dataclasses import replace
from pathlib import Path

import onnx
from onnx import numpy_helper
from safetensors.numpy import load_file, save_file

from clipkind.model.bundle import BACKBONE_FILE, Bundle, Member, load_bundle, save_bundle
from clipkind.model.card import model_card
from clipkind.model.combination import Combination, equal

FACTORS = (0.3, -0.2, 1.5, 1.0)
"""By which the weights of the bundled network are multiplied: four that differ in their answers."""


def several_members(folder: Path, combination: Combination | None = None) -> Bundle:
    """Write the bundled model with four networks to `folder`; they vote alike unless told else."""
    bundle = load_bundle()
    config = bundle.members[0].config
    members = tuple(Member(f"member-{number}", config) for number in range(len(FACTORS)))
    made = replace(
        bundle,
        path=folder,
        members=members,
        combination=combination or equal(len(members)),
    )
    save_bundle(made, member_files(folder.with_name(f"{folder.name}-parts")), model_card(made))
    return load_bundle(folder)


def member_files(parts: Path) -> dict[str, Path]:
    """The files of such a bundle by name; those that differ are written to `parts`."""
    bundle = load_bundle()
    parts.mkdir()
    first = bundle.members[0]
    files = {BACKBONE_FILE: bundle.path / BACKBONE_FILE}
    for number, factor in enumerate(FACTORS):
        member = Member(f"member-{number}", first.config)
        files |= {name: parts / name for name in (member.onnx, member.weights)}
        network = onnx.load(bundle.path / first.onnx)
        for tensor in network.graph.initializer:
            values = numpy_helper.to_array(tensor)
            if values.ndim == 2:
                scaled = values * values.dtype.type(factor)
                tensor.CopyFrom(numpy_helper.from_array(scaled, tensor.name))
        onnx.save(network, parts / member.onnx)
        weights = load_file(bundle.path / first.weights)
        weights["classifier.0.weight"] *= weights["classifier.0.weight"].dtype.type(factor)
        save_file(weights, parts / member.weights)
    return files
