"""The outlier score in a bundle: there and back, damage, and what the card says of it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipkind.errors import FileFormatError
from clipkind.model.bundle import Bundle, load_bundle, save_bundle
from clipkind.model.card import model_card
from clipkind.model.outliers import OutlierModel
from inference.calibrated import calibrated_bundle, strange_bundle

MEASURED: dict[str, Any] = {
    "protocol": "by hand",
    "kinds": {
        "noise": {
            "videos": 3,
            "groups": 2,
            "auroc": {"value": 0.75, "low": 0.5, "high": 1.0},
        }
    },
}


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return strange_bundle(tmp_path / "bundle")


def test_it_reads_back_as_it_was_and_only_for_its_own_mode(bundle: Bundle) -> None:
    read = load_bundle(bundle.path)
    found = read.outliers_for("single")
    assert found is not None
    assert bundle.outliers is not None
    np.testing.assert_array_equal(found.directions, bundle.outliers.directions)
    np.testing.assert_array_equal(found.held_out, bundle.outliers.held_out)
    assert read.outliers_for("aligned") is None


def test_bundles_without_it_are_read_and_their_card_is_silent(tmp_path: Path) -> None:
    bundle = calibrated_bundle(tmp_path / "bundle")
    assert load_bundle(bundle.path).outliers is None
    assert not (bundle.path / "outliers.npz").exists()
    assert "trangeness" not in (bundle.path / "README.md").read_text()


def test_a_changed_file_is_refused_by_name(bundle: Bundle) -> None:
    with (bundle.path / "outliers.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(FileFormatError, match=r"outliers\.npz was changed or damaged"):
        load_bundle(bundle.path)


def test_one_for_other_features_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    other = OutlierModel.fit(np.random.default_rng(0).random((8, 24)), [0, 1] * 4, np.arange(8))
    copy = replace(bundle, path=tmp_path / "copy", outliers=other)
    names = json.loads((bundle.path / "model.json").read_text())["files"]
    names.pop("outliers.npz")
    save_bundle(copy, {name: bundle.path / name for name in names}, "card")
    with pytest.raises(FileFormatError, match="of 24 values, the contract says") as caught:
        load_bundle(copy.path)
    assert "\n" not in str(caught.value)


def test_the_card_gives_figures_only_where_they_were_measured(bundle: Bundle) -> None:
    card = model_card(bundle)
    assert "`strangeness` is a share of made-up videos" in card
    assert "multi-scale single only" in card
    assert "was not measured with this model" in card
    assert "AUROC" not in card
    measured = replace(bundle, provenance=bundle.provenance | {"measured_outliers": MEASURED})
    card = model_card(measured)
    assert "was not measured with this model" not in card
    assert "| noise | 3 | 2 | 0.750 (0.500 to 1.000) |" in card
