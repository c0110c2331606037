"""An interrupted training goes on as if there had been no interruption, to the last bit."""

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from clipkind.errors import FileFormatError
from clipkind.training.history import EpochResult
from clipkind.training.recipe import DOCUMENTED, Recipe
from clipkind.training.trainer import Saving, Trainer, TrainResult
from training.full_disk import full_disk
from training.ramps import CLASSES, TINY, ramps
from training.small_set import CHANGES, SmallSet, make_small_set

IDENTITY = {"data": "ramps"}
TRAIN, VAL = ramps(48, seed=1), ramps(16, seed=2)
BY_THE_BOOK = replace(
    DOCUMENTED,
    hidden_dim=16,
    num_lstm_layers=2,
    num_attention_heads=2,
    classifier_dims=(16,),
    num_epochs=6,
    batch_size=16,
)


class Stop(Exception):
    """Stands for whatever ends a process."""


def fit(recipe: Recipe, path: Path | None = None, stop_after: int = 99) -> TrainResult:
    def stop(epochs: tuple[EpochResult, ...]) -> None:
        if len(epochs) == stop_after:
            raise Stop

    saving = Saving(path, IDENTITY, every_s=0.0) if path else None
    return Trainer(recipe, 6, CLASSES).fit(TRAIN, VAL, stop, saving=saving)


def same(epoch: EpochResult) -> EpochResult:
    """All of an epoch that does not depend on the machine's speed."""
    return replace(epoch, seconds=0.0)


@pytest.mark.parametrize("recipe", [TINY, BY_THE_BOOK], ids=["default", "documented"])
@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_going_on_gives_the_weights_and_history_of_going_through(
    tmp_path: Path, recipe: Recipe, stop_after: int
) -> None:
    whole = fit(recipe)
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Stop):
        fit(recipe, path, stop_after)
    torch.rand(3)  # another process has another random state
    resumed = fit(recipe, path)
    assert [same(e) for e in resumed.epochs] == [same(e) for e in whole.epochs]
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(resumed.model.state_dict()[name], tensor), name


def test_a_finished_run_is_not_trained_further(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    first = fit(TINY, path)
    again = fit(TINY, path)
    assert again.epochs == first.epochs  # with the same seconds: no epoch was done again


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    fit(replace(TINY, num_epochs=3), path)
    with pytest.raises(FileFormatError, match="a run with another data"):
        Trainer(TINY, 6, CLASSES).fit(TRAIN, VAL, saving=Saving(path, {"data": "other"}))


@pytest.mark.parametrize("damage", ["cut", "empty", "other"])
def test_a_damaged_checkpoint_is_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "checkpoint.safetensors"
    fit(replace(TINY, num_epochs=3), path)
    whole = path.read_bytes()
    path.write_bytes({"cut": whole[:-100], "empty": b"", "other": b"x" * 100}[damage])
    with pytest.raises(FileFormatError, match="is damaged") as error:
        fit(replace(TINY, num_epochs=3), path)
    assert "\n" not in str(error.value)


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.safetensors"
    with pytest.raises(Stop):
        fit(TINY, path, stop_after=2)
    before = path.read_bytes()
    with full_disk(1000), pytest.raises(OSError, match="checkpoint"):
        fit(TINY, path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def start(small_set: SmallSet, out: Path, said: Path) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "clipkind.cli.main", "train", str(small_set.features)]
    command += ["--split", str(small_set.split), "--out", str(out), "--seeds", "7", "8"]
    command += ["--train-jobs", "2", "--device", "cpu", *CHANGES, "--set=num_epochs=60"]
    command += ["--set=patience=60"]
    with said.open("wb") as stderr:
        return subprocess.Popen(command, stderr=stderr, stdout=subprocess.DEVNULL)


def weights(out: Path) -> list[dict[str, torch.Tensor]]:
    return [load_file(out / f"members/member-{n}/best.safetensors") for n in range(2)]


def test_kill_minus_nine_at_any_moment(tmp_path: Path, small_set: SmallSet) -> None:
    said = tmp_path / "said"
    whole = start(small_set, tmp_path / "whole", said)
    assert whole.wait(200) == 0, said.read_text()
    out = tmp_path / "killed"
    moments = random.Random(0)  # noqa: S311 - moments, not secrets
    kills = 0
    while kills < 3:
        process = start(small_set, out, said)
        history = out / f"members/member-{kills % 2}/history.jsonl"
        before = history.stat().st_size if history.exists() else 0
        while process.poll() is None:  # until it trains, then at any moment
            if history.exists() and history.stat().st_size > before:
                time.sleep(moments.uniform(0.0, 1.0))
                break
            time.sleep(0.05)
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGKILL)
        process.wait()
        kills += 1
    assert kills
    assert start(small_set, out, said).wait(200) == 0, said.read_text()
    for ours, theirs in zip(weights(out), weights(tmp_path / "whole"), strict=True):
        assert ours.keys() == theirs.keys()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with safe_open(out / "members/member-0/checkpoint.safetensors", "pt") as file:
        assert file.metadata()["format"] == "clipkind-checkpoint"
