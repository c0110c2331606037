"""Weights and calibration in a bundle: there and back, damage, and what the card says of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from clipkind.errors import FileFormatError
from clipkind.model.bundle import Bundle, load_bundle
from clipkind.model.card import model_card
from clipkind.model.combination import equal
from clipkind.model.risk import risk_rule
from inference.calibrated import calibrated_bundle, without_calibration


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return calibrated_bundle(tmp_path / "bundle")


def test_weights_and_calibration_read_back_as_they_were(bundle: Bundle) -> None:
    read = load_bundle(bundle.path)
    assert read == bundle
    assert list(read.calibrations) == ["single", "single+tta"]
    for mode, calibration in bundle.calibrations.items():
        assert read.calibrations[mode].to_json() == calibration.to_json()
        assert risk_rule(read.calibrations[mode], 0.1) == risk_rule(calibration, 0.1)
    assert read.calibration_for(tta=True) is read.calibrations["single+tta"]
    assert read.calibration_for("aligned") is None


def test_a_bundle_of_version_1_votes_equally_and_is_not_calibrated(tmp_path: Path) -> None:
    old = without_calibration(tmp_path / "old")
    assert json.loads((old.path / "model.json").read_text())["format_version"] == 1
    assert old.combination == equal(4)
    assert old.calibration_for() is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ([], "combination must be an object"),
        ({"how": "equal"}, "lacks 'weights'"),
        ({"how": "loud", "weights": [0.25] * 4}, "must be equal, weighted, selected"),
        ({"how": "equal", "weights": [0.5, 0.5]}, "with 4 weights"),
        ({"how": "equal", "weights": [0.5] * 4}, "must sum to 1"),
        ({"how": "equal", "weights": [2, -1, 0, 0]}, "from 0 to 1"),
        ({"how": "equal", "weights": ["a"] * 4}, "from 0 to 1"),
    ],
)
def test_weights_that_are_none_are_refused_in_one_line(
    bundle: Bundle, change: Any, words: str
) -> None:
    manifest = bundle.path / "model.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    manifest.write_text(json.dumps(data | {"combination": change}), encoding="utf-8")
    with pytest.raises(FileFormatError, match=words) as caught:
        load_bundle(bundle.path)
    assert "\n" not in str(caught.value)


def test_a_calibration_that_was_changed_is_refused_by_name(bundle: Bundle) -> None:
    file = bundle.path / "calibration.json"
    file.write_text(file.read_text().replace("made up", "made so"))
    with pytest.raises(FileFormatError, match=r"calibration\.json was changed or damaged"):
        load_bundle(bundle.path)


def test_the_card_says_how_members_vote_and_what_can_be_promised(bundle: Bundle) -> None:
    card = model_card(bundle)
    assert "with the weights 0.10, 0.20, 0.30, 0.40, which make the validation split" in card
    calibration = bundle.calibrations["single"]
    assert f"{len(calibration.confidence)} videos of {calibration.num_groups} groups" in card
    smallest = risk_rule(calibration, 0.05).smallest
    assert f"| single | {calibration.temperature:.3f} | {smallest:.3f} |" in card
    assert "not calibrated" not in card
