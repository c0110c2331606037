"""How predictions reach people and programs: a table, JSON lines or CSV."""

import csv
import io
import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path
from typing import Literal, TextIO, cast

from rich.console import Console
from rich.text import Text

from clipkind.cli.streams import results
from clipkind.files import output
from clipkind.inference.prediction import Prediction
from clipkind.text import class_heads, columns, printable

Format = Literal["table", "json", "csv"]
COLORS = ("magenta", "cyan", "yellow", "green", "blue", "red")
"""One a class, in the model's order, round and round."""
_STATUS_COLORS = {"partial": "yellow", "refused": "red"}
MIN_NAME = 16
STRANGE = 0.99
"""Strangeness from which the table marks an answer."""
PLAIN_NAME = 120
"""Columns that a name may take in a table that goes to a file or pipe; and, next, where the names
are not known beforehand."""
UNKNOWN_NAME = 50


class Writer(ABC):
    """Takes predictions one by one, as they are ready."""

    @abstractmethod
    def write(self, prediction: Prediction) -> None: ...

    def finish(self) -> None:  # noqa: B027 - most have nothing left to say
        """Called after the last one."""


class JsonWriter(Writer):
    """One JSON object a line."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, prediction: Prediction) -> None:
        self._stream.write(json.dumps(prediction.to_json()) + "\n")
        self._stream.flush()


class CsvWriter(Writer):
    """A header and one row a video; each class's probability has a column `p_<class>`.

    Several labels stand in one cell, with `|` between them.
    """

    def __init__(self, stream: TextIO, class_names: tuple[str, ...]) -> None:
        self._stream = stream
        self._classes = class_names
        self._csv = csv.writer(stream, lineterminator="\n")
        self._head = True

    def write(self, prediction: Prediction) -> None:
        self._write_head()
        values = prediction.to_json()
        probabilities = values.pop("probabilities") or {}
        values["labels"] = "|".join(values["labels"])
        self._csv.writerow([*values.values(), *(probabilities.get(n) for n in self._classes)])
        self._stream.flush()

    def finish(self) -> None:
        self._write_head()  # of no videos too: readers need it
        self._stream.flush()

    def _write_head(self) -> None:
        if self._head:
            names = [n for n in Prediction(path="", status="ok").to_json() if n != "probabilities"]
            self._csv.writerow([*names, *(f"p_{name}" for name in self._classes)])
            self._head = False


class TableWriter(Writer):
    """Rows of fixed width, so that each appears as soon as it is known.

    The first column is as wide as the longest of `names`, the videos' where they are known, as far
    as the terminal or PLAIN_NAME lets it. A confidence in an answer for a very strange video bears
    a mark, explained at the end.
    """

    def __init__(
        self,
        console: Console,
        class_names: tuple[str, ...],
        several: bool,
        names: Iterable[str] | None = None,
    ) -> None:
        self._console = console
        self._classes = class_names
        self._heads = dict(zip(class_names, class_heads(class_names), strict=True))
        pairs = [self._joined(pair) for pair in combinations(class_names, 2)] if several else []
        self._label = max(columns(name) for name in (*class_names, *pairs, "Label", "refused"))
        self._columns = [max(columns(head), 5) for head in self._heads.values()]
        rest = self._label + 13 + sum(width + 2 for width in self._columns) + 8
        if console.is_terminal:
            most = max(min(console.width - rest, 60), MIN_NAME)
        else:
            most = UNKNOWN_NAME if names is None else PLAIN_NAME
        longest = most if names is None else max((len(printable(n)) for n in names), default=0)
        self._name = min(max(longest, MIN_NAME), most)
        self._head = True
        self._marked = False

    def write(self, prediction: Prediction) -> None:
        if self._head:
            self._print_head()
        line = Text(f"{_fit(printable(prediction.path), self._name)}  ", overflow="fold")
        if prediction.probabilities is None:
            line.append(f"{'refused':<{self._label}}  ", style="red")
            line.append(f"{prediction.reason}: {printable(prediction.message)}")
        else:
            line.append(*self._answer(prediction))
            told = "" if prediction.confidence is None else f"{prediction.confidence:.1%}"
            strange = (prediction.strangeness or 0.0) >= STRANGE
            self._marked |= strange
            marked = f"! {told}" if strange else told
            line.append(f"{marked:>10}  ", style="yellow" if strange else "")
            for name, width in zip(self._classes, self._columns, strict=True):
                value = prediction.probabilities[name]
                line.append(f"{value:>{width}.3f}  ", style="" if value >= 0.1 else "dim")
            line.append(f"{prediction.elapsed_s:>7.2f}")
            if prediction.reason:
                line.append(f"  {prediction.reason}: {prediction.message}", style="yellow")
        self._console.print(line, soft_wrap=True)

    def finish(self) -> None:
        if self._marked:
            self._console.print(
                f"! strange: about {1 - STRANGE:.0%} of videos like those the model knows are so "
                "unlike its classes; this may be of another kind, whatever the confidence",
                soft_wrap=True,
            )

    def _print_head(self) -> None:
        classes = "".join(
            f"{' ' * (width - columns(head))}{head}  "
            for head, width in zip(self._heads.values(), self._columns, strict=True)
        )
        head = f"{'File':<{self._name}}  {'Label':<{self._label}}  {'Confidence':>10}  {classes}"
        self._console.print(Text(f"{head}Seconds", style="bold"), soft_wrap=True)
        self._head = False

    def _answer(self, prediction: Prediction) -> tuple[str, str]:
        """The label's cell, and its style."""
        if prediction.label is not None:
            text, style = prediction.label, f"bold {self._color(prediction.label)}"
        elif prediction.labels:
            text, style = self._joined(prediction.labels), "bold"
        else:
            text, style = "unsure", "dim"
        return f"{text}{' ' * (self._label - columns(text))}  ", style

    def _joined(self, labels: Iterable[str]) -> str:
        """Several labels as one: `Animation / Natural`."""
        return " / ".join(self._heads[label] for label in labels)

    def _color(self, label: str) -> str:
        return COLORS[self._classes.index(label) % len(COLORS)]


class _Plain(Console):
    def on_broken_pipe(self) -> None:
        raise BrokenPipeError  # as other formats do; rich would end the process


class _Rows(io.TextIOBase):
    """A stream of whole lines to a terminal, above the bar that is drawn there."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def write(self, line: str, /) -> int:
        self._console.print(Text(line.removesuffix("\n")), soft_wrap=True)
        return len(line)


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """Where results go: stdout, or a file that appears under its name once it is complete.

    Until then the results lie in `<path>.part`, which stays if the run is cut short.
    """
    if path is None:
        yield results()
        return
    with (
        output(path, part=True) as binary,
        io.TextIOWrapper(binary, encoding="utf-8", newline="") as stream,
    ):
        yield stream


def writer_for(
    chosen: Format,
    stream: TextIO,
    console: Console | None,
    class_names: tuple[str, ...],
    risk: float | None = None,
    names: Iterable[str] | None = None,
) -> Writer:
    """The writer of a format; all goes through `console` where one is shared with a bar.

    With a risk, answers may be several labels. `names`: of all videos, where they are known.
    """
    if console is not None:
        stream = cast(TextIO, _Rows(console))
    if chosen == "json":
        return JsonWriter(stream)
    if chosen == "csv":
        return CsvWriter(stream, class_names)
    plain = console or _Plain(file=stream, highlight=False)
    return TableWriter(plain, class_names, several=risk is not None, names=names)


def _fit(name: str, width: int) -> str:
    """The end of a path that is too long says more than its beginning."""
    return f"{name:<{width}}" if len(name) <= width else "…" + name[-(width - 1) :]
