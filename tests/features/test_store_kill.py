"""The feature store under kill -9: a finished video is never lost, the file never half written."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from clipkind.features.store import open_features

WRITER = """
import itertools, sys
import numpy as np
from clipkind.contract import Contract
from clipkind.features.store import FeatureRow, FeatureWriter

contract = Contract(backbone="test", weights_sha256="0" * 64, feature_dim=64, num_frames=32)
print("ready", flush=True)
for start in itertools.count(0, 4):  # finish every four videos: kills hit every step of it
    with FeatureWriter(sys.argv[1], contract) as writer:
        for i in range(start, start + 4):
            if writer.has(f"v{i:05}", "sha"):
                continue
            row = FeatureRow(id=f"v{i:05}", path="p", sha256="sha", duration_s=1.0, fps=25.0,
                             width=4, height=4, length=32, distinct=32)
            writer.add(row, np.full((32, 64), i % 1000))
            print(row.id, flush=True)
    if start >= int(sys.argv[2]):
        break
"""


def run(path: Path, stop_after: int, kill_after_s: float | None) -> list[str]:
    """Write until killed (or up to video `stop_after`); the ids reported as stored."""
    command = [sys.executable, "-c", WRITER, str(path), str(stop_after)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            os.kill(process.pid, signal.SIGKILL)
        reported = process.stdout.read().split()
    assert process.returncode == (0 if kill_after_s is None else -signal.SIGKILL)
    return reported


def test_a_dozen_kills_lose_no_finished_video(tmp_path: Path) -> None:
    path = tmp_path / "f.h5"
    rng = random.Random()  # noqa: S311 - other moments every time
    reported: list[str] = []
    for _ in range(12):
        reported += run(path, 10**9, rng.uniform(0.0, 0.25))
        if path.exists():
            open_features(path).close()
    reported += run(path, len(reported) + 8, None)
    with open_features(path) as file:
        assert set(reported) <= set(file.ids)
        assert len(reported) == len(set(reported)), "a finished video was extracted again"
        assert file.ids == tuple(f"v{i:05}" for i in range(len(file)))
        assert len(file) > 12
        np.testing.assert_array_equal(file.features()[:, -1, -1], np.arange(len(file)) % 1000)
    assert [p.name for p in tmp_path.iterdir()] == ["f.h5"]
