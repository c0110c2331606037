"""What an epoch of training came to, and the files that keep it."""

import csv
import io
import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from statistics import median
from typing import Any, Self

from clipkind.errors import FileFormatError
from clipkind.files import write_file
from clipkind.text import printable


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch. Losses are means over videos, accuracies and F1 are 0..1."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """At the start of the epoch."""
    train_loss: float
    train_accuracy: float
    """On the augmented videos, as they were trained on."""
    train_weighted_f1: float
    val_loss: float
    val_nll: float
    """Mean negative log-likelihood of the true class: how well the confidences fit."""
    val_accuracy: float
    val_macro_f1: float
    val_weighted_f1: float
    val_f1: tuple[float, ...]
    """By class."""
    seconds: float

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Inverse of `dataclasses.asdict`, also after a way through JSON."""
        return cls(**{**values, "val_f1": tuple(values["val_f1"])})

    def to_json(self, class_names: tuple[str, ...]) -> dict[str, Any]:
        """A JSON-ready dict, with `val_f1` by class name."""
        return asdict(self) | {"val_f1": dict(zip(class_names, self.val_f1, strict=True))}


class History:
    """`history.jsonl` and `history.csv` of one member in `folder`: a line an epoch, kept in step.

    The JSON lines are what counts; the CSV is made from them, for spreadsheets. A line that a kill
    tore off is dropped, and the CSV put right, when the folder is opened again.
    """

    def __init__(
        self, folder: Path, class_names: tuple[str, ...], keep_epochs: int | None = None
    ) -> None:
        """Begin a history, or open the one in `folder` and drop what stands past `keep_epochs`.

        Raises FileFormatError where the file there is damaged or of other classes, then leaving it
        as it is.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / "history.jsonl"
        self.csv_path = folder / "history.csv"
        self.class_names = class_names
        self._results = _read(self.path, class_names) if self.path.exists() else ()
        self.truncate(len(self._results) if keep_epochs is None else keep_epochs)

    def read(self) -> tuple[EpochResult, ...]:
        """All epochs so far."""
        return self._results

    def append(self, result: EpochResult) -> None:
        """Add the next epoch. On OSError (disk full) both files are as they were."""
        if self._results and result.epoch <= self._results[-1].epoch:
            last = self._results[-1].epoch
            raise ValueError(f"epoch {result.epoch} after {last}: truncate the history first")
        size = self.path.stat().st_size
        _append(self.path, self._json_line(result))
        try:
            _append(self.csv_path, self._csv_text([self._row(result)]))
        except BaseException:
            os.truncate(self.path, size)
            raise
        self._results = (*self._results, result)

    def truncate(self, epochs: int) -> None:
        """Keep epochs up to number `epochs`, drop the later ones; 0 begins anew."""
        self.replace(result for result in self._results if result.epoch <= epochs)

    def replace(self, results: Iterable[EpochResult]) -> None:
        """Hold exactly `results`, such as those of the checkpoint from which training goes on."""
        results = tuple(results)
        rows = [self._header(), *(self._row(result) for result in results)]
        _write_changed(self.path, "".join(self._json_line(result) for result in results))
        _write_changed(self.csv_path, self._csv_text(rows))
        self._results = results

    def _json_line(self, result: EpochResult) -> str:
        return json.dumps(result.to_json(self.class_names)) + "\n"

    def _header(self) -> list[str]:
        *names, seconds = [field.name for field in fields(EpochResult) if field.name != "val_f1"]
        return [*names, *(f"f1_{printable(name)}" for name in self.class_names), seconds]

    def _row(self, result: EpochResult) -> list[Any]:
        values = asdict(result)
        f1, seconds = values.pop("val_f1"), values.pop("seconds")
        return [*values.values(), *f1, seconds]

    @staticmethod
    def _csv_text(rows: Sequence[Sequence[Any]]) -> str:
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        return text.getvalue()


def best_epoch(epochs: Sequence[EpochResult]) -> EpochResult:
    """Highest macro F1; of equals the best calibrated, of these the first."""
    return max(epochs, key=lambda result: (result.val_macro_f1, -result.val_nll))


def seconds_left(epochs: Sequence[EpochResult], total_epochs: int) -> float:
    """How long the epochs to come will take, were none spared by stopping early."""
    left = max(total_epochs - epochs[-1].epoch, 0)
    return left * median(result.seconds for result in epochs[-9:])  # the first one is often slow


def clock(seconds: float) -> str:
    """`0:07`, `12:30`, `2:05:09`."""
    minutes, second = divmod(round(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute}:{second:02d}"


def _read(path: Path, class_names: tuple[str, ...]) -> tuple[EpochResult, ...]:
    """The epochs in a file of JSON lines, of which the last may be torn."""
    lines = path.read_bytes().split(b"\n")
    results: list[EpochResult] = []
    for number, line in enumerate(lines, start=1):
        try:
            values = json.loads(line)
            names, f1 = tuple(values["val_f1"]), tuple(map(float, values["val_f1"].values()))
            result = EpochResult(**(values | {"val_f1": f1}))
        except (TypeError, ValueError, LookupError, AttributeError):
            if not any(lines[number:]):
                break  # torn by a kill, or what follows the last newline
            what = printable(f"{path}: line {number} is damaged")
            raise FileFormatError(f"{what}: move the file away to begin a new one") from None
        if names != class_names:
            theirs, ours = (printable(", ".join(group)) for group in (names, class_names))
            raise FileFormatError(
                f"{printable(str(path))}: is of the classes {theirs}, these are {ours}: "
                "write somewhere else"
            )
        results.append(result)
    return tuple(results)


def _write_changed(path: Path, text: str) -> None:
    """Replace the file in one step, unless it holds `text` already."""
    data = text.encode()
    if path.exists() and path.read_bytes() == data:
        return
    write_file(path, data)


def _append(path: Path, text: str) -> None:
    """Add `text` in one write; where that fails the file is as it was."""
    with path.open("ab", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        rest = memoryview(text.encode())
        try:
            while rest:
                rest = rest[file.write(rest) :]
        except OSError as error:
            file.truncate(size)
            raise OSError(error.errno, error.strerror, str(path)) from None
        except BaseException:
            file.truncate(size)
            raise
