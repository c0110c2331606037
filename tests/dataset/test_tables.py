"""Rows of tables: missing values, other kinds of value, and damage that is named by its line."""

import json
import os
import sys
from pathlib import Path

import pytest

from clipkind.dataset.tables import read_rows
from clipkind.errors import FileFormatError, MissingDependency


def values(path: Path) -> list[dict[str, str]]:
    return [row.values for row in read_rows(path)]


def test_json_lines_give_text_whatever_the_values_are(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    records = [
        {"file_name": "é.mp4", "label": 3, "group": None, "objects": {"bbox": [1, 2]}},
        {"File_Name": "b.mp4", "label": "x\ny"},
    ]
    path.write_text("\ufeff" + "\n\n".join(json.dumps(record) for record in records))
    assert values(path) == [
        {"file_name": "é.mp4", "label": "3", "group": ""},
        {"file_name": "b.mp4", "label": "x\ny"},
    ]


def test_a_name_that_is_not_utf8_can_stand_in_json(tmp_path: Path) -> None:
    path = tmp_path / "metadata.jsonl"
    name = os.fsdecode(b"caf\xe9.mp4")
    path.write_text(json.dumps({"path": name}))
    assert values(path) == [{"path": name}]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'{"path": "b.mp4"', "is not JSON in UTF-8"),
        (b'{"path": "\xe9.mp4"}', "is not JSON in UTF-8"),
        (b'["b.mp4", "Cats"]', "is no JSON object; write one a line"),
        (b"[" * 100_000, "is n"),
        (b'{"path": "b.mp4", "label": ["Cats"]}', "label is a list; give text there"),
        (b'{"path": "\\ud800.mp4"}', r"path is no text: \ud800.mp4"),
    ],
)
def test_a_bad_line_of_json_is_named(line: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_bytes(b'{"path": "a.mp4"}\n' + line + b"\n")
    with pytest.raises(FileFormatError) as caught:
        read_rows(path)
    assert str(caught.value).startswith(f"{path}, line 2: {says}")
    assert "\n" not in str(caught.value)


def test_parquet_gives_the_columns_that_describe_videos(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="Parquet needs the train extra")
    from pyarrow import parquet

    table = pyarrow.table(
        {
            "file_name": ["a.mp4", "b.mp4"],
            "label": pyarrow.array(["Cats", None]).dictionary_encode(),
            "group": pyarrow.array([1.0, float("nan")]),
            "video": [b"\0" * 99, b""],
        }
    )
    parquet.write_table(table, tmp_path / "metadata.parquet")
    assert values(tmp_path / "metadata.parquet") == [
        {"file_name": "a.mp4", "label": "Cats", "group": "1.0"},
        {"file_name": "b.mp4", "label": "", "group": ""},
    ]
    data = (tmp_path / "metadata.parquet").read_bytes()
    for damaged in (data[:-20], b"path,label\n", b""):
        (tmp_path / "damaged.parquet").write_bytes(damaged)
        with pytest.raises(FileFormatError, match="is damaged or no Parquet file") as caught:
            read_rows(tmp_path / "damaged.parquet")
        assert "\n" not in str(caught.value)


def test_without_pyarrow_the_way_out_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingDependency, match=r"pip install 'clipkind\[train\]'"):
        read_rows(tmp_path / "metadata.parquet")
