"""How training goes, on the terminal: a bar for each member, and one for all of them."""

import threading
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.text import Text

from clipkind.text import printable
from clipkind.training.history import EpochResult, best_epoch, clock, seconds_left

LINE_EVERY_EPOCHS = 10
LINE_EVERY_SECONDS = 60.0
"""Where there is no terminal a member gets a line at its first and last epoch, and in between
whenever it has trained for as many epochs or as long since the last one."""


class TrainingProgress:
    """Bars on a terminal, now and then a plain line elsewhere. Use it in a `with` block.

    The bars go away at the end; what `note` and `finished` were given stays. May be called from
    several threads.
    """

    def __init__(self, console: Console, members: Sequence[str]) -> None:
        """`members` in the order of their bars."""
        self._console = console
        self._lock = threading.RLock()
        self._members = {member: _Member() for member in members}
        self._started: float | None = None
        self._bars = _bars(console) if console.is_terminal else None
        self._tasks: dict[str, TaskID] = {}
        if self._bars is not None:
            for member in members:
                self._tasks[member] = self._bars.add_task(
                    printable(member), total=None, text="waiting"
                )
            self._all = self._bars.add_task("all", total=None, text="", visible=len(members) > 1)

    def __enter__(self) -> Self:
        if self._bars is not None:
            self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._bars is not None:
            self._bars.stop()

    def resumed(self, member: str, epochs: Sequence[EpochResult], total_epochs: int) -> None:
        """A member goes on after `epochs`, which were trained before."""
        with self._lock:
            state = self._members[member]
            state.epochs, state.total = list(epochs), total_epochs
            if epochs:
                self._update(member)

    def epoch(self, member: str, result: EpochResult, total_epochs: int) -> None:
        """An epoch of a member is done; an earlier one than before means that it began anew."""
        with self._lock:
            state = self._members[member]
            if state.epochs and result.epoch <= state.epochs[-1].epoch:
                state.epochs.clear()
            state.epochs.append(result)
            state.trained += 1
            state.total = total_epochs
            if self._started is None:
                self._started = time.monotonic() - result.seconds
            self._update(member)
            if self._bars is None:
                self._line(member, state)

    def note(self, text: str) -> None:
        """Say something that should stay on the screen, such as that a member starts again."""
        with self._lock:
            # as Text, in which rich replaces neither [markup] nor :emoji:
            self._console.print(Text(printable(text)), soft_wrap=True)

    def finished(self, member: str, text: str) -> None:
        """A member is done, which `text` sums up; its bar is full, early stopping or not."""
        with self._lock:
            state = self._members[member]
            state.done = True
            self._update(member)
            self.note(f"{member}: {text}")

    def _update(self, member: str) -> None:
        """Redraw the bar of a member and the one of all."""
        if self._bars is None:
            return
        states = list(self._members.values())
        longest = max(state.total for state in states)
        for state in states:
            state.goal = state.reached if state.done else state.total or longest
        state = self._members[member]
        self._bars.update(
            self._tasks[member], completed=state.reached, total=state.goal, text=_figures(state)
        )
        reached, goal = sum(s.reached for s in states), sum(s.goal for s in states)
        text = f"{sum(s.done for s in states)} of {len(states)} done"
        if self._started is not None:
            seconds = time.monotonic() - self._started
            left = seconds / sum(s.trained for s in states) * (goal - reached)
            text += f"  {clock(seconds)}  left {clock(left)}"
        self._bars.update(self._all, completed=reached, total=goal, text=text)

    def _line(self, member: str, state: "_Member") -> None:
        now, best = state.epochs[-1], best_epoch(state.epochs)
        state.silent_epochs += 1
        state.silent_seconds += now.seconds
        if (
            len(state.epochs) > 1
            and now.epoch < state.total
            and state.silent_epochs < LINE_EVERY_EPOCHS
            and state.silent_seconds < LINE_EVERY_SECONDS
        ):
            return
        state.silent_epochs, state.silent_seconds = 0, 0.0
        self.note(
            f"{member}: epoch {now.epoch} of {state.total}: loss {now.train_loss:.3f}, "
            f"validation {now.val_loss:.3f}, accuracy {now.val_accuracy:.1%}, "
            f"macro F1 {now.val_macro_f1:.3f} (best {best.val_macro_f1:.3f} in epoch "
            f"{best.epoch}), {now.seconds:.3g} s an epoch, "
            f"{clock(seconds_left(state.epochs, state.total))} left at most"
        )


class _Member:
    """What is known of a member while it trains."""

    def __init__(self) -> None:
        self.epochs: list[EpochResult] = []
        self.total = 0
        self.trained = 0
        """Epochs since the start of this view, those of given-up attempts too."""
        self.goal = 0
        """Epochs there will be, as far as is known."""
        self.done = False
        self.silent_epochs = 0
        self.silent_seconds = 0.0

    @property
    def reached(self) -> int:
        return self.epochs[-1].epoch if self.epochs else 0


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        console=console,
        transient=True,
    )


def _figures(state: _Member) -> str:
    if not state.epochs:
        return "done"
    now, best = state.epochs[-1], best_epoch(state.epochs)
    figures = f"F1 {best.val_macro_f1:.3f}  acc {now.val_accuracy:.1%}  {now.seconds:.2g} s/epoch"
    left = clock(seconds_left(state.epochs, state.total))
    return f"{figures}  done" if state.done else f"{figures}  left {left}"
