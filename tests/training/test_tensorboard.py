"""TensorBoard's own reader finds what was written, each epoch once."""

from dataclasses import replace
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from clipkind.training.history import EpochResult
from clipkind.training.tensorboard import TensorBoardLog
from training.epochs import some_epochs

CLASSES = ("Animation", "caf\udce9 / \n$x")


def scalars(folder: Path) -> dict[str, list[tuple[int, float]]]:
    reader = EventAccumulator(str(folder), size_guidance={"scalars": 0}).Reload()
    return {
        tag: [(event.step, event.value) for event in reader.Scalars(tag)]
        for tag in reader.Tags()["scalars"]
    }


def log(folder: Path, epochs: list[EpochResult], keep_epochs: int | None = None) -> None:
    writer = TensorBoardLog(folder, CLASSES, keep_epochs)
    for result in epochs:
        writer.append(result)
    writer.close()


def test_every_epoch_can_be_read_back(tmp_path: Path) -> None:
    epochs = some_epochs(3, classes=2)
    log(tmp_path, epochs)
    found = scalars(tmp_path)
    wanted = {
        "loss/train": [e.train_loss for e in epochs],
        "loss/val": [e.val_loss for e in epochs],
        "loss/val_nll": [e.val_nll for e in epochs],
        "accuracy/train": [e.train_accuracy for e in epochs],
        "accuracy/val": [e.val_accuracy for e in epochs],
        "f1_mean/train_weighted": [e.train_weighted_f1 for e in epochs],
        "f1_mean/val_weighted": [e.val_weighted_f1 for e in epochs],
        "f1_mean/val_macro": [e.val_macro_f1 for e in epochs],
        "learning_rate": [e.learning_rate for e in epochs],
        "seconds": [e.seconds for e in epochs],
        "f1/Animation": [e.val_f1[0] for e in epochs],
        r"f1/caf\xe9 / \x0a$x": [e.val_f1[1] for e in epochs],
    }
    assert found.keys() == wanted.keys()
    for tag, values in wanted.items():
        assert [step for step, _ in found[tag]] == [1, 2, 3]
        for (_, value), expected in zip(found[tag], values, strict=True):
            assert abs(value - expected) < 1e-6


def test_an_epoch_is_on_the_disk_before_the_log_is_closed(tmp_path: Path) -> None:
    writer = TensorBoardLog(tmp_path, CLASSES)
    writer.append(some_epochs(1, classes=2)[0])
    assert len(scalars(tmp_path)["loss/val"]) == 1
    writer.close()


def test_a_resumed_run_shows_no_epoch_twice(tmp_path: Path) -> None:
    epochs = some_epochs(6, classes=2)
    changed = [replace(result, train_loss=result.train_loss + 10) for result in epochs]
    log(tmp_path, epochs[:5])
    log(tmp_path, changed[3:], keep_epochs=3)  # the checkpoint was older than the log
    found = scalars(tmp_path)
    assert [step for step, _ in found["loss/train"]] == [1, 2, 3, 4, 5, 6]
    assert [value > 10 for _, value in found["loss/train"]] == [False] * 3 + [True] * 3
    log(tmp_path, epochs[:2], keep_epochs=0)
    assert [step for step, _ in scalars(tmp_path)["seconds"]] == [1, 2]
