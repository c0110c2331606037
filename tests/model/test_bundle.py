"""The bundled model: its card and README figure are what its records say; writing is one step."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from clipkind.errors import FileFormatError
from clipkind.model.bundle import DEFAULT_BUNDLE, Bundle, load_bundle, save_bundle
from clipkind.model.card import model_card

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
