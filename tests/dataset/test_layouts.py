"""Labelled videos from a folder laid out by class, or from a CSV file."""

import csv
import os
from pathlib import Path

import pytest

from clipkind.dataset.layouts import items_of
from clipkind.errors import FileFormatError
from clipkind.features.extract import Item


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def manifest(folder: Path, text: str, encoding: str = "utf-8") -> Path:
    path = folder / "manifest.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_folders_are_classes_and_folders_in_them_subcategories(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "Gaming/Chess/a.mp4",
        "Gaming/Chess/deeper/b.mp4",
        "Gaming/c.mp4",
        "Natural/d.mkv",
        "loose.mp4",
        "notes.txt",
        "Gaming/.hidden.mp4",
        "Gaming/cover.png",
    )
    items, skipped = items_of(tmp_path)
    assert skipped == 2
    assert {(i.id, i.label, i.subcategory) for i in items} == {
        ("Gaming/Chess/a.mp4", "Gaming", "Chess"),
        ("Gaming/Chess/deeper/b.mp4", "Gaming", "Chess"),
        ("Gaming/c.mp4", "Gaming", ""),
        ("Natural/d.mkv", "Natural", ""),
        ("loose.mp4", "", ""),
    }
    assert all(Path(item.path) == tmp_path / item.id for item in items)


def test_a_folder_without_class_folders_is_unlabelled(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "b.mp4")
    items, _ = items_of(tmp_path)
    assert items == [Item(id=n, path=str(tmp_path / n)) for n in ("a.mp4", "b.mp4")]


def test_ids_do_not_depend_on_where_the_folder_is_named_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "clips/Gaming/a.mp4")
    absolute, _ = items_of(tmp_path / "clips")
    monkeypatch.chdir(tmp_path / "clips" / "Gaming")
    for source in ("..", "../../clips/"):
        relative, _ = items_of(Path(source))
        assert [item.id for item in relative] == [item.id for item in absolute]
        assert Path(relative[0].path).samefile(absolute[0].path)


def test_names_that_are_not_utf8_are_items_too(tmp_path: Path) -> None:
    os.mkdir(os.path.join(os.fsencode(tmp_path), b"\xe9"))  # noqa: PTH102, PTH118 - bytes
    name = os.path.join(os.fsencode(tmp_path), b"\xe9", b"caf\xe9.mp4")  # noqa: PTH118
    with open(name, "wb"):  # noqa: PTH123
        pass
    (item,), _ = items_of(tmp_path)
    assert os.fsencode(item.path) == name
    assert os.fsencode(item.id) == b"\xe9/caf\xe9.mp4"
    assert os.fsencode(item.label) == b"\xe9"


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_every_column_of_a_manifest_is_used(mark: str, newline: str, tmp_path: Path) -> None:
    rows = [
        "path,label,subcategory,group,id,rating",
        "clips/a.mp4,Gaming,Chess,film 1,one,5",
        '"clips/with, comma.mp4",Natural,,,two,',
        "/elsewhere/日本.mp4,,,,three,1",
    ]
    items, skipped = items_of(manifest(tmp_path, mark + newline.join(rows) + newline))
    assert skipped == 0
    assert items == [
        Item("one", str(tmp_path / "clips/a.mp4"), "Gaming", "Chess", "film 1"),
        Item("two", str(tmp_path / "clips/with, comma.mp4"), "Natural"),
        Item("three", "/elsewhere/日本.mp4"),
    ]


@pytest.mark.parametrize("column", ["path", "file_name"])
def test_only_the_path_is_needed_and_then_is_the_id(column: str, tmp_path: Path) -> None:
    items, _ = items_of(manifest(tmp_path, f"{column}\na.mp4\n\nb/c.mp4\n"))
    assert items == [Item(n, str(tmp_path / n)) for n in ("a.mp4", "b/c.mp4")]


def test_columns_may_be_missing_at_the_end_of_a_row(tmp_path: Path) -> None:
    (item,), _ = items_of(manifest(tmp_path, "path,label,group\na.mp4,Gaming\n"))
    assert (item.label, item.group) == ("Gaming", "")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("name,label\na.mp4,Gaming\n", 2),
        ("path;label\na.mp4;Gaming\n", 2),
        ("path,label\na.mp4,Gaming\n,Natural\n", 3),
        ("path,label\n\na.mp4,Gaming\n\n,Natural\n", 5),
        ('path,label\n"a\nb.mp4",Gaming\n,Natural\n', 4),
    ],
)
def test_a_row_without_a_path_is_refused_with_its_line(
    text: str, line: int, tmp_path: Path
) -> None:
    path = manifest(tmp_path, text)
    with pytest.raises(FileFormatError) as caught:
        items_of(path)
    assert str(caught.value) == f"{path}, line {line}: no path (or file_name) column there"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_manifest_in_another_encoding_is_refused_in_one_line(
    encoding: str, tmp_path: Path
) -> None:
    path = manifest(tmp_path, "path\ncafé.mp4\n", encoding)
    with pytest.raises(FileFormatError, match="not a CSV file in UTF-8") as caught:
        items_of(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("name", ["absent", "absent.csv", "list.txt", "video.mp4", "new\nline.csv"])
def test_what_is_neither_folder_nor_manifest_is_refused_in_one_line(
    name: str, tmp_path: Path
) -> None:
    touch(tmp_path, "list.txt", "video.mp4")
    with pytest.raises(FileFormatError, match=r"folder of videos or a \.csv manifest") as caught:
        items_of(tmp_path / name)
    assert "\n" not in str(caught.value)


@pytest.mark.corpus
def test_the_shared_clips_are_all_there_with_class_and_group(corpus: Path) -> None:
    items, _ = items_of(corpus / "manifest.csv")
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        assert len(items) == sum(1 for _ in csv.DictReader(file))
    assert {i.label for i in items} == {"Animation", "Flat_Content", "Gaming", "Natural_Content"}
    assert all(Path(item.path).is_file() and item.group for item in items)
