"""A bundle whose model.json is damaged is refused in one line that names what is off."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from clipkind.errors import FileFormatError
from clipkind.model.bundle import load_bundle
from several_members import several_members

Data = dict[str, Any]


def setting(*keys: str | int, to: object) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        place[keys[-1]] = to

    return change


def lacking(*keys: str | int) -> Callable[[Data], None]:
    def change(data: Data) -> None:
        place: Any = data
        for key in keys[:-1]:
            place = place[key]
        del place[keys[-1]]

    return change


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return several_members(tmp_path / "bundle").path


def damage(bundle: Path, change: Callable[[Data], None]) -> None:
    manifest = bundle / "model.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    change(data)
    manifest.write_text(json.dumps(data), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (setting("files", to=["backbone.onnx"]), "files must be an object, not a list"),
        (setting("files", "backbone.onnx", to=None), "backbone.onnx was changed or damaged"),
        (setting("contract", "class_names", to=["A", "B", "C"]),
         "member 0 has num_classes 4, but the contract names 3 classes"),
        (setting("members", 2, "config", "num_classes", to=5), "member 2 has num_classes 5"),
        (setting("members", 1, "config", "num_classes", to=4.0), "must be an integer, not a num"),
        (lacking("members", 1, "config", "num_classes"), "member 1 lacks 'num_classes'"),
        (setting("members", to=[]), "members is empty"),
        (setting("members", to={}), "members must be a list"),
        (setting("members", 1, to="member-1"), "member 1 must be an object, not a text"),
        (setting("members", 0, "name", to=0), "member 0: name must be a text"),
        (setting("members", 0, "config", to=None), "member 0: config must be an object, not null"),
        (setting("measured", to=None), "measured must be an object, not null"),
        (setting("provenance", to=True), "provenance must be an object, not true or false"),
        (setting("name", to=1), "name must be a text, not an integer"),
        (setting("contract", to=[]), "contract must be an object, not a list"),
        (lacking("provenance"), "lacks 'provenance'"),
    ],
)  # fmt: skip
def test_what_is_off_in_a_damaged_model_json_is_named_in_one_line(
    change: Callable[[Data], None], words: str, bundle: Path
) -> None:
    damage(bundle, change)
    with pytest.raises(FileFormatError) as caught:
        load_bundle(bundle)
    message = str(caught.value)
    assert words in message
    assert str(bundle) in message
    assert "\n" not in message


def test_the_command_tells_of_it_in_one_line_too(bundle: Path) -> None:
    damage(bundle, setting("measured", to=None))
    command = [sys.executable, "-m", "clipkind.cli.main", "classify", "--model", str(bundle),
               "--multi-scale", "aligned", "a.mp4"]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("clipkind: ")
    assert done.stderr.count("\n") == 1
