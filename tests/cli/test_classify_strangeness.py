"""How strange videos are, as people and programs see it."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from clipkind.cli.output import STRANGE
from inference.calibrated import VIDEOS, calibrated_bundle, strange_bundle, write_features


def clipkind(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clipkind.cli.main", "classify", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("strange")
    strange_bundle(folder / "model")
    calibrated_bundle(folder / "without")
    write_features(folder / "f.h5")
    return folder


def classify(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    done = clipkind("--model", folder / "model", "--features", folder / "f.h5", *arguments)
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in classify(folder, "--json").stdout.splitlines()]


def test_json_and_csv_always_say_it(folder: Path, lines: list[dict[str, Any]]) -> None:
    assert any(line["strangeness"] >= STRANGE for line in lines)
    assert any(line["strangeness"] < STRANGE for line in lines)
    rows = list(csv.DictReader(io.StringIO(classify(folder, "--csv").stdout)))
    assert [float(row["strangeness"]) for row in rows] == [line["strangeness"] for line in lines]


def test_the_table_marks_only_what_is_very_strange_and_says_what_the_mark_means(
    folder: Path, lines: list[dict[str, Any]]
) -> None:
    head, *rows, told = classify(folder).stdout.splitlines()
    for row, line in zip(rows, lines, strict=True):
        assert ("!" in row) == (line["strangeness"] >= STRANGE)
        assert len(row) == len(head)
    assert told.startswith("! strange: about 1% of videos like those the model knows")


def test_without_strange_videos_or_the_score_the_table_is_as_ever(
    folder: Path, lines: list[dict[str, Any]]
) -> None:
    known = next(str(n) for n, line in enumerate(lines) if line["strangeness"] < STRANGE)
    assert "!" not in classify(folder, known).stdout
    done = clipkind("--model", folder / "without", "--features", folder / "f.h5")
    assert "!" not in done.stdout
    done = clipkind("--model", folder / "without", "--features", folder / "f.h5", "--json")
    assert all(json.loads(line)["strangeness"] is None for line in done.stdout.splitlines())


def test_answers_for_strange_videos_can_be_left_out(
    folder: Path, lines: list[dict[str, Any]]
) -> None:
    done = classify(folder, "--max-strangeness", "0.99", "--json")
    found = [json.loads(line) for line in done.stdout.splitlines()]
    for line, before in zip(found, lines, strict=True):
        assert line["strangeness"] == before["strangeness"]
        strange = before["strangeness"] > 0.99
        assert line["decision"] == ("unsure" if strange else "single")
        assert line["reason"] == ("strange" if strange else None)
    unsure = sum(line["decision"] == "unsure" for line in found)
    assert done.stderr == (
        f"{VIDEOS} videos: {VIDEOS} ok; up to a strangeness of 0.99: {VIDEOS - unsure} single, "
        f"{unsure} unsure\n"
    )
    table = classify(folder, "--max-strangeness", "0.99").stdout
    assert "strange: it is too unlike the videos the model knows" in table


def test_a_model_without_the_score_refuses_in_one_line(folder: Path) -> None:
    model, features = folder / "without", folder / "f.h5"
    done = clipkind("--model", model, "--features", features, "--max-strangeness", "0.9")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "holds no outlier score" in done.stderr


@pytest.mark.parametrize("limit", ["0", "1.5", "-1", "nan", "much"])
def test_what_is_no_share_is_a_usage_error(folder: Path, limit: str) -> None:
    done = clipkind("--features", folder / "f.h5", "--max-strangeness", limit)
    assert done.returncode == 2
    assert "--max-strangeness" in done.stderr
    assert "Traceback" not in done.stderr
