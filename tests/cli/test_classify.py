"""`clipkind classify` as programs and people call it: output, exit codes, bad input."""

import csv
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from broken_media import BROKEN
from clipkind.cli.classify import command
from clipkind.dataset.listing import NOT_VIDEO
from clipkind.features.store import FeatureWriter
from clipkind.model.bundle import load_bundle
from media import numbered_frames, write_video
from terminal import shown_by

KEYS = [
    "path", "status", "label", "labels", "decision", "confidence", "calibrated", "probabilities",
    "strangeness", "duration_s", "frames_used", "elapsed_s", "model", "reason", "message",
]  # fmt: skip


def clipkind(
    *arguments: str | Path, stdin: bytes = b"", **variables: str
) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(
        command, input=stdin, capture_output=True, timeout=120, check=False,
        env=os.environ | variables,
    )  # fmt: skip


def answers(done: subprocess.CompletedProcess[bytes]) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    return {Path(line["path"]).name: line for line in lines}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good clips, one in a sub-folder, beside everything that can be wrong with a file."""
    folder = tmp_path_factory.mktemp("library")
    (folder / "sub").mkdir()
    write_video(folder / "good.mp4", numbered_frames(40))
    write_video(folder / "sub" / "short.webm", numbered_frames(3), codec="libvpx-vp9",
                options={"deadline": "realtime", "cpu-used": "8"})  # fmt: skip
    (folder / "notes.txt").write_text("not a video by name")
    (folder / ".hidden.mp4").write_text("hidden")
    for name, maker in BROKEN.items():
        place = folder / name
        place.mkdir()
        maker(place)
    return folder


def test_a_whole_library_is_answered_line_by_line_with_every_file_accounted_for(
    folder: Path,
) -> None:
    done = clipkind("classify", "--json", folder)
    found = answers(done)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert all(list(line) == KEYS for line in found.values())
    good = found["good.mp4"]
    names = load_bundle().contract.class_names
    assert good["status"] == "ok"
    assert tuple(good["probabilities"]) == names
    assert sum(good["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    assert good["label"] == max(good["probabilities"], key=good["probabilities"].get)
    assert good["confidence"] == good["probabilities"][good["label"]]
    assert good["duration_s"] == pytest.approx(40 / 25, abs=1e-3)
    assert good["frames_used"] == 40
    assert found["short.webm"]["frames_used"] == 3
    refused = [line for line in found.values() if line["status"] == "refused"]
    assert refused
    assert all(line["reason"] and line["message"] and line["label"] is None for line in refused)
    partial = [line for line in found.values() if line["status"] == "partial"]
    assert partial
    assert all(line["reason"] and line["label"] for line in partial)
    files = {f for f in folder.rglob("*") if not f.is_dir() and f.name[0] != "."}
    skipped = {f for f in files if f.suffix in NOT_VIDEO}
    assert len(done.stdout.splitlines()) == len(files - skipped)
    assert f"passed over in the folders: {len(skipped)} " in done.stderr.decode()


def test_exit_codes_tell_what_happened(folder: Path, tmp_path: Path) -> None:
    assert clipkind("classify", folder / "good.mp4").returncode == 0
    assert clipkind("classify", folder / "good.mp4", tmp_path / "absent.mp4").returncode == 1
    assert clipkind("classify").returncode == 2
    assert clipkind("classify", "--json", "--csv", folder / "good.mp4").returncode == 2
    assert clipkind("classify", "--model", tmp_path, folder / "good.mp4").returncode == 2
    assert clipkind("no-such-command").returncode == 2


@pytest.mark.parametrize(
    "arguments",
    [
        ("classify", "--model", "{tmp}", "a.mp4"),
        ("classify", "--features", "{tmp}/absent.h5"),
        ("classify", "--multi-scale", "documented", "a.mp4"),
        ("extract", "{tmp}/absent", "--out", "{tmp}/x.h5"),
        ("extract", "{tmp}", "--out", "{tmp}/x.h5", "--backbone", "vgg"),
    ],
)
def test_errors_are_one_line_on_stderr(arguments: tuple[str, ...], tmp_path: Path) -> None:
    done = clipkind(*(a.format(tmp=tmp_path) for a in arguments))
    assert done.returncode in (2, 3)
    assert done.stdout == b""
    assert done.stderr.startswith(b"clipkind: ")
    assert done.stderr.count(b"\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_names_come_from_standard_input_byte_for_byte(folder: Path, tmp_path: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b"caf\xe9 x.mp4")  # noqa: PTH118 - not UTF-8
    os.symlink(os.fsencode(folder / "good.mp4"), odd)  # noqa: PTH211
    done = clipkind("classify", "--json", "-", stdin=odd + b"\n")
    (line,) = answers(done).values()
    assert done.returncode == 0
    assert line["path"].endswith("caf\\xe9 x.mp4")


def test_csv_has_one_row_a_video(folder: Path) -> None:
    done = clipkind("classify", "--csv", folder / "good.mp4", folder / "empty")
    rows = list(csv.DictReader(io.StringIO(done.stdout.decode())))
    assert [row["status"] for row in sorted(rows, key=lambda r: r["status"])] == ["ok", "refused"]
    good = next(row for row in rows if row["status"] == "ok")
    names = load_bundle().contract.class_names
    assert good["confidence"] == max((good[f"p_{name}"] for name in names), key=float)


def test_the_table_says_the_same_as_the_json(folder: Path) -> None:
    line = answers(clipkind("classify", "--json", folder / "good.mp4"))["good.mp4"]
    table = clipkind("classify", folder / "good.mp4").stdout.decode()
    head, row, *_ = table.splitlines()
    assert head.split()[:3] == ["File", "Label", "Confidence"]
    assert line["label"] in row
    assert f"{line['confidence']:.1%}" in row
    assert all(f"{p:.3f}" in row for p in line["probabilities"].values())


def test_the_first_column_of_a_piped_table_is_as_wide_as_the_longest_name(
    folder: Path,
) -> None:
    long = "./" * 40 + "good.mp4"
    for names in (["good.mp4", long], ["good.mp4"]):
        done = subprocess.run(
            [sys.executable, "-m", "clipkind.cli.main", "classify", *names],
            capture_output=True, text=True, timeout=120, check=True, cwd=folder,
        )  # fmt: skip
        head, *rows = done.stdout.splitlines()
        width = head.index("Label") - 2
        assert width == max(16, len(names[-1]))
        assert {row[:width].rstrip() for row in rows} >= set(names)


def test_a_name_beyond_the_limit_keeps_its_end(folder: Path) -> None:
    done = clipkind("classify", "no/" * 100 + "end.mp4", folder / "good.mp4")
    head, *rows = done.stdout.decode().splitlines()
    assert head.index("Label") == 122
    assert any(row.startswith("…") and row[:120].endswith("no/end.mp4") for row in rows)


def test_an_output_file_appears_only_once_it_is_complete(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "answers.jsonl"
    done = clipkind("classify", "--json", "--output", out, folder / "good.mp4")
    assert done.stdout == b""
    assert json.loads(out.read_text())["status"] == "ok"
    assert [p.name for p in tmp_path.iterdir()] == ["answers.jsonl"]


def test_a_reader_that_goes_away_ends_the_run_quietly(folder: Path) -> None:
    script = f"{sys.executable} -m clipkind.cli.main classify --json {folder} | head -n 1"
    done = subprocess.run(["/bin/sh", "-c", script], capture_output=True, timeout=120, check=False)
    assert b"Traceback" not in done.stderr
    assert b"Exception" not in done.stderr


def test_help_needs_nothing_heavy() -> None:
    code = (
        "import sys; from clipkind.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: print(sorted({'numpy', 'av', 'openvino', 'torch', 'h5py', 'rich'} "
        "& set(sys.modules)))"
    )
    for arguments in (["--help"], ["classify", "--help"], ["extract", "--help"]):
        command = [sys.executable, "-c", code, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
        assert "Usage:" in done.stdout
        assert done.stdout.rstrip().endswith("[]")


def test_what_was_passed_over_is_told_for_names_on_standard_input_too(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not a video by name")
    for arguments, stdin in (((tmp_path,), b""), (("-",), os.fsencode(tmp_path) + b"\n")):
        done = clipkind("classify", *arguments, stdin=stdin)
        assert done.returncode == 0
        assert b"passed over in the folders: 1 no videos by name" in done.stderr


@pytest.mark.parametrize("flag", ["--csv", "--json", None])
def test_a_terminal_that_cannot_show_a_name_gets_it_escaped(
    flag: str | None, tmp_path: Path
) -> None:
    names = [str(tmp_path / name) for name in ("日本.mp4", "é.mp4")]
    arguments = [flag, *names] if flag else names
    done = clipkind("classify", *arguments, PYTHONIOENCODING="ascii")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"\\u65e5\\u672c.mp4" in done.stdout
    assert done.stdout.count(b"missing") == 2


BROKEN_INSIDE = """
import clipkind.cli.lazy as lazy
import clipkind.cli.main as cli
def boom(_name):
    raise RuntimeError("odd\\nthing")
lazy.import_module = boom
cli.main()
"""


@pytest.mark.parametrize("traceback", ["", "1"])
def test_an_error_inside_clipkind_is_one_line_and_a_traceback_on_request(traceback: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_INSIDE, "classify", "a.mp4"],
        capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"CLIPKIND_TRACEBACK": traceback},
    )  # fmt: skip
    assert done.returncode == 70
    *trace, line = done.stderr.splitlines()
    assert line == (
        "clipkind: internal error: RuntimeError: odd\\x0athing; please report it "
        "(set CLIPKIND_TRACEBACK=1 to see where)"
    )
    assert ("Traceback (most recent call last):" in trace) is bool(traceback)
    assert bool(trace) is bool(traceback)


def test_every_exit_code_is_documented() -> None:
    told = " ".join(clipkind("--help").stdout.decode().split())
    assert "70 an error inside clipkind" in told
    assert "CLIPKIND_TRACEBACK=1" in told


def test_doctor_finds_everything_in_place_and_says_what_it_found() -> None:
    done = clipkind("doctor")
    assert done.returncode == 0, done.stdout.decode()
    for word in ("openvino", "FFmpeg", "bundled model", "h264"):
        assert word in done.stdout.decode()


@pytest.mark.parametrize("flag", ["--json", "--csv", None])
def test_rows_and_the_bar_share_no_line_of_a_terminal(flag: str | None, folder: Path) -> None:
    names = [folder / name for name in ("good.mp4", "sub/short.webm", "empty/empty.mp4")]
    lines = shown_by(command, *names, *([flag] if flag else []))
    assert lines.pop() == "3 videos: 2 ok, 1 refused"
    if flag == "--json":
        assert {json.loads(line)["status"] for line in lines} == {"ok", "refused"}
    else:
        head, *lines = lines
        assert head.startswith("path,status," if flag else "File  ")
    assert len(lines) == 3


@pytest.mark.parametrize("source", ["folder", "list", "features"])
@pytest.mark.parametrize("to_file", [True, False])
def test_csv_of_nothing_has_its_header(source: str, to_file: bool, tmp_path: Path) -> None:
    out, folder = tmp_path / "out.csv", tmp_path / "none"
    folder.mkdir()
    given = [str(folder)] if source == "folder" else ["-"]
    if source == "features":
        given = ["--features", str(folder / "f.h5")]
        with FeatureWriter(folder / "f.h5", replace(load_bundle().contract, class_names=())):
            pass
    given += ["--output", str(out)] if to_file else []
    done = CliRunner().invoke(command, ["--csv", *given], input=b"", standalone_mode=False)
    assert done.exception is None, done.output
    table = csv.DictReader(io.StringIO(out.read_text() if to_file else done.stdout))
    columns = [key for key in KEYS if key != "probabilities"]
    assert table.fieldnames == [*columns, *(f"p_{n}" for n in load_bundle().contract.class_names)]
    assert not list(table)
