"""A manifest given for the split file is told from one, with what makes the other."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from clipkind.errors import FileFormatError
from clipkind.workflow.split_file import read_given_split

ROWS = [f"{kind}{n}.mp4,{kind},{kind}{n}" for kind in ("cat", "dog") for n in range(12)]


def manifest(path: Path, head: str = "path,label,group", after: str = "") -> Path:
    path.write_text("\n".join([head, *(row + after for row in ROWS)]) + "\n")
    return path


@pytest.mark.parametrize(
    ("head", "after"),
    [
        ("path,label,group", ""),
        ("file_name,category,source", ""),
        ("path,label,group,split", ","),  # as `dataset scan` writes where no folder is a split
    ],
)
def test_a_manifest_is_refused_with_the_command_that_splits_it(
    tmp_path: Path, head: str, after: str
) -> None:
    path = manifest(tmp_path / "my clips.csv", head, after)
    with pytest.raises(FileFormatError) as caught:
        read_given_split(path)
    message = str(caught.value)
    assert "no `split` column" in message
    assert f"run  clipkind dataset split '{path}'  and give the my clips.split.csv" in message
    assert "--fresh" not in message


def test_the_command_that_is_told_makes_a_split_that_is_then_told_of(tmp_path: Path) -> None:
    path = manifest(tmp_path / "clips.csv")
    with pytest.raises(FileFormatError) as caught:
        read_given_split(path)
    told = str(caught.value).partition("run  clipkind ")[2].partition("  and")[0]
    command = [sys.executable, "-m", "clipkind.cli.main", *shlex.split(told)]
    subprocess.run(command, check=True, capture_output=True)
    made = tmp_path / "clips.split.csv"
    assert len(read_given_split(made).rows) == len(ROWS)
    with pytest.raises(FileFormatError, match=r"give .*clips\.split\.csv, which stands beside"):
        read_given_split(path)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"id,label\na,b\n", "no column split"),
        (b"path,label\n\xff,b\n", "is not a CSV file"),
        (b"", "no column"),
        (b"id,split,label,subcategory,group,path\na,side,b,,,a.mp4\n", "none of train"),
    ],
)
def test_what_is_no_manifest_is_told_of_as_before(
    tmp_path: Path, content: bytes, told: str
) -> None:
    path = tmp_path / "s.csv"
    path.write_bytes(content)
    with pytest.raises(FileFormatError, match=told):
        read_given_split(path)
