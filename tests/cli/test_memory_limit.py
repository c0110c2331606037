"""Where the system limits memory (`ulimit -v`), an answer, or one line that names the limit."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from media import numbered_frames, write_video

UNPRIVILEGED = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"]
"""Else root may raise its limits again."""


def limited(megabytes: int, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run clipkind with so much address space."""
    most = megabytes * 1_000_000 // 1024 * 1024
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(
        [*(UNPRIVILEGED if os.geteuid() == 0 else []), *command],
        capture_output=True, text=True, timeout=120, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (most, most)),
    )  # fmt: skip


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("video") / "a.mp4", numbered_frames(10))


def test_less_than_decoding_asks_for_is_enough(video: Path) -> None:
    done = limited(5000, "classify", video)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("command", "megabytes"),
    [("classify", 900), ("classify", 300), ("extract", 700), ("extract", 100)],
)
def test_too_little_is_one_line_that_names_the_limit(
    command: str, megabytes: int, video: Path, tmp_path: Path
) -> None:
    more = [] if command == "classify" else ["--out", tmp_path / "f.h5"]
    source = video if command == "classify" else video.parent
    done = limited(megabytes, command, source, *more)
    assert done.returncode == 3, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"{megabytes} MB of address space (ulimit -v {megabytes * 1_000_000 // 1024})" in (
        done.stderr
    )
    assert done.stdout == ""
