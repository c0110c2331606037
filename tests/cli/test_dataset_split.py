"""`clipkind dataset split` as people call it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from clipkind.dataset.links import Link, write_links
from clipkind.dataset.splits.table import read_split


def clipkind(*arguments: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipkind.cli.main", "dataset", "split", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, cwd=cwd,
        env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def manifest(folder: Path, count: int = 10, classes: tuple[str, ...] = ("cats", "[b]dogs")) -> Path:
    path = folder / "my videos.csv"
    rows = [
        f"{label}/{n}.mp4,{label},{'tabby' if n < 3 else ''}"
        for label in classes
        for n in range(count)
    ]
    path.write_text("\n".join(["path,label,subcategory", *rows]) + "\n")
    return path


def numbers(output: str, start: str) -> list[str]:
    (line,) = (line for line in output.splitlines() if line.startswith(start))
    return line.removeprefix(start).split()


def test_a_table_a_verdict_and_what_to_do_next(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    first = clipkind(source.name, cwd=tmp_path)
    assert first.returncode == 0, first.stderr
    row = ["7", "70.0%", "7", "2", "20.0%", "2", "1", "10.0%", "1"]
    assert numbers(first.stdout, "cats") == numbers(first.stdout, "[b]dogs") == row
    assert numbers(first.stdout, "all")[0] == "14"
    assert "NOT looked for" in first.stdout
    assert "0 of 20 groups cross; sources are not known" in first.stdout
    assert "clipkind dataset check 'my videos.csv'" in first.stdout
    split = read_split(tmp_path / "my videos.split.csv")
    copy = Link(a=split.ids("train")[0], b=split.ids("test")[0], score=1)
    write_links(tmp_path / "my videos.links.csv", [copy])
    second = clipkind(source.name, cwd=tmp_path)
    assert "0 near-duplicates cross (1 links checked)" in second.stdout
    assert "0 of 19 groups cross" in second.stdout
    assert "19 videos stand where they stood, 0 new" in second.stdout
    assert "Excluded: 1, " in second.stdout
    assert "--split 'my videos.split.csv'" in second.stdout
    assert "older than" not in second.stdout
    os.utime(tmp_path / "my videos.links.csv", (1, 1))
    third = clipkind(source.name, "--fresh", cwd=tmp_path)
    assert "Excluded" not in third.stdout
    assert "my videos.links.csv is older than my videos.csv" in third.stdout
    fresh = read_split(tmp_path / "my videos.split.csv").sides
    assert fresh[copy.a] == fresh[copy.b]


def test_videos_without_a_source_are_told_apart_from_those_with_one(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    lines = source.read_text().splitlines()
    for groups, told in ((lambda n: f"film {n % 9}", 0), (lambda n: f"film {n}" * (n > 4), 5)):
        rows = [f"{line},{groups(n)}" for n, line in enumerate(lines[1:])]
        source.write_text("\n".join([f"{lines[0]},group", *rows]) + "\n")
        done = clipkind(source.name, "--fresh", cwd=tmp_path)
        assert "sources are not known" not in done.stdout
        assert (f"of {told} of 20 videos no source is known" in done.stdout) == bool(told)
        text = (tmp_path / "my videos.split.certificate.json").read_text()
        assert json.loads(text)["without_source"] == told


def test_videos_that_nobody_has_compared_are_told(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    ids = [f"{label}/{n}.mp4" for label in ("cats", "[b]dogs") for n in range(10)]
    found = tmp_path / "my videos.links.csv"
    write_links(found, [], compared=ids)
    whole = clipkind(source.name, cwd=tmp_path)
    assert "0 near-duplicates cross (20 videos compared, 0 pairs alike)" in whole.stdout
    assert "NOT compared" not in whole.stdout
    write_links(found, [], compared=ids[3:])
    part = clipkind(source.name, cwd=tmp_path)
    assert "0 near-duplicates cross (17 videos compared, 0 pairs alike)" in part.stdout
    assert "NOT compared: 3, added since" in part.stdout


def test_folds_and_held_out_subcategories(tmp_path: Path) -> None:
    source = manifest(tmp_path)
    done = clipkind(source, "--kfold", "5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert numbers(done.stdout, "cats") == ["2", "2"] * 5
    assert (tmp_path / "my videos.fold4.certificate.json").is_file()
    done = clipkind(source, "--holdout", "tabby", "--out", "held.csv", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert len(read_split(tmp_path / "held.csv").ids("test")) == 6
    wrong = clipkind(source, "--holdout", "Taby", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "did you mean tabby" in wrong.stderr
    both = clipkind(source, "--holdout", "tabby", "--kfold", "3", cwd=tmp_path)
    assert both.returncode == 2
    assert "leave out --holdout" in both.stderr


def test_what_cannot_be_divided_ends_in_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    source = manifest(tmp_path, 2)
    for arguments in (
        [source],
        [source, "--ratios", "70", "20", "20"],
        [manifest(tmp_path, classes=("Cats", "cats"))],
        ["absent.csv"],
    ):
        done = clipkind(*arguments, cwd=tmp_path)
        assert done.returncode == 2
        assert len(done.stderr.splitlines()) == 1
        assert done.stderr.startswith("clipkind: ")
        assert done.stdout == ""
    assert [path.name for path in tmp_path.iterdir()] == [source.name]
