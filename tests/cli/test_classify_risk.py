"""`clipkind classify --risk --tta` as people and programs see it."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from clipkind.cli.output import writer_for
from clipkind.inference.prediction import Prediction
from clipkind.text import columns
from inference.calibrated import VIDEOS, calibrated_bundle, without_calibration, write_features

RISK = "0.1"


def clipkind(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clipkind.cli.main", "classify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("risk")
    calibrated_bundle(folder / "model")
    write_features(folder / "f.h5")
    return folder


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[dict[str, Any]]:
    done = clipkind("--model", folder / "model", "--features", folder / "f.h5", "--risk", RISK,
                    "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    counts = Counter(line["decision"] for line in found)
    told = ", ".join(f"{counts[d]} {d}" for d in ("single", "several", "unsure") if counts[d])
    assert done.stderr == f"{VIDEOS} videos: {VIDEOS} ok; at a risk of {RISK}: {told}\n"
    return found


def test_json_says_which_labels_and_how_many(lines: list[dict[str, Any]]) -> None:
    assert {"single", "several"} <= {line["decision"] for line in lines}
    for line in lines:
        single = line["decision"] == "single"
        assert line["label"] == (line["labels"][0] if single else None)
        assert line["calibrated"]


def test_csv_holds_several_labels_in_one_cell(folder: Path, lines: list[dict[str, Any]]) -> None:
    done = clipkind("--model", folder / "model", "--features", folder / "f.h5", "--risk", RISK,
                    "--csv")  # fmt: skip
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    for row, line in zip(rows, lines, strict=True):
        assert row["labels"] == "|".join(line["labels"])
        assert row["decision"] == line["decision"]
        assert row["label"] == (line["label"] or "")


def test_the_table_stays_a_table(folder: Path, lines: list[dict[str, Any]]) -> None:
    done = clipkind("--model", folder / "model", "--features", folder / "f.h5", "--risk", RISK)
    head, *rows = done.stdout.splitlines()
    ends = {len(head)}
    for row, line in zip(rows, lines, strict=True):
        names = [name.split("_")[0] for name in line["labels"]]
        shown = line["label"] or " / ".join(names) or "unsure"
        assert shown in row
        if len(names) < 3:
            ends.add(len(row))
    assert len(ends) == 1


def test_the_table_tells_classes_that_begin_alike_apart() -> None:
    names = ("shoot_ball", "shoot_bow", "射撃の短い動画")
    stream = io.StringIO()
    writer = writer_for("table", stream, None, names, risk=0.1, names=["a.mp4"])
    for labels in (names[:2], names[1:2]):
        writer.write(
            Prediction(
                path="a.mp4",
                status="ok",
                label=labels[0] if len(labels) == 1 else None,
                labels=labels,
                confidence=0.9,
                probabilities=dict.fromkeys(names, 0.3),
            )
        )
    head, *rows = stream.getvalue().splitlines()
    assert head.split()[-4:-1] == ["shoot_ball", "shoot_bow", "射撃の短…画"]
    assert "shoot_ball / shoot_bow " in rows[0]
    assert len({columns(line) for line in (head, *rows)}) == 1


def test_a_risk_that_cannot_be_had_says_where_single_labels_begin(folder: Path) -> None:
    few = calibrated_bundle(folder / "few", groups=40)
    done = clipkind("--model", few.path, "--features", folder / "f.h5", "--risk", "0.02", "--json")
    assert done.returncode == 0
    note, summary = done.stderr.splitlines()
    assert "no answer is a single label at a risk of 0.02" in note
    assert "single labels begin at a risk of 0." in note
    assert "single" not in summary
    assert all(json.loads(line)["label"] is None for line in done.stdout.splitlines())


def test_a_risk_that_is_only_aimed_at_is_told_in_a_line(folder: Path) -> None:
    few = calibrated_bundle(folder / "aiming", groups=40)
    done = clipkind("--model", few.path, "--features", folder / "f.h5", "--risk", "0.3", "--json")
    assert done.returncode == 0
    note, summary = done.stderr.splitlines()
    assert note.startswith("a risk of 0.3 is aimed at, not promised: ")
    assert "40 sources" in note
    assert "single" in summary


def test_a_model_without_calibration_refuses_a_risk_in_one_line(folder: Path) -> None:
    old = without_calibration(folder / "old")
    done = clipkind("--model", old.path, "--features", folder / "f.h5", "--risk", RISK)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "holds no calibration" in done.stderr
    assert "leave --risk out" in done.stderr


@pytest.mark.parametrize("risk", ["0", "0.7", "-1", "much", "nan"])
def test_what_is_no_risk_is_a_usage_error(folder: Path, risk: str) -> None:
    done = clipkind("--features", folder / "f.h5", "--risk", risk)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
