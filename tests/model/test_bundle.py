"""The bundled model: its card and README figure are what its records say; writing is one step."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipkind.contract import Contract
from clipkind.errors import FileFormatError
from clipkind.features.store import FeatureRow, FeatureWriter
from clipkind.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, save_bundle
from clipkind.model.card import model_card
from clipkind.training.bundling import backbone_source

ROOT = Path(__file__).parents[2]


def copy_of(bundle: Bundle, path: Path) -> Bundle:
    names = json.loads((bundle.path / "model.json").read_text())["files"]
    copy = replace(bundle, path=path)
    save_bundle(copy, {name: bundle.path / name for name in names}, "card")
    return copy


def test_the_card_is_generated_from_what_the_bundle_records() -> None:
    bundle = load_bundle()
    assert (DEFAULT_BUNDLE / "README.md").read_text() == model_card(bundle)


def test_the_readme_quotes_the_measured_accuracy_of_the_bundled_model() -> None:
    bundle = load_bundle()
    result = bundle.measured[bundle.contract.multi_scale]
    low, high = result["accuracy_95"]
    figure = f"{result['accuracy']:.3f} (95 % interval {low:.3f} to {high:.3f})"
    assert figure in " ".join((ROOT / "README.md").read_text().split())


def test_a_saved_bundle_reads_back_equal(tmp_path: Path) -> None:
    bundle = load_bundle()
    copy = copy_of(bundle, tmp_path / "copy")
    assert load_bundle(copy.path) == copy
    copy_of(bundle, tmp_path / "copy")  # replaces the one that is there
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy"]
    (tmp_path / "link").symlink_to("copy")
    copy_of(replace(bundle, name="new"), tmp_path / "link")
    assert load_bundle(copy.path).name == "new"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["copy", "link"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "other"}, "not a clipkind model bundle"),
        ({"format_version": 99}, "format version 99"),
        ({"contract": {"version": 1}}, "contract"),
        ({"files": {}}, "does not list"),
        ({"files": {"../secret": "0"}}, "does not list"),
    ],
)
def test_a_bundle_of_another_make_is_refused_in_one_line(
    change: dict[str, object], word: str, tmp_path: Path
) -> None:
    copy = copy_of(load_bundle(), tmp_path / "copy")
    manifest = copy.path / "model.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | change))
    with pytest.raises(FileFormatError, match=word) as caught:
        load_bundle(copy.path)
    assert "\n" not in str(caught.value)


def test_no_bundle_at_all_says_what_a_bundle_is(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"model\.json"):
        load_bundle(tmp_path)
    (tmp_path / "model.json").write_text("{")
    with pytest.raises(FileFormatError, match="cannot be read"):
        load_bundle(tmp_path)


def test_a_card_of_other_classes_says_nothing_of_ours() -> None:
    bundle = load_bundle()
    names = ("Cats", "Dogs")
    result = bundle.measured["single"] | {
        "confusion": [[9, 1], [2, 8]],
        "f1": dict.fromkeys(names, 0.85),
        "baseline": None,
    }
    provenance = bundle.provenance | {"videos_by_class": dict.fromkeys(names, 10), "limits": []}
    provenance.pop("measured_outliers")  # of classes left out
    contract = replace(bundle.contract, class_names=names)
    other = replace(bundle, contract=contract, measured={"single": result}, provenance=provenance)
    card = model_card(other)
    assert not [name for name in bundle.contract.class_names if name in card]
    assert "public repositories" not in card
    assert "Taken for each other most, of 20: Cats and Dogs (3)." in card
    del provenance["limits"]
    assert model_card(other) == card
    provenance["limits"] = ["Only indoors."]
    assert "\n* Only indoors.\n" in model_card(other)


@pytest.fixture(scope="module")
def make_bundle() -> Any:
    """The script, as a module."""
    pytest.importorskip("torch")
    spec = importlib.util.spec_from_file_location(
        "make_bundle", ROOT / "scripts" / "make_bundle.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_features(path: Path, **changes: Any) -> Path:
    """Two videos, the second one changed."""
    contract = Contract(
        backbone="test",
        weights_sha256="0" * 64,
        feature_dim=3,
        num_frames=4,
        class_names=("Cats", "Dogs"),
    )
    plain = FeatureRow(
        id="a", path="a", group="a", label="Cats", sha256="", duration_s=1.0, fps=25.0,
        width=4, height=4, length=2, distinct=2,
    )  # fmt: skip
    with FeatureWriter(path, contract) as writer:
        for row in (plain, replace(plain, **({"id": "b", "group": "b"} | changes))):
            writer.add(row, np.ones((2, 3)))
    return path


@pytest.mark.parametrize(
    ("changes", "word"),
    [({"id": "c"}, "videos"), ({"label": "Dogs"}, "labels"), ({"group": "a"}, "groups")],
)
def test_modes_of_other_videos_labels_or_groups_are_not_measured(
    make_bundle: Any, changes: dict[str, str], word: str, tmp_path: Path
) -> None:
    first = write_features(tmp_path / "1.h5")
    assert len(make_bundle.read_modes([first, write_features(tmp_path / "2.h5")])) == 2
    other = write_features(tmp_path / "3.h5", **changes)
    with pytest.raises(SystemExit, match=rf"3\.h5 has other {word} than .*1\.h5"):
        make_bundle.read_modes([first, other])


def test_outlier_figures_are_only_those_of_the_same_videos_and_features(
    make_bundle: Any, tmp_path: Path
) -> None:
    (data,) = make_bundle.read_modes([write_features(tmp_path / "1.h5")])
    auroc = {"value": 0.9, "low": 0.8, "high": 1.0}
    results = {
        "date": "today", "folds": 5, "videos": 2, "groups": 2, "contract": data.contract.to_json(),
        "kinds": {"noise": {"videos": 3, "groups": 1, "auroc": auroc, "fpr_at_95_tpr": auroc}},
    }  # fmt: skip
    file = tmp_path / "outliers.json"
    assert make_bundle.measured_outliers(data, file) is None
    file.write_text(json.dumps(results))
    found = make_bundle.measured_outliers(data, file)
    assert found["kinds"] == {"noise": {"videos": 3, "groups": 1, "auroc": auroc}}
    other = replace(data.contract, num_frames=5).to_json()
    for change in ({"videos": 3}, {"groups": 1}, {"contract": other}):
        file.write_text(json.dumps(results | change))
        assert make_bundle.measured_outliers(data, file) is None


def test_nothing_is_claimed_of_the_data_or_backbone_that_was_not_said(
    make_bundle: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        make_bundle.parse(["f.h5", "--out", "b"])
    assert "--data" in capsys.readouterr().err
    found = make_bundle.parse(["f.h5", "--out", "b", "--data", "x", "--limits", "y"])
    assert (found.data, found.limits) == ("x", ["y"])
    lite = backbone_source("efficientnet_lite0_stages")
    assert lite == load_bundle().provenance["backbone_source"]
    assert "PyPI" not in backbone_source("resnet50")


def test_a_folder_that_is_not_there_is_told_from_one_that_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="nowhere does not exist"):
        load_bundle(tmp_path / "nowhere")
    with pytest.raises(FileFormatError, match=r"it has no model\.json"):
        load_bundle(tmp_path)
