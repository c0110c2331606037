"""`clipkind train` as people run it: from features to a model that answers, and every mistake."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from clipkind.cli.fit import View
from clipkind.cli.main import app
from interrupting import start
from terminal import shown, shown_by
from training.small_set import CHANGES, SmallSet, make_small_set


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def clipkind(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)


def arguments(small_set: SmallSet, out: Path, *more: str) -> list[str | Path]:
    given: list[str | Path] = ["train", small_set.features, "--split", small_set.split]
    return [*given, "--out", out, "--seeds", "7", "8", "--device", "cpu", *CHANGES, *more]


@pytest.fixture(scope="module")
def run(small_set: SmallSet, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "pets"
    done = clipkind(*arguments(small_set, out))
    assert done.returncode == 0, done.stderr
    assert "Test: accuracy 1.000" in done.stdout
    assert "12 videos of 6 sources)" in done.stdout
    assert f"clipkind classify --model {out}" in done.stdout
    return out


def test_the_run_is_a_model_that_answers(run: Path, small_set: SmallSet) -> None:
    done = clipkind("classify", "--model", run, "--features", small_set.features, "--json")
    assert done.returncode == 0, done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    truth = {f"test-{n}": ("Cats", "Dogs")[n % 2] for n in range(12)}
    found = {Path(answer["path"]).stem: answer["label"] for answer in answers}
    found = {id: label for id, label in found.items() if id in truth}
    assert found == truth
    card = (run / "bundle" / "README.md").read_text()
    assert "accuracy 1.000" in card
    assert "Cats 18, Dogs 18" in card  # what it was trained and chosen on, not the test videos


def test_the_stored_recipe_is_the_one_that_was_used(run: Path) -> None:
    from clipkind.training.recipe_file import load_recipe
    from training.small_set import RECIPE

    assert load_recipe(str(run / "recipe.toml")) == RECIPE


def test_again_trains_nothing_and_says_the_same(run: Path, small_set: SmallSet) -> None:
    weights = run / "bundle" / "member-0.safetensors"
    before = weights.stat().st_mtime_ns
    done = clipkind(*arguments(small_set, run))
    assert done.returncode == 0
    assert "members done: 2 of 2" in done.stderr
    assert "Test: accuracy 1.000" in done.stdout
    assert weights.stat().st_mtime_ns == before


def test_another_recipe_does_not_go_on_with_it(run: Path, small_set: SmallSet) -> None:
    done = clipkind(*arguments(small_set, run, "--set=dropout=0.3"))
    assert done.returncode == 2
    assert "holds a run with other recipe dropout" in done.stderr
    assert "--restart" in done.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--recipe", "best"], "recipe best: give default or linear or documented"),
        (["--set", "num_epoch=3"], "did you mean num_epochs"),
        (["--seeds", "7"], "give each seed once"),
        (["--device", "tpu9"], "give cpu, cuda or auto"),
        (["--device", "meta"], "give cpu, cuda or auto"),
        (["--set", "num_attention_heads=3"], "num_attention_heads 3 must divide 64"),
        (["--set", "classifier_dims=[]", "--set", "hidden_dim=0"], "hidden_dim 0 must be above 0"),
        (["--split", "nowhere.csv"], "nowhere.csv: No such file"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    tmp_path: Path, small_set: SmallSet, more: list[str], message: str
) -> None:
    done = clipkind(*arguments(small_set, tmp_path / "run", *more))
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


def test_seeds_need_a_number(small_set: SmallSet, tmp_path: Path) -> None:
    done = clipkind("train", small_set.features, "--out", tmp_path, "--seeds")
    assert done.returncode == 2
    assert "--seeds" in done.stderr


def test_control_c_ends_cleanly_and_says_how_to_go_on(tmp_path: Path, small_set: SmallSet) -> None:
    out = tmp_path / "run"
    long = arguments(small_set, out, "--set=num_epochs=400", "--set=patience=400")
    command = [sys.executable, "-m", "clipkind.cli.main", *map(str, long)]
    with start(command, stderr=subprocess.PIPE, text=True) as process:
        while not list(out.glob("members/*/checkpoint.safetensors")):
            assert process.poll() is None, process.communicate()
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert "The same command goes on from the last checkpoint." in said
    assert "Traceback" not in said
    assert not list(out.rglob("*.tmp"))
    assert not (out / "bundle").exists()


def test_notes_and_the_bars_share_no_line_of_a_terminal(run: Path, small_set: SmallSet) -> None:
    lines = shown_by(app, *arguments(small_set, run))
    assert lines[0].startswith("48 videos = 24 train + 12 val + 12 test, 2 classes, 2 members; ")
    assert [line.split(":")[0] for line in lines[2:5]] == ["member-0", "member-1", "Test"]


def test_stages_and_the_bar_of_a_fit_share_no_line_of_a_terminal() -> None:
    def work() -> None:
        with View() as view:
            for name in ("scan", "check"):
                view.stage(name)
                view.step(1, 3)
                view.note(f"{name} is done")

    assert shown(work) == ["scan is done", "check is done"]
