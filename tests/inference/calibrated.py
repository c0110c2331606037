"""Bundles with calibration or outlier score, and features that are easy, hard and strange."""

import json
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipkind.features.store import FeatureRow, FeatureWriter
from clipkind.model.bundle import Bundle, load_bundle, save_bundle
from clipkind.model.calibration import fit_calibration
from clipkind.model.card import model_card
from clipkind.model.combination import Combination
from clipkind.model.outliers import OutlierModel
from model.sources import answered
from several_members import several_members

VIDEOS = 14


def calibrated_bundle(folder: Path, *, groups: int = 400) -> Bundle:
    """A model of four members with weights, calibrated on made-up answers."""
    fits = {}
    for seed, mode in enumerate(("single", "single+tta")):
        videos = answered(groups, 0.0, seed)
        fits[mode] = fit_calibration(videos.probabilities, videos.y_true, videos.groups, "made up")
    bundle = several_members(folder, Combination("weighted", (0.1, 0.2, 0.3, 0.4)))
    measured = bundle.measured | {"aligned": bundle.measured["single"]}
    return _saved(replace(bundle, measured=measured, calibrations=fits, outliers=None))


def without_calibration(folder: Path) -> Bundle:
    """A model of four members as models were before they were calibrated."""
    _saved(replace(several_members(folder), calibrations={}, outliers=None))
    manifest = folder / "model.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    del data["combination"]
    manifest.write_text(json.dumps(data | {"format_version": 1}), encoding="utf-8")
    return load_bundle(folder)


def strange_bundle(folder: Path) -> Bundle:
    """The calibrated bundle, which knows 120 videos like the first ones of `write_features`."""
    calibrated = calibrated_bundle(folder)
    random = np.random.default_rng(0)
    spread = np.linspace(0.01, 0.2, 120).repeat(calibrated.contract.feature_dim).reshape(120, -1)
    known = 0.3 + spread * random.standard_normal(spread.shape)
    outliers = OutlierModel.fit(known, np.arange(120) % 2, random.permutation(120) // 2)
    provenance = calibrated.provenance | {"outliers": "made-up videos"}
    provenance.pop("measured_outliers", None)
    return _saved(replace(calibrated, outliers=outliers, provenance=provenance))


def write_features(path: Path) -> Path:
    """Features of videos "0", "1" … that give confidences from a third to four fifths."""
    contract = load_bundle().contract
    random = np.random.default_rng(0)
    with FeatureWriter(path, contract) as writer:
        for number in range(VIDEOS):
            mean = 0.3 + 0.1 * number * random.standard_normal(contract.feature_dim)
            rows = 0.3 * random.standard_normal((20, contract.feature_dim)) + mean
            row = FeatureRow(
                id=str(number), path=f"{number}.mp4", group="", label="", sha256="", duration_s=1.0,
                fps=25.0, width=64, height=48, length=20, distinct=20,
            )  # fmt: skip
            writer.add(row, np.maximum(rows, 0))
    return path


def _saved(bundle: Bundle) -> Bundle:
    """Write a bundle anew over itself, with what was changed of it."""
    with tempfile.TemporaryDirectory() as before:
        kept = Path(shutil.copytree(bundle.path, before, dirs_exist_ok=True))
        files = {name: kept / name for name in _files(kept)}
        save_bundle(bundle, files, model_card(bundle))
    return bundle


def _files(folder: Path) -> list[str]:
    listed = json.loads((folder / "model.json").read_text(encoding="utf-8"))["files"]
    return [name for name in listed if name not in ("calibration.json", "outliers.npz")]
