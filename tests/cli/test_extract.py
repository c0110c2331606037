"""`clipkind extract` and `features`: from a folder to features, to the old tools and back."""

import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from clipkind.cli.extract import command
from clipkind.features.store import open_features
from media import numbered_frames, write_video
from terminal import shown_by

pytest.importorskip("torch", reason="extraction needs the train extra")


def clipkind(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_a_folder_becomes_features_resumably_and_goes_to_the_old_tools_and_back(
    tmp_path: Path,
) -> None:
    videos = tmp_path / "videos"
    for number, name in enumerate(("Cats/tabby/a.mp4", "Cats/b.mp4", "Dogs/c.mp4")):
        (videos / name).parent.mkdir(parents=True, exist_ok=True)
        write_video(videos / name, numbered_frames(20, first=number * 50))
    (videos / "Dogs" / "broken.mp4").write_text("no video")
    store = tmp_path / "features.h5"
    first = clipkind("extract", videos, "--out", store)
    assert first.returncode == 1, first.stderr
    assert "4 videos = 3 ok + 0 partial + 1 refused + 0 done before" in first.stderr
    assert "broken.mp4: not_a_video" in first.stderr
    again = clipkind("extract", videos, "--out", store)
    assert "4 videos = 0 ok + 0 partial + 1 refused + 3 done before" in again.stderr
    with open_features(store) as file:
        assert file.contract.class_names == ("Cats", "Dogs")
        assert [(r.id, r.label, r.subcategory) for r in file.rows] == [
            ("Cats/b.mp4", "Cats", ""),
            ("Cats/tabby/a.mp4", "Cats", "tabby"),
            ("Dogs/c.mp4", "Dogs", ""),
        ]
        features = file.features()

    old = tmp_path / "train_features.h5"
    assert clipkind("features", "export", store, old).returncode == 0
    with h5py.File(old) as file:
        assert file["labels"][:].tolist() == [0, 0, 1]
        np.testing.assert_array_equal(file["features"][:], features)
    back = tmp_path / "back.h5"
    done = clipkind("features", "import", old, back, "--backbone", "efficientnet_lite0_stages")
    assert done.returncode == 0, done.stderr
    with open_features(back) as file:
        np.testing.assert_array_equal(file.features(), features)
        assert [row.label for row in file.rows] == ["Cats", "Cats", "Dogs"]
    half = tmp_path / "half.h5"
    clipkind("extract", videos, "--out", half, "--window", "0.5", "1", "--frames", "8")
    with open_features(half) as file:
        assert file.contract.window == (0.5, 1.0)
        assert file.features().shape[:2] == (3, 8)
    assert clipkind("extract", videos, "--out", half, "--window", "1", "0.5").returncode == 2
    other = clipkind("extract", videos, "--out", store, "--multi-scale", "aligned")
    assert other.returncode == 2
    assert "multi_scale" in other.stderr
    assert other.stderr.splitlines()[-1].startswith("clipkind: ")


def test_a_files_name_neither_drives_the_terminal_nor_is_decorated(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "\x1b[31m:smile:\n[b]x.mp4").write_text("no video")
    done = clipkind("extract", tmp_path / "videos", "--out", tmp_path / "f.h5")
    assert "\x1b" not in done.stderr
    assert r"videos/\x1b[31m:smile:\x0a[b]x.mp4: not_a_video" in done.stderr


def test_compile_is_refused_where_openvino_would_ignore_it(tmp_path: Path) -> None:
    numbered = write_video(tmp_path / "a.mp4", numbered_frames(5)).parent
    done = clipkind(
        "extract", numbered, "--out", tmp_path / "f.h5", "--engine", "openvino", "--compile"
    )
    assert done.returncode == 2
    assert "--compile is for the torch engine" in done.stderr
    assert not (tmp_path / "f.h5").exists()


def test_refusals_and_the_bar_share_no_line_of_a_terminal(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    write_video(tmp_path / "videos" / "a.mp4", numbered_frames(5))
    for name in ("b.mp4", "c.mp4"):
        (tmp_path / "videos" / name).write_text("no video")
    lines = shown_by(command, tmp_path / "videos", "--out", tmp_path / "f.h5")
    refused = [line for line in lines if line.startswith(f"refused: {tmp_path}")]
    assert len(refused) == 2
    assert (
        lines[-1] == f"{tmp_path / 'f.h5'}: 3 videos = 1 ok + 0 partial + 2 refused + 0 done before"
    )
