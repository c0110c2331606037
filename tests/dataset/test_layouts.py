"""Labelled videos from a folder laid out by class, by split, or described by a table."""

import csv
import json
import os
from pathlib import Path

import pytest

from clipkind.dataset.layouts import Listed, items_of, list_videos
from clipkind.dataset.manifest import Entry, write_manifest
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
    items, passed_over = items_of(tmp_path)
    assert passed_over.by_name == 2
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
    items, passed_over = items_of(manifest(tmp_path, mark + newline.join(rows) + newline))
    assert not str(passed_over)
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


def placed(root: Path) -> dict[str, tuple[str, str, str]]:
    """Split, label and subcategory of each video, by its name."""
    return {v.name: (v.split, v.label, v.subcategory) for v in list_videos(root).videos}


def test_folders_named_after_splits_are_splits(tmp_path: Path) -> None:
    touch(
        tmp_path,
        "Train/Gaming/Chess/a.mp4",
        "validation/Gaming/b.mp4",
        "dev/Natural/c.mp4",
        "test/d.mp4",
        "notes/readme.txt",
    )
    assert placed(tmp_path) == {
        "Train/Gaming/Chess/a.mp4": ("train", "Gaming", "Chess"),
        "dev/Natural/c.mp4": ("val", "Natural", ""),
        "test/d.mp4": ("test", "", ""),
        "validation/Gaming/b.mp4": ("val", "Gaming", ""),
    }
    assert list_videos(tmp_path).class_folders == ("Gaming", "Natural")
    items, passed_over = items_of(tmp_path)
    assert [item.label for item in items] == ["Gaming", "Natural", "", "Gaming"]
    assert passed_over.by_name == 1


def test_a_class_called_train_beside_other_classes_is_a_class(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.mp4", "bus/b.mp4")
    assert placed(tmp_path) == {"train/a.mp4": ("", "train", ""), "bus/b.mp4": ("", "bus", "")}


def test_the_documented_layout_with_a_folder_of_videos_in_each_class(tmp_path: Path) -> None:
    touch(tmp_path, "Natural Content/videos/Cat/a.mp4", "Gaming/videos/b.mp4")
    assert placed(tmp_path) == {
        "Gaming/videos/b.mp4": ("", "Gaming", ""),
        "Natural Content/videos/Cat/a.mp4": ("", "Natural Content", "Cat"),
    }


def test_class_folders_without_videos_are_known_too(tmp_path: Path) -> None:
    touch(tmp_path, "Gaming/a.mp4", "Empty/notes.txt", ".cache/x.mp4", "b.mp4")
    assert list_videos(tmp_path).class_folders == ("Empty", "Gaming")


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_metadata_in_a_folder_says_what_the_videos_are(kind: str, tmp_path: Path) -> None:
    touch(tmp_path, "clips/a.mp4", "clips/b.mp4", "c.mp4", "notes.txt")
    rows = [
        {"file_name": "clips/a.mp4", "label": "Gaming", "source": "film 1"},
        {"file_name": "c.mp4", "label": "Natural", "source": ""},
        {"file_name": "gone.mp4", "label": "Natural", "source": ""},
    ]
    table = tmp_path / f"metadata.{kind}"
    if kind == "csv":
        table.write_text("\n".join(",".join(row) for row in [rows[0], *(r.values() for r in rows)]))
    elif kind == "jsonl":
        table.write_text("\n".join(json.dumps(row) for row in rows))
    else:
        pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs the train extra")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), table)
    in_folder, alone = list_videos(tmp_path), list_videos(table)
    assert {(v.name, v.label, v.group) for v in in_folder.videos} == {
        ("clips/a.mp4", "Gaming", "film 1"),
        ("clips/b.mp4", "", ""),
        ("c.mp4", "Natural", ""),
        ("gone.mp4", "Natural", ""),
    }
    assert in_folder.passed_over.by_name == 1
    assert {v.path for v in alone.videos} | {str(tmp_path / "clips/b.mp4")} == {
        v.path for v in in_folder.videos
    }


@pytest.mark.parametrize("split", ["", "train/"])
def test_what_systems_leave_in_folders_never_becomes_a_class(tmp_path: Path, split: str) -> None:
    touch(tmp_path, f"{split}Cats/a.mp4", f"{split}Cats/@eaDir/a.mp4", "lost+found/a.mp4")
    touch(tmp_path, f"{split}#recycle/b.mp4", f"{split}$RECYCLE.BIN/S-1-5/c.mp4")
    found = list_videos(tmp_path)
    assert [(v.label, v.split) for v in found.videos] == [("Cats", split[:-1])]
    assert found.class_folders == ("Cats",)
    assert found.passed_over.litter == 4


def test_metadata_without_labels_leaves_the_folders_their_say(tmp_path: Path) -> None:
    touch(tmp_path, "Gaming/Chess/a.mp4", "Gaming/b.mp4")
    (tmp_path / "metadata.csv").write_text(
        "file_name,text,group\nGaming/Chess/a.mp4,a game,film 1\n"
    )
    videos = list_videos(tmp_path).videos
    assert [(v.label, v.subcategory, v.group) for v in videos] == [
        ("Gaming", "", ""),
        ("Gaming", "Chess", "film 1"),
    ]


def test_each_split_folder_may_have_its_own_metadata(tmp_path: Path) -> None:
    touch(tmp_path, "train/a.mp4", "test/a.mp4")
    (tmp_path / "train" / "metadata.csv").write_text("file_name,label\na.mp4,Gaming\n")
    (tmp_path / "test" / "metadata.jsonl").write_text('{"file_name": "a.mp4", "label": "Natural"}')
    assert placed(tmp_path) == {
        "test/a.mp4": ("test", "Natural", ""),
        "train/a.mp4": ("train", "Gaming", ""),
    }
    assert not str(list_videos(tmp_path).passed_over)


def test_metadata_that_says_two_things_is_refused(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    table = tmp_path / "metadata.csv"
    table.write_text("file_name,label\na.mp4,Gaming\n./a.mp4,Natural\n")
    with pytest.raises(FileFormatError, match=r"line 3: lists \./a\.mp4 a second time"):
        list_videos(tmp_path)
    table.write_text("file_name,label\na.mp4,Gaming\n")
    touch(tmp_path, "metadata.jsonl")
    with pytest.raises(FileFormatError, match=r"has metadata\.csv and metadata\.jsonl; keep one"):
        list_videos(tmp_path)


def test_of_a_scanned_manifest_only_what_is_ok_is_extracted(tmp_path: Path) -> None:
    good = Entry(id="f" * 16, path=str(tmp_path / "a.mp4"), label="Gaming", split="validation")
    bad = Entry(id="0" * 16, path=str(tmp_path / "b.mp4"), status="refused", reason="too_short")
    write_manifest(tmp_path / "m.csv", [bad, good])
    assert items_of(tmp_path / "m.csv")[0] == [Item("f" * 16, good.path, "Gaming")]
    again, first = list_videos(tmp_path / "m.csv").videos
    assert again.refused
    assert first == Listed(name="a.mp4", path=good.path, id="f" * 16, label="Gaming", split="val")


def test_a_bad_line_of_a_table_in_a_folder_is_named(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "metadata.jsonl").write_text('{"label": "Gaming"}\n')
    with pytest.raises(FileFormatError, match=r"metadata\.jsonl, line 1: no path \(or file_name\)"):
        items_of(tmp_path)


@pytest.mark.corpus
def test_the_shared_clips_are_all_there_with_class_and_group(corpus: Path) -> None:
    items, _ = items_of(corpus / "manifest.csv")
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        assert len(items) == sum(1 for _ in csv.DictReader(file))
    assert {i.label for i in items} == {"Animation", "Flat_Content", "Gaming", "Natural_Content"}
    assert all(Path(item.path).is_file() and item.group for item in items)
