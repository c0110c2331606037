"""`clipkind fit`: a folder of a user's own classes becomes a model, in one resumable command."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from clipkind.dataset.splits.table import read_split
from clipkind.features.store import open_features
from media import write_video
from yuv import Pixels

VIDEOS = 12
"""Of each class, each from a source of its own."""


def clipkind(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)


def drawn(label: str, number: int) -> Iterator[Pixels]:
    """Coarse blocks or fine stripes, in colours of the video's own, moving."""
    random = np.random.default_rng([number, label == "Stripes"])
    if label == "Blocks":
        pattern = random.integers(0, 255, (6, 6, 3)).repeat(24, 0).repeat(24, 1)
    else:
        lines = random.integers(0, 255, (36, 1, 3)).repeat(4, 0).repeat(144, 1)
        pattern = lines + random.integers(-20, 20, (144, 144, 1))
    for frame in range(30):
        moved = np.roll(pattern, (frame * 2, frame * 3), (0, 1))
        yield np.clip(moved, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for label in ("Blocks", "Stripes"):
        for number in range(VIDEOS):
            path = folder / label / f"{number}.mp4"
            path.parent.mkdir(exist_ok=True)
            write_video(path, drawn(label, number))
    shutil.copyfile(folder / "Blocks" / "0.mp4", folder / "Blocks" / "again.mp4")
    (folder / "Stripes" / "broken.mp4").write_bytes(b"no video")
    return folder


def test_a_folder_becomes_a_model_that_knows_the_classes(tmp_path: Path, videos: Path) -> None:
    out = tmp_path / "run"
    command = ["fit", videos, "--out", out, "--device", "cpu"]
    first = clipkind(*command)
    assert first.returncode == 1, first.stderr  # two files were refused, and it says so
    assert "26 files = 24 ok + 2 refused" in first.stderr
    assert "broken.mp4: not_a_video" in first.stderr
    assert "2 files were refused and not used" in first.stdout
    assert "0 near-duplicates cross" in first.stderr
    assert "24 ok + 0 partial + 0 refused" in first.stderr
    scores = json.loads((out / "metrics.json").read_text())
    assert scores["videos"] == len(read_split(out / "dataset" / "manifest.split.csv").ids("test"))
    assert f"Test: accuracy {scores['accuracy']:.3f}" in first.stdout

    again = clipkind(*command)
    assert again.stdout == first.stdout
    assert "members done: 1 of 1" in again.stderr
    with open_features(out / "features.h5") as file:
        assert len(file) == 24

    new = tmp_path / "new.mp4"
    for label in ("Blocks", "Stripes"):
        write_video(new, drawn(label, 99))
        answer = clipkind("classify", "--model", out, "--json", new)
        assert json.loads(answer.stdout)["label"] == label, answer.stderr


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["A/1", "A/2", "A/3"], "two classes"),
        (["Cats/1", "cats/2"], "Cats"),
        (["A/1", "A/2", "A/3", "B/1"], "class B"),
    ],
)
def test_what_cannot_be_trained_on_is_one_line(
    tmp_path: Path, videos: Path, names: list[str], message: str
) -> None:
    sources = sorted(videos.glob("*/[0-9].mp4"))
    for name, source in zip(names, sources, strict=False):
        path = tmp_path / "videos" / f"{name}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source, path)
    done = clipkind("fit", tmp_path / "videos", "--out", tmp_path / "run")
    assert done.returncode == 2, done.stderr
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run" / "members").exists()


@pytest.mark.parametrize("inside", [".", "run"])
def test_a_run_among_the_videos_is_refused_and_leaves_nothing(
    tmp_path: Path, videos: Path, inside: str
) -> None:
    folder = tmp_path / "videos"
    shutil.copytree(videos, folder)
    before = sorted(folder.rglob("*"))
    done = clipkind("fit", folder, "--out", folder / inside)
    assert done.returncode == 2
    assert "lies among the videos" in done.stderr
    assert sorted(folder.rglob("*")) == before


def test_a_backbone_that_does_not_exist_is_refused_before_any_video_is_read(
    tmp_path: Path, videos: Path
) -> None:
    done = clipkind("fit", videos, "--out", tmp_path / "run", "--backbone", "nonsense")
    assert done.returncode == 2
    assert "nonsense" in done.stderr
    assert "scan" not in done.stderr
    assert not (tmp_path / "run").exists()
