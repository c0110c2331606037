"""Members: side by side as one by one, begun again when they fail, and never voting failed."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from clipkind.dataset.splits.table import read_split
from clipkind.errors import ClipkindError, FileFormatError
from clipkind.features.store import open_features
from clipkind.training.ensemble import EnsembleFailed, train_ensemble, voting
from clipkind.training.history import EpochResult
from clipkind.training.pool import TrainingProcessError
from clipkind.training.prepare import TrainingData, prepare
from clipkind.training.recipe import Recipe
from clipkind.training.run import MemberResult, Run, load_run, locked, open_run
from clipkind.training.watch import Watch
from training.small_set import RECIPE, SmallSet, make_small_set

IDENTITY = {"features": "f", "split": "s"}


@pytest.fixture(scope="module")
def small_set(tmp_path_factory: pytest.TempPathFactory) -> SmallSet:
    return make_small_set(tmp_path_factory.mktemp("set"))


def begin(
    small_set: SmallSet, folder: Path, recipe: Recipe = RECIPE, seeds: tuple[int, ...] = (7, 8)
) -> tuple[Run, TrainingData]:
    run = Run(folder, recipe, seeds, IDENTITY)
    open_run(run)
    run.cache.mkdir()
    with open_features(small_set.features) as file:
        return run, prepare(file, read_split(small_set.split), "split.csv", run.cache)


def hopeless(data: TrainingData) -> TrainingData:
    """Labels that features say nothing about."""
    return replace(data, features=np.zeros_like(data.features))


def test_side_by_side_gives_what_one_by_one_gives(tmp_path: Path, small_set: SmallSet) -> None:
    told: dict[str, list[tuple[str, int]]] = {}
    for jobs in (1, 2):
        run, data = begin(small_set, tmp_path / str(jobs))
        seen = told.setdefault(str(jobs), [])

        def on_epoch(member: str, result: EpochResult, seen: list[tuple[str, int]] = seen) -> None:
            seen.append((member, result.epoch))

        results = train_ensemble(run, data, jobs=jobs, threads=1, watch=Watch(on_epoch=on_epoch))
        assert [r.seed for r in results] == [7, 8]
        assert voting(results) == [0, 1]
        assert not run.cache.exists()
    assert sorted(told["1"]) == sorted(told["2"])
    for member in ("member-0", "member-1"):
        first, second = (
            load_file(tmp_path / jobs / "members" / member / "best.safetensors") for jobs in "12"
        )
        assert all(torch.equal(first[name], second[name]) for name in first)


def test_every_member_leaves_a_full_record(tmp_path: Path, small_set: SmallSet) -> None:
    run, data = begin(small_set, tmp_path)
    train_ensemble(run, data, jobs=1, threads=1)
    for member in run.members:
        folder = run.member_folder(member)
        assert len((folder / "history.jsonl").read_text().splitlines()) == RECIPE.num_epochs
        assert list((folder / "tensorboard").glob("events*"))
        pictures = list((run.progress_folder / member).glob("epoch_*.png"))
        assert pictures
        assert (run.progress_folder / f"{member}_current.png").is_file()
    assert load_run(tmp_path) == run


def test_a_failed_member_begins_again_twice_with_other_seeds_and_never_votes(
    tmp_path: Path, small_set: SmallSet
) -> None:
    run, data = begin(small_set, tmp_path, replace(RECIPE, collapse_epochs=2), seeds=(7,))
    failures: list[str] = []
    ended: list[MemberResult] = []
    watch = Watch(on_failure=lambda _member, why: failures.append(why), on_member=ended.append)
    with pytest.raises(EnsembleFailed, match="still that of guessing"):
        train_ensemble(run, hopeless(data), jobs=1, threads=1, watch=watch)
    assert [why.partition(":")[0] for why in failures] == ["seed 7", "seed 1007"]
    (result,) = ended
    assert (result.seed, result.attempts) == (2007, 3)
    assert voting((result,)) == []
    assert {f.name for f in run.progress_folder.iterdir() if f.is_dir()} == {
        "member-0",
        "member-0-attempt-2",
        "member-0-attempt-3",
    }


def test_a_diverging_member_is_a_failed_one(tmp_path: Path, small_set: SmallSet) -> None:
    recipe = replace(RECIPE, learning_rate=1e30, warmup_epochs=0.0, schedule="warm_restarts")
    run, data = begin(small_set, tmp_path, recipe, seeds=(7,))
    ended: list[MemberResult] = []
    for _ in range(2):  # the second time it is read from the run
        with pytest.raises(EnsembleFailed, match="lower the learning rate"):
            train_ensemble(run, data, jobs=1, threads=1, watch=Watch(on_member=ended.append))
    first, second = ended
    assert first == second
    assert (first.seed, first.attempts, first.best) == (2007, 3, None)
    assert voting((first,)) == []


def test_an_error_in_a_training_process_is_the_parents(tmp_path: Path, small_set: SmallSet) -> None:
    run, data = begin(small_set, tmp_path)
    folder = run.member_folder("member-1")
    folder.mkdir(parents=True)
    (folder / "checkpoint.safetensors").write_bytes(b"damaged")
    with pytest.raises(TrainingProcessError, match=r"member-1/checkpoint.safetensors: is damaged"):
        train_ensemble(run, data, jobs=2, threads=1)


def test_two_processes_never_train_one_member(
    tmp_path: Path, small_set: SmallSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clipkind.training.run.LOCK_WAIT_S", 0.3)
    run, data = begin(small_set, tmp_path)
    with (
        locked(run.member_folder("member-0")),
        pytest.raises(ClipkindError, match="another process is training there"),
    ):
        train_ensemble(run, data, jobs=1, threads=1)


def test_a_run_that_never_came_to_train_does_not_keep_its_folder(tmp_path: Path) -> None:
    """Whoever mends a split file that was refused goes on with the same command."""
    run = Run(tmp_path, RECIPE, (7, 8), IDENTITY)
    open_run(run)
    mended = replace(run, identity={**IDENTITY, "split": "t"})
    assert not open_run(mended)
    assert load_run(tmp_path) == mended


@pytest.mark.parametrize(
    ("worker", "error", "message"),
    [
        (["/nowhere/python"], OSError, "No such file"),
        (
            [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"],
            TrainingProcessError,
            "member-[01]: its training process was killed; if memory ran out",
        ),
    ],
    ids=["not started", "killed"],
)
def test_a_process_that_cannot_train_ends_the_run_with_a_line(
    tmp_path: Path,
    small_set: SmallSet,
    monkeypatch: pytest.MonkeyPatch,
    worker: list[str],
    error: type[Exception],
    message: str,
) -> None:
    monkeypatch.setattr("clipkind.training.pool._WORKER", worker)
    run, data = begin(small_set, tmp_path)
    with pytest.raises(error, match=message):
        train_ensemble(run, data, jobs=2, threads=1)


def test_a_folder_with_another_run_is_left_alone(tmp_path: Path) -> None:
    run = Run(tmp_path, RECIPE, (7, 8), IDENTITY)
    assert not open_run(run)
    run.member_folder("member-0").mkdir(parents=True)
    assert open_run(run)
    for other, what in (
        (replace(run, seeds=(7,)), "other seeds"),
        (replace(run, recipe=replace(RECIPE, dropout=0.1)), "other recipe dropout"),
        (replace(run, identity={**IDENTITY, "split": "t"}), "other split"),
    ):
        with pytest.raises(FileFormatError, match=what):
            open_run(other)
    (tmp_path / "mine.txt").write_text("kept")
    assert not open_run(replace(run, seeds=(9,)), restart=True)
    assert not (tmp_path / "members").exists()
    assert (tmp_path / "mine.txt").read_text() == "kept"
