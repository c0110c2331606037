"""`clipkind import` and `export`: what people see, and a model that classifies videos."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from media import numbered_frames, write_video

torch = pytest.importorskip("torch", reason="import needs the train extra")

from clipkind.model.temporal import TemporalConfig  # noqa: E402 - they need torch
from model.old_checkpoints import checkpoint, network, save  # noqa: E402

CONFIG = TemporalConfig(
    feature_dim=1280,
    hidden_dim=8,
    num_lstm_layers=1,
    num_attention_heads=4,
    classifier_dims=(12,),
)


class Runs:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> object:
        return os.system, (f"touch {self.canary}",)


def clipkind(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def test_old_checkpoints_become_a_model_that_classifies_and_goes_back(tmp_path: Path) -> None:
    good = save(tmp_path / "best_ensemble_model_1.pt", checkpoint(network(CONFIG)))
    failed = save(
        tmp_path / "best_ensemble_model_0.pt",
        checkpoint(network(CONFIG, 1), accuracy=25.78, f1=(0, 0, 41, 0)),
    )
    model = tmp_path / "old"
    lite0 = ("--backbone", "efficientnet_lite0")
    names = ("--class-names", "Trick, Flat,Game,Nature")
    done = clipkind("import", failed, good, "--out", model, *lite0, *names)
    assert done.returncode == 0, done.stderr
    assert "! best_ensemble_model_0.pt has learned nothing: it answers Game" in done.stderr
    assert "--keep-failed" in done.stderr
    assert "1 networks, 1 left out" in done.stdout
    assert "records of itself epoch 43, validation accuracy 92.13 %" in done.stdout

    write_video(tmp_path / "a.mp4", numbered_frames(30))
    (told,) = (line for line in done.stdout.splitlines() if line.startswith("Next:"))
    command = told.removeprefix("Next:  clipkind ").split()
    assert command[-1] == "YOUR_VIDEO_OR_FOLDER"
    answer = clipkind(*command[:-1], "--csv", tmp_path / "a.mp4")
    assert answer.returncode == 0, answer.stderr
    assert any(name in answer.stdout for name in ("Trick", "Flat", "Game", "Nature"))

    out = tmp_path / "checkpoints"
    back = clipkind("export", model, "--out", out)
    assert back.returncode == 0, back.stderr
    assert [path.name for path in out.iterdir()] == ["best_ensemble_model_1.pt"]
    assert "classifier is 12 wide" in back.stderr
    assert "backbone efficientnet_lite0, multi-scale documented" in back.stdout


def test_a_malicious_checkpoint_ends_in_one_line(tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    content = checkpoint(network(CONFIG)) | {"scheduler": Runs(canary)}
    path = save(tmp_path / "best.pt", content)
    done = clipkind("import", path, "--out", tmp_path / "m", "--backbone", "efficientnet_lite0")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "asks to call posix.system" in done.stderr
    assert not canary.exists()
    assert not (tmp_path / "m").exists()


def test_what_is_no_model_is_not_exported(tmp_path: Path) -> None:
    done = clipkind("export", tmp_path, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "is no model bundle" in done.stderr
    assert not (tmp_path / "out").exists()
