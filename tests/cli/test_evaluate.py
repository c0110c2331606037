"""`clipkind evaluate` as people run it: what it says, what it writes, and every mistake."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from clipkind.cli.evaluate import command
from clipkind.workflow.train import TrainOptions, train
from terminal import shown_by
from training.small_set import RECIPE, SmallSet, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"), per_split=(24, 16, 16))


@pytest.fixture(scope="module")
def run(
    small_set: SmallSet, tmp_path_factory: pytest.TempPathFactory, one_torch_thread: None
) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pets"
    train(small_set.features, small_set.split, out, RECIPE, TrainOptions(seeds=(7, 8), jobs=1))
    return out


def clipkind(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clipkind.cli.main", "evaluate", *map(str, arguments)]
    threads = {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, env=os.environ | threads
    )


def test_a_report_from_a_run(run: Path, tmp_path: Path) -> None:
    html, figures, plots = tmp_path / "report.html", tmp_path / "m.json", tmp_path / "plots"
    done = clipkind(
        run,
        "--tta",
        "--no-ablations",
        "--train-jobs",
        "1",
        "--html",
        html,
        "--json",
        figures,
        "--png",
        plots,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "pets on test: 16 videos of 8 groups, 2 members, equal weights"
    assert lines[1].startswith("Accuracy 1.000 (")
    assert any("With TTA" in line for line in lines)
    for system in ("ensemble", "member-1", "majority class", "linear SVM", "single frame"):
        assert any(line.startswith(system) for line in lines), system
    assert "Is the temporal network worth it? Not shown: " in done.stdout
    assert "ensemble + TTA and ensemble are right about the same videos." in done.stdout
    assert "At a risk of 0.05: one label for " in done.stdout
    assert "At a risk of 0.05 with TTA: one label for " in done.stdout
    assert "was left out (--no-ablations)" in done.stdout
    for path in (html, figures, plots, run / "evaluation" / "test.json"):
        assert f"Written: {path}" in lines
    assert json.loads(figures.read_text()) == json.loads(
        (run / "evaluation" / "test.json").read_text()
    )
    assert html.read_text(encoding="utf-8").lstrip().lower().startswith("<!doctype html>")
    assert list(plots.glob("*.png"))


def test_a_bundle_needs_its_data_named(run: Path, small_set: SmallSet) -> None:
    data = ["--features", small_set.features, "--split-file", small_set.split]
    done = clipkind(run / "bundle", *data, "--split", "val", "--risk", "0.3")
    assert done.returncode == 0, done.stderr
    assert "figures are too good" in " ".join(done.stdout.split())
    assert "Written" not in done.stdout
    for given in ([], data[:2]):
        done = clipkind(run / "bundle", *given)
        assert done.returncode == 2
        assert "without its training run: say with --" in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--html", "/no/such/folder/r.html"], "there is no such folder"),
        (["--html", "report.pdf"], "a page's name ends in .html"),
        (["--json", "/no/such/folder/m.json"], "there is no such folder"),
        (["--html", "/dev/null/r.html"], "/dev/null is a device"),
        (["--html", "/proc/r.html"], "--html /proc/r.html: cannot be written there"),
        (["--json", "/proc/m.json"], "--json /proc/m.json: cannot be written there"),
        (["--json", "/proc"], "'/proc' is a directory"),
        (["--png", "/proc/plots/all"], "--png /proc/plots/all: cannot be written there"),
        (["--png", "/dev/null/plots"], "--png /dev/null/plots: /dev/null is a device"),
        (["--png", "/dev/null"], "/dev/null is a device"),
        (["--risk", "0"], "--risk"),
        (["--split", "all"], "--split"),
        (["--train-jobs", "0"], "--train-jobs"),
        (["--videos", "/no/such.csv"], "--videos /no/such.csv: there is no such file"),
        (["--features", "/no/such.h5"], "/no/such.h5"),
        (["--device", "tpu9"], "give cpu, cuda or auto"),
    ],
)
def test_mistakes_are_one_line(run: Path, more: list[str], message: str) -> None:
    done = clipkind(run, "--no-ablations", *more)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert " …" not in done.stderr  # said up front, before any work


def test_what_is_no_model_is_said_to_be_none(tmp_path: Path) -> None:
    done = clipkind(tmp_path / "nowhere")
    assert done.returncode == 2
    assert "does not exist" in done.stderr


def test_figures_and_the_bar_share_no_line_of_a_terminal(run: Path) -> None:
    lines = shown_by(command, run, "--no-ablations", "--train-jobs", "1")
    assert lines[0] == "pets on test: 16 videos of 8 groups, 2 members, equal weights"
    assert lines[1].startswith("Accuracy 1.000 (")
