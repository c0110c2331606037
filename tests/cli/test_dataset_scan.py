"""`clipkind dataset scan`: what a person sees of a folder, and what is written."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clipkind.cli.dataset_scan import command
from clipkind.dataset.manifest import Entry, read_manifest, write_manifest
from interrupting import start
from media import numbered_frames, write_video
from terminal import shown_by


def scan(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipkind.cli.main", "dataset", "scan", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=folder
    )


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """Two classes of one video each."""
    for number, name in enumerate(("Cats", "Dogs")):
        (tmp_path / "videos" / name).mkdir(parents=True)
        frames = numbered_frames(30, (160, 120), 40 * number)
        write_video(tmp_path / "videos" / name / "a.mp4", frames)
    return tmp_path / "videos"


def test_a_clean_folder_gives_a_table_a_manifest_and_no_complaint(videos: Path) -> None:
    done = scan(videos.parent, "videos")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["Class", "Videos", "Refused", "Subcategories", "Minutes"]
    assert [line.split()[:3] for line in lines[1:3]] == [["Cats", "1", "0"], ["Dogs", "1", "0"]]
    assert lines[3:] == [
        "manifest.csv: 2 files = 2 ok + 0 refused",
        "next:  clipkind dataset check manifest.csv",
    ]
    assert not done.stderr.strip()
    entries = read_manifest(videos.parent / "manifest.csv")
    assert [entry.label for entry in entries] == ["Cats", "Dogs"]
    again = scan(videos.parent, "manifest.csv", "--out", "manifest.csv")
    assert again.stdout == done.stdout
    assert read_manifest(videos.parent / "manifest.csv") == entries


def test_what_is_wrong_is_named_counted_and_the_exit_code_says_so(videos: Path) -> None:
    (videos / "Cats" / "b.mp4").write_text("no video")
    (videos / "Cats" / "\x1b[31m:smile:\n[b]x.mp4").write_text("no video")
    (videos / "Dogs" / "b.mp4").write_bytes((videos / "Cats" / "a.mp4").read_bytes())
    (videos / "Cats" / "notes.txt").touch()
    (videos / "loose.mp4").write_bytes((videos / "Dogs" / "a.mp4").read_bytes() + b"\0")
    done = scan(videos.parent, "videos", "--out", "m.csv", "--jobs", "1")
    assert done.returncode == 1
    assert done.stdout.splitlines()[-5:] == [
        "m.csv: 6 files = 3 ok + 3 refused (2 not_a_video, 1 duplicate)",
        "passed over in the folders: 1 no videos by name",
        "duplicates whose label is not that of the file kept: 1",
        "ok files without a label: 1",
        "next:  clipkind dataset check m.csv",
    ]
    assert "refused: videos/Dogs/b.mp4: duplicate: has the same content as" in done.stderr
    assert r"videos/Cats/\x1b[31m:smile:\x0a[b]x.mp4: not_a_video" in done.stderr
    assert "\x1b" not in done.stderr + done.stdout


def test_many_refused_files_do_not_flood_the_screen(videos: Path) -> None:
    for number in range(15):
        (videos / "Cats" / f"{number}.mp4").write_text(f"no video {number}")
    done = scan(videos.parent, "videos")
    assert done.stderr.count("refused: ") == 10
    assert "and 5 more, listed in manifest.csv" in done.stderr
    assert len(read_manifest(videos.parent / "manifest.csv")) == 17


def test_a_taxonomy_by_name_or_file(videos: Path) -> None:
    unknown = scan(videos.parent, "videos", "--taxonomy", "documented")
    assert unknown.returncode == 2
    assert unknown.stderr.splitlines()[-1].startswith("clipkind: 'Cats' (is it Cat")
    assert not (videos.parent / "manifest.csv").exists()
    (videos.parent / "own.toml").write_text(
        "[classes]\nPets = ['cats', 'birds']\nOthers = ['dogs']\n"
    )
    (videos / "Cats" / "tabby").mkdir()
    done = scan(videos.parent, "videos", "--taxonomy", "own.toml")
    assert done.returncode == 0, done.stderr
    assert [(e.label, e.subcategory) for e in read_manifest(videos.parent / "manifest.csv")] == [
        ("Pets", "cats"),
        ("Others", "dogs"),
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "clipkind: nowhere: there is no such file; give a folder of videos or a "),
        (("videos", "--out", "other.csv"), "clipkind: other.csv: exists and is no manifest by "),
        (("videos", "--out", "m.txt"), "clipkind: --out m.txt: a manifest's name ends in .csv"),
        (("videos", "--out", "no/m.csv"), "clipkind: --out no/m.csv: there is no such folder; "),
        (("videos", "--taxonomy", "no.toml"), "clipkind: no.toml: No such file or directory"),
        (("bad.csv",), "clipkind: bad.csv, from line 2 on: is not CSV (unexpected end of data)"),
        (("videos/Cats/a.mp4",), "clipkind: videos/Cats/a.mp4: is no folder or table; give "),
    ],
)
def test_wrong_usage_is_one_line_and_nothing_is_written(
    arguments: tuple[str, ...], says: str, videos: Path
) -> None:
    (videos.parent / "other.csv").write_text("name,size\na,1\n")
    (videos.parent / "bad.csv").write_text('path,label\n"a.mp4,Cats\n')
    done = scan(videos.parent, *arguments)
    assert done.returncode == 2
    assert done.stderr.splitlines()[-1].startswith(says)
    assert not done.stdout
    names = {path.name for path in videos.parent.iterdir()}
    assert names == {"videos", "other.csv", "bad.csv"}


def test_a_refused_data_set_leaves_the_manifest_of_before(videos: Path) -> None:
    write_manifest(videos.parent / "manifest.csv", [Entry(id="1", path="/a.mp4")])
    before = (videos.parent / "manifest.csv").read_bytes()
    (videos / "Birds").mkdir()
    done = scan(videos.parent, "videos")
    assert done.returncode == 2
    assert "class folder 'Birds' holds no video" in done.stderr
    assert (videos.parent / "manifest.csv").read_bytes() == before


def test_ctrl_c_ends_it_in_one_line_and_nothing_is_written(tmp_path: Path) -> None:
    for number in range(3000):  # seconds of work
        (tmp_path / f"{number}.mp4").write_text(f"no video {number}")
    command = [sys.executable, "-m", "clipkind.cli.main", "dataset", "scan", ".", "-j", "1"]
    with start(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        while not children.read_text():  # until the decoding process is there
            time.sleep(0.01)
        decoder = Path("/proc") / children.read_text().strip()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors.strip() == "clipkind: stopped"
    until = time.monotonic() + 20.0  # it ends by itself once its work is gone
    while decoder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not decoder.exists()
    assert not list(tmp_path.glob("manifest*"))


def test_videos_without_classes_are_not_sent_on_to_training(tmp_path: Path) -> None:
    (tmp_path / "flat").mkdir()
    write_video(tmp_path / "flat" / "a.mp4", numbered_frames(30))
    done = scan(tmp_path, "flat", "--out", "set.csv")
    assert done.returncode == 0, done.stderr
    assert "ok files without a label: 1" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("next:  put the videos into one folder a class")


def test_rows_and_the_bar_share_no_line_of_a_terminal(videos: Path) -> None:
    (videos / "Cats" / "b.mp4").write_text("no video")
    out = videos.parent / "m.csv"
    refused, head, cats, dogs, *lines = shown_by(command, videos, "--out", out)
    assert refused.startswith(f"refused: {videos / 'Cats' / 'b.mp4'}: not_a_video")
    assert [line.split()[0] for line in (head, cats, dogs)] == ["Class", "Cats", "Dogs"]
    assert lines[0] == f"{out}: 3 files = 2 ok + 1 refused (1 not_a_video)"
