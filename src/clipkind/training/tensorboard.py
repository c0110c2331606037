"""The epochs of one member as TensorBoard event files: `tensorboard --logdir RUN`."""

import time
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from clipkind.text import printable
from clipkind.training.history import EpochResult


class TensorBoardLog:
    """Writes one event file into `folder`; each epoch is on the disk when `append` returns."""

    def __init__(
        self, folder: Path, class_names: tuple[str, ...], keep_epochs: int | None = None
    ) -> None:
        """Begin, or go on: later epochs than `keep_epochs` in older files of `folder` are void."""
        self._f1_tags = tuple(f"f1/{printable(name)}" for name in class_names)
        purge_step = None if keep_epochs is None else keep_epochs + 1
        _wait_for_a_later_name(folder)
        self._writer = SummaryWriter(str(folder), purge_step=purge_step)

    def append(self, result: EpochResult) -> None:
        """Add one epoch, as step `result.epoch`."""
        scalars = {
            "loss/train": result.train_loss,
            "loss/val": result.val_loss,
            "loss/val_nll": result.val_nll,
            "accuracy/train": result.train_accuracy,
            "accuracy/val": result.val_accuracy,
            "f1_mean/train_weighted": result.train_weighted_f1,
            "f1_mean/val_weighted": result.val_weighted_f1,
            "f1_mean/val_macro": result.val_macro_f1,
            "learning_rate": result.learning_rate,
            "seconds": result.seconds,
        } | dict(zip(self._f1_tags, result.val_f1, strict=True))
        for tag, value in scalars.items():
            self._writer.add_scalar(tag, value, result.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Write what is left and end the writer's thread."""
        self._writer.close()


def _wait_for_a_later_name(folder: Path) -> None:
    """Readers take event files in the order of their names, which begin with the second."""
    while any(folder.glob(f"events.out.tfevents.{int(time.time()):010d}.*")):
        time.sleep(0.02)
