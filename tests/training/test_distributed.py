"""Several processes train one network as one process does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from training.small_set import CHANGES, RECIPE, SmallSet, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def train(small_set: SmallSet, out: Path, processes: int) -> list[dict[str, float]]:
    """The epochs of a run that `processes` processes made together."""
    launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    command = [sys.executable, *launcher, "-m", "clipkind.training", str(small_set.features)]
    command += ["--split", str(small_set.split), "--out", str(out), "--seeds", "7"]
    command += ["--device", "cpu", *CHANGES]
    # Each process draws its own dropout, so without it the numbers must agree.
    assert RECIPE.dropout == 0.0
    command += ["--set=batch_size=5"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    lines = (out / "members/member-0/history.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def test_losses_are_those_of_one_process(tmp_path: Path, small_set: SmallSet) -> None:
    # 24 videos in batches of 5: shares of 3 and 2 videos, and of 2 and 2 in the last batch
    alone = train(small_set, tmp_path / "alone", 1)
    together = train(small_set, tmp_path / "together", 2)
    assert len(together) == len(alone) == RECIPE.num_epochs
    for ours, theirs in zip(together, alone, strict=True):
        for name in ("train_loss", "val_loss", "val_nll"):
            assert ours[name] == pytest.approx(theirs[name], abs=1e-5), name
    assert (tmp_path / "together" / "bundle" / "model.json").is_file()
