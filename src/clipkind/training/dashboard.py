"""The live dashboard: one PNG an epoch for each member, and one that always shows the latest."""

import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from clipkind.files import write_file
from clipkind.training.history import EpochResult, best_epoch

BACKLOG = 8
"""Epochs that may wait to be drawn; when more do, the oldest are passed over."""


class Dashboard:
    """Draws `folder/<member>/epoch_NNN.png` and `folder/<member>_current.png`."""

    def __init__(
        self,
        folder: Path,
        member: str,
        class_names: tuple[str, ...],
        keep_epochs: int | None = None,
    ) -> None:
        """`keep_epochs` removes the pictures of later epochs, as training will come to them again.

        Members of other names have other files.
        """
        self.member = member
        self.class_names = class_names
        self.folder = folder / member
        self.current = folder / f"{member}_current.png"
        self.folder.mkdir(parents=True, exist_ok=True)
        if keep_epochs is not None:
            for path in self.folder.glob("epoch_*.png"):
                number = path.stem.removeprefix("epoch_")
                if number.isdecimal() and int(number) > keep_epochs:
                    path.unlink()

    def draw(
        self,
        epochs: Sequence[EpochResult],
        *,
        total_epochs: int,
        best: EpochResult | None = None,
    ) -> Path:
        """Draw the last of `epochs`, with those before it as curves; returns its picture.

        `best` is the epoch that training would keep; without it the one of highest macro F1.
        Raises OSError where the files cannot be written; they are replaced in one step each.
        """
        from clipkind.training.panels import draw_picture  # matplotlib: up to seconds to import

        best = best or best_epoch(epochs)
        png = draw_picture(self.member, self.class_names, epochs, total_epochs, best)
        path = self.folder / f"epoch_{epochs[-1].epoch:03d}.png"
        for place in (path, self.current):
            write_file(place, png)
        return path


class LiveDashboard:
    """Draws in a thread of its own, so that training need not wait. Use it in a `with` block."""

    def __init__(self, dashboard: Dashboard) -> None:
        self._dashboard = dashboard
        self._waiting: deque[tuple[tuple[EpochResult, ...], int, EpochResult | None]] = deque(
            maxlen=BACKLOG
        )
        self._changed = threading.Condition()
        self._closing = False
        self._error: OSError | None = None
        self._thread = threading.Thread(target=self._work, name="dashboard", daemon=True)
        self._thread.start()

    def submit(
        self,
        epochs: Sequence[EpochResult],
        *,
        total_epochs: int,
        best: EpochResult | None = None,
    ) -> None:
        """Have `Dashboard.draw` called with these soon. Raises OSError of an earlier drawing."""
        with self._changed:
            self._raise_error()
            self._waiting.append((tuple(epochs), total_epochs, best))
            self._changed.notify()

    def close(self) -> None:
        """Draw what waits, then end the thread. Raises OSError of a drawing."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()
        self._raise_error()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._waiting:
                    return
                epochs, total_epochs, best = self._waiting.popleft()
            try:
                self._dashboard.draw(epochs, total_epochs=total_epochs, best=best)
            except OSError as error:
                with self._changed:
                    self._error = error

    def _raise_error(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error
