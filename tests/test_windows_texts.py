"""Files saved by Windows' editors, with a byte order mark and CRLF, read as what they were."""

import json
import shutil
from codecs import BOM_UTF8
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from clipkind.cli.classify import command
from clipkind.cli.serve import read_token
from clipkind.dataset.layouts import list_videos
from clipkind.dataset.links import Link, read_compared, read_links, write_links
from clipkind.dataset.manifest import Entry, is_own, read_manifest, write_manifest
from clipkind.dataset.splits.run import SplitSettings, split_dataset
from clipkind.dataset.splits.table import SplitRow, SplitTable, read_split, write_split
from clipkind.dataset.taxonomy import load_taxonomy
from clipkind.dataset.youtube8m.plan import read_plan, read_vocabulary
from clipkind.model.bundle import DEFAULT_BUNDLE, load_bundle
from clipkind.training.recipe import RECIPES
from clipkind.training.recipe_file import dump_recipe, load_recipe
from clipkind.training.run import MemberResult, Run, load_run, open_run, read_result, write_result
from clipkind.web.models import Models
from clipkind.workflow.split_file import read_given_split

Made = tuple[Path, Callable[[Path], object]]
"""A file, and what reads it."""


def _text(text: str, name: str, read: Callable[[Path], object]) -> Callable[[Path], Made]:
    def make(folder: Path) -> Made:
        (folder / name).write_text(text)
        return folder / name, read

    return make


def _manifest(folder: Path) -> Made:
    entries = [Entry(id=f"{n:016}", path=f"{n}.mp4", label="ab"[n % 2]) for n in range(40)]
    write_manifest(folder / "m.csv", entries)
    return folder / "m.csv", lambda path: (read_manifest(path), is_own(path))


def _split(folder: Path) -> Made:
    write_split(folder / "s.csv", SplitTable((SplitRow("é1", "train", "a", "", "g"),)))
    return folder / "s.csv", lambda path: (read_split(path), read_given_split(path))


def _certificate(folder: Path) -> Made:
    source, _ = _manifest(folder)
    split_dataset(source, settings=SplitSettings(seed=3))

    def again(_: Path) -> object:
        return split_dataset(source, settings=SplitSettings(seed=3))[0].continued

    return folder / "m.split.certificate.json", again


def _links(folder: Path) -> Made:
    write_links(folder / "l.csv", [Link(a="a", b="b", score=1.0)], compared=["a", "b"])
    return folder / "l.csv", lambda path: (read_links(path), read_compared(path))


def _recipe(folder: Path) -> Made:
    (folder / "r.toml").write_text(dump_recipe(RECIPES["documented"]))
    return folder / "r.toml", lambda path: load_recipe(str(path))


def _run(folder: Path) -> Made:
    open_run(Run(folder, RECIPES["default"], (1, 2), {}))
    return folder / "run.json", lambda path: load_run(path.parent)


def _result(folder: Path) -> Made:
    write_result(folder, MemberResult("member-0", 42, 1, None, 3))
    return folder / "result.json", lambda path: read_result(path.parent)


def _bundle(folder: Path) -> Made:
    shutil.copytree(DEFAULT_BUNDLE, folder / "model")
    return folder / "model" / "model.json", lambda path: load_bundle(path.parent).contract


def _card(folder: Path) -> Made:
    shutil.copytree(DEFAULT_BUNDLE, folder / "model")

    def card(path: Path) -> object:
        models = Models([path.parent])
        return models.describe(models.default)["card"].split()

    return folder / "model" / "README.md", card


_VOCABULARY = "KnowledgeGraphId,Name\n/m/0kt51,Naruto\n"
_READERS = {
    "manifest": _manifest,
    "table": _text("path,label\né.mp4,a\n", "t.csv", list_videos),
    "jsonl": _text('{"path": "é.mp4", "label": "a"}\n', "t.jsonl", list_videos),
    "split": _split,
    "certificate": _certificate,
    "links": _links,
    "taxonomy": _text('[classes]\na = ["é"]\nb = []\n', "t.toml", load_taxonomy),
    "recipe": _recipe,
    "run": _run,
    "result": _result,
    "bundle": _bundle,
    "card": _card,
    "vocabulary": _text(_VOCABULARY, "v.csv", lambda path: read_vocabulary(str(path))),
    "plan": _text("id,name,count,label\n0kt51,a,3,b\n", "p.csv", read_plan),
    "list": _text(
        "Naruto:3\n", "l.txt", lambda path: read_plan(path, _vocabulary(path.parent), "b")
    ),
    "token": _text("0123456789abcdef\n", "token", read_token),
}


def _vocabulary(folder: Path) -> str:
    path = folder / "vocabulary.csv"
    path.write_text(_VOCABULARY)
    return str(path)


@pytest.mark.parametrize("what", _READERS)
def test_a_text_saved_by_a_windows_editor_reads_the_same(tmp_path: Path, what: str) -> None:
    path, read = _READERS[what](tmp_path)
    before = read(path)
    data = path.read_bytes()
    path.write_bytes(BOM_UTF8 + data.replace(b"\n", b"\r\n"))
    assert repr(read(path)) == repr(before)


def test_names_on_standard_input_too() -> None:
    listed = BOM_UTF8 + "é.mp4\r\nb.mp4\r\n".encode()
    done = CliRunner().invoke(command, ["--json", "-"], input=listed)
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(a["path"], a["reason"]) for a in answers] == [
        ("é.mp4", "missing"),
        ("b.mp4", "missing"),
    ]
