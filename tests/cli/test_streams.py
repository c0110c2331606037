"""Standard streams that are closed, or whose other end goes away: no work is lost to that."""

import io
import json
import os
import pty
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from clipkind.cli.progress import progress_bar
from media import numbered_frames, write_video
from terminal import BAR

COMMAND = [sys.executable, "-m", "clipkind.cli.main"]


def closed(how: str, command: list[str | Path]) -> "subprocess.CompletedProcess[str]":
    """A command whose standard streams are closed as the shell's `how` says."""
    line = f"exec {shlex.join(map(str, command))} {how}"
    return subprocess.run(
        ["/bin/sh", "-c", line], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("videos")
    for number in range(3):
        write_video(folder / f"{number}.mp4", numbered_frames(5, first=number * 9))
    return folder


@pytest.mark.parametrize("how", [">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize(
    "command",
    [
        ["classify", "--json", "{videos}", "--output", "{out}.json"],
        ["dataset", "scan", "{videos}", "--out", "{out}.csv", "--min-duration", "0"],
    ],
    ids=lambda command: command[0],
)
def test_work_for_a_file_is_done_without(
    how: str, command: list[str], folder: Path, tmp_path: Path
) -> None:
    given = [part.format(videos=folder, out=tmp_path / "out") for part in command]
    done = closed(how, [*COMMAND, *given])
    assert done.returncode == 0, done.stderr
    assert [path.stem for path in tmp_path.iterdir()] == ["out"]
    assert "Traceback" not in done.stderr


def test_answers_for_nobody_are_not_worked_out(folder: Path) -> None:
    done = closed(">&-", [*COMMAND, "classify", folder])
    assert done.returncode == 2
    assert done.stderr == "clipkind: standard output is closed; name a file with --output\n"
    done = closed("<&-", [*COMMAND, "classify", "-"])
    assert done.returncode == 2
    assert done.stderr == "clipkind: -: standard input is closed; pipe names of files to it\n"


def test_what_is_printed_gets_into_no_file(tmp_path: Path) -> None:
    """The next file would be number 1, were it not for what stands there instead."""
    code = (
        "import os, sys; from clipkind.cli.streams import steady_streams; steady_streams()\n"
        "with open(sys.argv[1], 'wb') as file:\n"
        "    [os.write(number, b'noise') for number in (1, 2)]\n"
        "    print('noise'); print('noise', file=sys.stderr); os.system('echo noise >&2')\n"
        "    file.write(b'data')"
    )
    out = tmp_path / "data"
    assert closed("<&- >&- 2>&-", [sys.executable, "-c", code, out]).returncode == 0
    assert out.read_bytes() == b"data"


@pytest.mark.parametrize("to_file", [True, False])
def test_a_terminal_that_goes_away_takes_no_work_with_it(
    to_file: bool, folder: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers"
    master, slave = pty.openpty()
    command = [*COMMAND, "classify", "--json", str(folder)]
    command += ["--output", str(out)] if to_file else []
    with subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave) as process:
        os.close(slave)
        seen = b""
        while BAR.encode() not in seen:
            seen += os.read(master, 4096)
        os.close(master)
        assert process.wait(timeout=60) == 0
    if to_file:
        assert len(list(map(json.loads, out.read_text().splitlines()))) == 3


def test_a_full_disk_behind_stdout_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [*COMMAND, "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (2, "clipkind: output: No space left on device\n")


def test_there_is_no_bar_beside_answers_that_go_through_a_pipe(tmp_path: Path) -> None:
    """Its reader may print to the terminal that the bar is on."""
    terminal = Console(file=io.StringIO(), force_terminal=True)
    reader, writer = os.pipe()
    with os.fdopen(writer, "w") as answers, (tmp_path / "answers").open("w") as file:
        assert progress_bar(terminal, beside=answers).disable
        assert not progress_bar(terminal, beside=file).disable
    os.close(reader)
