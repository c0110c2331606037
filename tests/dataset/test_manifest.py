"""Manifests come back as they were written, and any CSV with a path and a label is one."""

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.manifest import Entry, is_own, read_manifest, write_manifest
from clipkind.errors import FileFormatError
from clipkind.text import composed

names = st.binary(min_size=1, max_size=8).map(os.fsdecode).filter(lambda n: not {*n} & {*"/\0"})
paths = st.lists(names.filter(lambda n: n not in (".", "..")), min_size=1, max_size=3)
texts = st.text(max_size=8) | st.text('a,"\r\n ', max_size=8) | names
labels = texts.map(composed)
figures = st.floats(0, 1e9, allow_nan=False)
entries = st.builds(
    Entry,
    id=st.text("0123456789abcdef", min_size=16, max_size=16),
    path=st.tuples(st.sampled_from(["data", "else/where"]), paths).map(
        lambda place: "/".join(("", place[0], *place[1]))
    ),
    label=labels,
    subcategory=labels,
    group=labels,
    split=labels,
    duration_s=figures,
    fps=figures,
    width=st.integers(0, 10**5),
    height=st.integers(0, 10**5),
    status=st.sampled_from(["ok", "refused"]),
    reason=labels,
    message=texts,
)


@settings(max_examples=100, deadline=None)
@given(st.lists(entries, max_size=5, unique_by=lambda entry: entry.id))
def test_any_entries_come_back_as_they_were(listed: list[Entry]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        inside = [replace(e, path=e.path.replace("/data", folder, 1)) for e in listed]
        write_manifest(Path(folder) / "m.csv", inside)
        assert read_manifest(Path(folder) / "m.csv") == inside
        assert os.listdir(folder) == ["m.csv"]  # noqa: PTH208


def test_refused_files_that_cannot_be_read_come_back_without_an_id(tmp_path: Path) -> None:
    lost = [Entry(id="", path=f"/{n}.mp4", status="refused", reason="missing") for n in "ab"]
    write_manifest(tmp_path / "m.csv", lost)
    assert read_manifest(tmp_path / "m.csv") == lost


def test_videos_below_a_manifest_move_with_it_and_others_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data" / "clips").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    listed = [
        Entry(id="1", path="data/clips/a.mp4"),
        Entry(id="2", path=str(tmp_path / "data" / "b.mp4")),
        Entry(id="3", path="data/../c.mp4"),
        Entry(id="4", path="database/d.mp4"),
    ]
    write_manifest(Path("data/m.csv"), listed)
    shutil.move("data", "moved")
    assert [entry.path for entry in read_manifest(Path("moved/m.csv"))] == [
        "moved/clips/a.mp4",
        "moved/b.mp4",
        str(tmp_path / "c.mp4"),
        str(tmp_path / "database" / "d.mp4"),
    ]


def test_a_plain_list_of_paths_and_labels_is_a_manifest(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("File_Name, Category ,source,width\nx/a.mp4,Cats,film 1,320\nb.mp4,Dogs,,\n")
    first, second = read_manifest(path)
    assert first == Entry(
        id="x/a.mp4", path=str(tmp_path / "x/a.mp4"), label="Cats", group="film 1", width=320
    )
    assert (second.id, second.label, second.group, second.status) == ("b.mp4", "Dogs", "", "ok")


def test_a_group_column_counts_more_than_a_source_column(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text("path,label,source,group\na.mp4,Cats,youtube,channel 7\nb.mp4,Cats,youtube,\n")
    assert [entry.group for entry in read_manifest(path)] == ["channel 7", ""]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("path,name\na.mp4,Cats\n", "line 2: no label column there"),
        ("name,label\na.mp4,Cats\n", "line 2: no path (or file_name) column there"),
        ("path,label,fps\na.mp4,Cats,25\nb.mp4,Cats,fast\n", "line 3: fps cannot be 'fast'"),
        ("path,label,fps\na.mp4,Cats,-1\n", "line 2: fps cannot be '-1'"),
        ("path,label,width\na.mp4,Cats,nan\n", "line 2: width cannot be 'nan'"),
        ("path,label,status\na.mp4,Cats,fine\n", "line 2: status 'fine' is not ok or refused"),
        ("path,label\na.mp4,Cats\n\na.mp4,Dogs\n", "line 4: lists the video a.mp4 a second time"),
        ('path,label\na.mp4,Cats\n"b.mp4,Dogs\nc.mp4,Dogs\n', "from line 3 on: is not CSV"),
        ("path,label\na.mp4,Cats\nb, c.mp4,Cats\n", "line 3: has more cells than the head"),
        ("path,label\n\u00e9.mp4,Cats\n".encode("latin-1"), "is not a CSV file in UTF-8"),
        (b"\x89PNG\r\n\x1a\n\0\0", "is not a CSV file in UTF-8"),
    ],
)
def test_what_is_no_manifest_is_refused_in_one_line_that_says_where(
    text: str | bytes, says: str, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError) as caught:
        read_manifest(path)
    assert str(caught.value).startswith(str(path))
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)


def test_only_what_clipkind_wrote_is_its_own(tmp_path: Path) -> None:
    write_manifest(tmp_path / "own.csv", [])
    assert is_own(tmp_path / "own.csv")
    (tmp_path / "more.csv").write_text((tmp_path / "own.csv").read_text().strip() + ",notes\n")
    assert not is_own(tmp_path / "more.csv")
    (tmp_path / "noise.csv").write_bytes(b"\xff" * 5000)
    assert not is_own(tmp_path / "noise.csv")


@pytest.mark.corpus
def test_the_shared_clips_are_a_manifest_with_figures(corpus: Path) -> None:
    listed = read_manifest(corpus / "manifest.csv")
    assert all(Path(e.path).is_file() and e.label and e.group and e.fps > 0 for e in listed)
    assert len({entry.id for entry in listed}) == len(listed)
