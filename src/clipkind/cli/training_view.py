"""What `train` and `fit` show while they train: what on, how it goes, how to go on after a stop."""

from collections import Counter
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from rich.console import Console

from clipkind.cli.training_progress import TrainingProgress
from clipkind.dataset.splits.table import SPLITS
from clipkind.text import counted, printable
from clipkind.training import distributed
from clipkind.training.history import EpochResult
from clipkind.training.prepare import TrainingData
from clipkind.training.run import MemberResult, Run, read_result
from clipkind.training.watch import Watch


class TrainingView:
    """Bars and notes on stderr. Of several processes that train together only the first shows."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._open = ExitStack()
        self._progress: TrainingProgress | None = None
        self._total = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._open.close()
        if kind is KeyboardInterrupt and self._progress is not None:
            self._progress.note("Stopped. The same command goes on from the last checkpoint.")

    @property
    def watch(self) -> Watch:
        """For `train_ensemble`."""
        return Watch(
            on_start=self._start,
            on_epoch=self._epoch,
            on_failure=self._failure,
            on_member=self._member,
        )

    def start(self, run: Run, data: TrainingData, resumed: bool) -> None:
        """Say what is trained on what, and show a bar a member."""
        if distributed.rank():
            return
        self._total = run.recipe.num_epochs
        self._progress = self._open.enter_context(TrainingProgress(self._console, run.members))
        counts = Counter(row.split for row in data.rows)
        sides = " + ".join(f"{counts[name]} {name}" for name in SPLITS)
        self._progress.note(
            f"{len(data.rows)} videos = {sides}, {len(data.contract.class_names)} classes, "
            f"{counted(len(run.seeds), 'member')}; a dashboard an epoch in {run.progress_folder}"
        )
        if data.refused:
            self._progress.note(f"{len(data.refused)} videos of the split have no features")
        if resumed:
            done = sum(read_result(run.member_folder(m)) is not None for m in run.members)
            self._progress.note(
                f"going on with an earlier run; members done: {done} of {len(run.members)}"
            )

    def _start(self, member: str, epochs: tuple[EpochResult, ...]) -> None:
        if self._progress is not None:
            self._progress.resumed(member, epochs, self._total)

    def _epoch(self, member: str, result: EpochResult) -> None:
        if self._progress is not None:
            self._progress.epoch(member, result, self._total)

    def _failure(self, member: str, why: str) -> None:
        if self._progress is not None:
            self._progress.note(printable(f"{member} failed ({why}); again with its next seed"))

    def _member(self, result: MemberResult) -> None:
        if self._progress is None:
            return
        text = f"failed {result.attempts} times: {result.failure}"
        if result.best is not None and not result.failure:
            best = result.best
            text = f"macro F1 {best.val_macro_f1:.3f}"
            if result.epochs > 1:
                text = f"best epoch {best.epoch} of {result.epochs}, {text}"
        self._progress.finished(result.name, text)
