"""`clipkind dataset check`: from a manifest to links, a page and what to do next."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from clipkind.cli.dataset_check import command
from clipkind.dataset.links import links_file, read_compared, read_links
from clipkind.dataset.manifest import Entry, write_manifest
from dataset.scenery import write_scene
from planted import Change, plant
from terminal import shown_by


def clipkind(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipkind.cli.main", "dataset", "check"]
    return subprocess.run(
        [*command, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        env={**os.environ, "COLUMNS": "200"},
    )


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Three scenes, a mirrored copy under another label, a broken file and a refused one."""
    videos = tmp_path / "videos"
    for number, name in enumerate(("a", "b", "c")):
        write_scene(videos / f"{name}.mp4", number, number, 2.0)
    plant(videos / "a.mp4", Change(mirror=True, crf=30), videos / "copy.mp4")
    (videos / "broken.mp4").write_text("no video")
    names = {"a": "Cat", "b": "Cat", "c": "Dog", "copy": "Dog", "broken": "Dog"}
    entries = [
        Entry(id=name, path=str(videos / f"{name}.mp4"), label=label, fps=12, width=256, height=144)
        for name, label in names.items()
    ]
    refused = replace(entries[0], id="", path="x.mp4", status="refused", reason="empty")
    path = tmp_path / "set.csv"
    write_manifest(path, [*entries, refused])
    return path


def test_a_mirrored_copy_under_another_label_is_found_and_the_manifest_stays(
    manifest: Path,
) -> None:
    before = manifest.read_bytes()
    done = clipkind(manifest, "--jobs", "2")
    assert done.returncode == 0, done.stderr
    (link,) = read_links(links_file(manifest))
    assert (link.a, link.b, link.how) == ("a", "copy", "mirrored")
    assert read_compared(links_file(manifest)) == {"a", "b", "c", "copy"}
    assert "broken.mp4: not_a_video" in done.stderr
    assert "5 videos of 5 sources, 4 where copies join them" in done.stdout
    found = "1 pair with the same footage, 1 across sources, 1 under different labels"
    assert found in done.stdout
    assert "1 video could not be read: not compared" in done.stdout
    assert "Cat and Dog" in done.stdout
    assert f"next:  clipkind dataset split {manifest}" in done.stdout
    page = manifest.with_suffix(".check.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2
    assert manifest.read_bytes() == before
    assert sorted(path.name for path in manifest.parent.iterdir()) == [
        "set.check.html",
        "set.csv",
        "set.fingerprints",
        "set.links.csv",
        "videos",
    ]


def test_a_second_run_needs_no_video_that_it_has_seen(manifest: Path) -> None:
    assert clipkind(manifest).returncode == 0
    first = links_file(manifest).read_bytes()
    links_file(manifest).unlink()
    seen = manifest.parent / "videos" / "b.mp4"
    times = seen.stat().st_atime_ns, seen.stat().st_mtime_ns
    # no video any more, but of the same size and time: only one that reads it again will notice
    seen.write_bytes(b"x" * seen.stat().st_size)
    os.utime(seen, ns=times)
    page = manifest.parent / "found.html"
    again = clipkind(manifest, "--out-html", page)
    assert again.returncode == 0, again.stderr
    assert "b.mp4" not in again.stderr
    assert links_file(manifest).read_bytes() == first
    assert page.is_file()


def test_wrong_input_is_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    table = tmp_path / "x.csv"
    table.write_text("name,price\nbread,3\n")
    missing, other = clipkind(tmp_path / "gone.csv"), clipkind(table)
    assert missing.returncode == other.returncode == 2
    assert "no path (or file_name) column" in other.stderr
    assert len(other.stderr.splitlines()) == 1
    table.write_text("path,label,status\na.mp4,Cat,refused\n")
    assert "lists no video that can be used" in clipkind(table).stderr
    table.write_text("path,label\na.mp4,Cat\n")
    for page in (table, tmp_path / "gone" / "x.html"):
        refused = clipkind(table, "--out-html", page)
        assert refused.returncode == 2
        assert "--out-html" in refused.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.csv"]
    assert table.read_text() == "path,label\na.mp4,Cat\n"


def test_rows_and_the_bars_share_no_line_of_a_terminal(manifest: Path) -> None:
    unreadable, head, *lines = shown_by(command, manifest)
    assert unreadable.startswith(f"unreadable: {manifest.parent / 'videos' / 'broken.mp4'}")
    assert head.split()[:2] == ["Class", "Videos"]
    assert "5 videos of 5 sources, 4 where copies join them" in lines
