"""The progress of training: bars on a terminal, few plain lines elsewhere."""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from rich.console import Console

from clipkind.cli.training_progress import TrainingProgress
from training.epochs import some_epochs

MEMBERS = ["member-0", "member-1"]


@contextmanager
def progress(terminal: bool, shown: list[str]) -> Iterator[TrainingProgress]:
    """A view on an 80 column console; `shown` gets its lines without control sequences."""
    file = io.StringIO()
    console = Console(file=file, force_terminal=terminal, width=80, color_system=None)
    with TrainingProgress(console, MEMBERS) as view:
        yield view
    shown += re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", file.getvalue()))


def test_without_a_terminal_there_are_few_lines_with_all_that_matters() -> None:
    shown: list[str] = []
    epochs = some_epochs(25)
    with progress(False, shown) as view:
        for result in epochs:
            view.epoch("member-0", result, 25)
        view.finished("member-0", "25 epochs")
    assert [line.split(":")[1].strip() for line in shown if line] == [
        "epoch 1 of 25",
        "epoch 11 of 25",
        "epoch 21 of 25",
        "epoch 25 of 25",
        "25 epochs",
    ]
    best = max(epochs, key=lambda result: result.val_macro_f1)
    last = epochs[-1]
    assert f"macro F1 {last.val_macro_f1:.3f} (best {best.val_macro_f1:.3f} in epoch" in shown[3]
    assert f"accuracy {last.val_accuracy:.1%}" in shown[3]
    assert "0:00 left at most" in shown[3]


def test_slow_epochs_are_told_of_once_a_minute() -> None:
    shown: list[str] = []
    with progress(False, shown) as view:
        for result in some_epochs(7):
            view.epoch("member-0", replace(result, seconds=25.0), 150)
    assert [line.split(":")[1] for line in shown if line] == [
        " epoch 1 of 150",
        " epoch 4 of 150",
        " epoch 7 of 150",
    ]
    assert "59:35 left at most" in shown[2]


def test_bars_show_each_member_and_all_within_the_terminals_width() -> None:
    shown: list[str] = []
    with progress(True, shown) as view:
        for result in some_epochs(25):
            view.epoch("member-0", result, 40)
        view.finished("member-0", "stopped early")
        for result in some_epochs(12, seed=1):
            view.epoch("member-1", replace(result, seconds=0.5), 40)
    assert all(len(line) <= 80 for line in shown)
    first, second, every = [line for line in shown if line.strip()][-3:]
    assert re.search(r"member-0 .* 25/25 F1 0\.\d{3}  acc \d\d\.\d%  .* s/epoch  done", first)
    assert re.search(r"member-1 .* 12/40 F1 0\.\d{3}  .*0\.5 s/epoch  left 0:14", second)
    assert re.search(r"all .* 37/65 1 of 2 done .* left \d+:\d\d", every)
    assert "member-0: stopped early" in [line.strip() for line in shown]


def test_a_resumed_member_begins_where_it_was() -> None:
    shown: list[str] = []
    epochs = [replace(result, val_macro_f1=0.9 - result.epoch / 100) for result in some_epochs(20)]
    with progress(True, shown) as view:
        view.resumed("member-1", epochs[:19], 40)
        view.epoch("member-1", epochs[19], 40)
    _, second, every = [line for line in shown if line.strip()][-3:]
    assert "20/40 F1 0.890" in second  # the best is from before
    assert "20/80" in every


def test_a_member_that_begins_anew_forgets_its_first_attempt() -> None:
    shown: list[str] = []
    with progress(True, shown) as view:
        view.resumed("member-0", [], 40)
        for result in some_epochs(9):
            view.epoch("member-0", replace(result, val_macro_f1=0.99), 40)
        for result in some_epochs(3):
            view.epoch("member-0", replace(result, val_macro_f1=0.5), 40)
    assert "3/40 F1 0.500" in [line for line in shown if line.strip()][-3]


@pytest.mark.parametrize("terminal", [True, False])
def test_notes_stay_and_are_shown_as_they_are(terminal: bool) -> None:
    shown: list[str] = []
    with progress(terminal, shown) as view:
        view.note("member-0: collapsed, [b]again[/b] :smile: \x1b[31m " + "long " * 30)
        view.finished("member-1", "done before")
    text = "\n".join(shown)
    assert r"collapsed, [b]again[/b] :smile: \x1b[31m " + "long " * 29 in text
    assert "member-1: done before" in text
