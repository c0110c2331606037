"""The history files: complete, in step with each other, and whole again after a kill."""

import csv
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.errors import FileFormatError
from clipkind.training.history import EpochResult, History, best_epoch, clock, seconds_left
from features.full_disk import disk_full_at

CLASSES = ("Animation", "Flat_Content")


def epoch(number: int, macro_f1: float = 0.5, nll: float = 1.0, classes: int = 2) -> EpochResult:
    return EpochResult(
        epoch=number,
        learning_rate=1e-3 / number,
        train_loss=1 / number,
        train_accuracy=0.5,
        train_weighted_f1=0.25,
        val_loss=2 / number,
        val_nll=nll,
        val_accuracy=0.75,
        val_macro_f1=macro_f1,
        val_weighted_f1=0.6,
        val_f1=tuple(macro_f1 / (place + 1) for place in range(classes)),
        seconds=number / 3,
    )


def write(folder: Path, count: int) -> History:
    history = History(folder, CLASSES)
    for number in range(1, count + 1):
        history.append(epoch(number))
    return history


def csv_rows(history: History) -> list[dict[str, str]]:
    with history.csv_path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def assert_in_step(history: History, numbers: list[int]) -> None:
    assert [result.epoch for result in history.read()] == numbers
    lines = history.path.read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == numbers
    assert [int(row["epoch"]) for row in csv_rows(history)] == numbers


def test_both_files_hold_every_epoch(tmp_path: Path) -> None:
    history = write(tmp_path / "run" / "member", 3)
    assert_in_step(history, [1, 2, 3])
    assert History(history.path.parent, CLASSES).read() == tuple(map(epoch, (1, 2, 3)))
    line = json.loads(history.path.read_text().splitlines()[1])
    assert line["val_f1"] == {"Animation": 0.5, "Flat_Content": 0.25}
    row = csv_rows(history)[1]
    assert float(row["f1_Flat_Content"]) == 0.25
    for name in ("learning_rate", "train_loss", "val_nll", "val_macro_f1", "seconds"):
        assert float(row[name]) == line[name] == getattr(epoch(2), name)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.text(max_size=12), min_size=2, max_size=5, unique=True))
def test_any_class_names_are_safe(
    tmp_path_factory: pytest.TempPathFactory, names: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("names")
    History(folder, tuple(names)).append(epoch(1, classes=len(names)))
    history = History(folder, tuple(names))
    assert history.read() == (epoch(1, classes=len(names)),)
    head, row = csv.reader(history.csv_path.read_text(encoding="utf-8").splitlines())
    assert len(head) == len(row) == 11 + len(names)
    assert [float(value) for value in row[10:-1]] == list(epoch(1, classes=len(names)).val_f1)


def test_names_that_would_break_a_table(tmp_path: Path) -> None:
    names = ('a,"b', "two\nlines", "caf\udce9", "$x")
    History(tmp_path, names).append(epoch(1, classes=4))
    history = History(tmp_path, names)
    assert history.read()[0].val_f1 == epoch(1, classes=4).val_f1
    columns = [name for name in csv_rows(history)[0] if name.startswith("f1_")]
    assert columns == ['f1_a,"b', r"f1_two\x0alines", r"f1_caf\xe9", "f1_$x"]


def test_a_line_torn_anywhere_is_dropped(tmp_path: Path) -> None:
    history = write(tmp_path, 3)
    whole = history.path.read_bytes()
    start = len(b"".join(whole.splitlines(keepends=True)[:2]))
    for size in range(start, len(whole) - 1, 7):
        history.path.write_bytes(whole[:size])
        assert_in_step(History(tmp_path, CLASSES), [1, 2])
    history.path.write_bytes(whole[:-1])  # all but the newline
    again = History(tmp_path, CLASSES)
    again.append(epoch(4))
    assert_in_step(again, [1, 2, 3, 4])


def test_a_csv_left_behind_by_a_kill_is_put_right(tmp_path: Path) -> None:
    history = write(tmp_path, 3)
    whole = history.csv_path.read_bytes()
    history.csv_path.write_bytes(whole[:-30])
    assert_in_step(History(tmp_path, CLASSES), [1, 2, 3])
    assert history.csv_path.read_bytes() == whole
    history.csv_path.unlink()
    assert_in_step(History(tmp_path, CLASSES), [1, 2, 3])


def test_training_resumed_from_an_older_checkpoint_gives_the_same_files(tmp_path: Path) -> None:
    straight = write(tmp_path / "straight", 6)
    write(tmp_path / "killed", 5)
    resumed = History(tmp_path / "killed", CLASSES, keep_epochs=3)
    assert_in_step(resumed, [1, 2, 3])
    for number in (4, 5, 6):
        resumed.append(epoch(number))
    assert resumed.path.read_bytes() == straight.path.read_bytes()
    assert resumed.csv_path.read_bytes() == straight.csv_path.read_bytes()
    resumed.truncate(0)
    assert_in_step(resumed, [])
    resumed.replace(map(epoch, (1, 2)))
    assert_in_step(resumed, [1, 2])


def test_an_epoch_cannot_stand_twice(tmp_path: Path) -> None:
    history = write(tmp_path, 3)
    with pytest.raises(ValueError, match="epoch 3 after 3"):
        history.append(epoch(3))
    assert_in_step(history, [1, 2, 3])


@pytest.mark.parametrize("damage", [b"{}", b"no json", b"\xff\x00", b"[1]", b""])
def test_damage_before_the_end_is_refused_and_kept(tmp_path: Path, damage: bytes) -> None:
    history = write(tmp_path, 3)
    lines = history.path.read_bytes().splitlines()
    damaged = b"\n".join([lines[0], damage, lines[2]]) + b"\n"
    history.path.write_bytes(damaged)
    with pytest.raises(FileFormatError, match=r"history\.jsonl: line 2 is damaged"):
        History(tmp_path, CLASSES)
    assert history.path.read_bytes() == damaged


def test_a_history_of_other_classes_is_refused(tmp_path: Path) -> None:
    write(tmp_path, 2)
    with pytest.raises(FileFormatError, match="Animation, Flat_Content, these are Animation, Art"):
        History(tmp_path, ("Animation", "Art"))


@pytest.mark.parametrize("name", ["history.jsonl", "history.csv"])
def test_a_full_disk_leaves_both_files_in_step(tmp_path: Path, name: str) -> None:
    history = write(tmp_path, 2)
    sizes = {file: file.stat().st_size for file in (history.path, history.csv_path)}
    # the JSON lines grow faster, so a limit beyond them strikes them first
    limit = sizes[history.path] + 40 if name == "history.jsonl" else None
    if limit is None:
        history.csv_path.write_bytes(history.csv_path.read_bytes() + b" " * 4000)
        sizes[history.csv_path] += 4000
        limit = sizes[history.csv_path] + 40
    with disk_full_at(limit), pytest.raises(OSError, match=name):
        history.append(epoch(3))
    assert {file: file.stat().st_size for file in sizes} == sizes
    again = History(tmp_path, CLASSES)
    again.append(epoch(3))
    assert_in_step(again, [1, 2, 3])


def test_the_best_epoch_has_the_highest_macro_f1_then_fits_best() -> None:
    epochs = [epoch(1, 0.8), epoch(2, 0.9, nll=0.5), epoch(3, 0.9, nll=0.4), epoch(4, 0.9, nll=0.4)]
    assert best_epoch(epochs).epoch == 3


def test_time_left_is_told_by_the_usual_epoch() -> None:
    epochs = [epoch(1), epoch(2), epoch(3)]
    assert seconds_left(epochs, 10) == pytest.approx(7 * 2 / 3)
    assert seconds_left(epochs, 3) == 0
    assert [clock(s) for s in (0, 7.4, 750, 7509)] == ["0:00", "0:07", "12:30", "2:05:09"]
