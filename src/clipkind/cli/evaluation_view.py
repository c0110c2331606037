"""What `evaluate` shows: how far it is, and in the end what a stranger wants to know first."""

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from clipkind.cli.progress import progress_bar, table_console
from clipkind.evaluation.result import Evaluation, Figure, Selective, System
from clipkind.text import printable

_ERRORS = 3
"""Wrong answers named on the screen."""
_IN_VERDICT = ("baseline", "ablation")


class EvaluationView:
    """One bar, on a terminal, for the stages one after another."""

    def __init__(self) -> None:
        self._bar = progress_bar(Console(stderr=True, highlight=False))
        self._task = self._bar.add_task("", total=None, rate="")

    def __enter__(self) -> Self:
        if not self._bar.disable:
            self._bar.start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._bar.stop()

    def stage(self, name: str) -> None:
        """A stage begins. Where no bar can move, a line says so: some take minutes."""
        if self._bar.disable or not self._bar.console.is_terminal:
            click.echo(f"{name} …", err=True)
        self._bar.reset(self._task, description=name, total=None)

    def step(self, done: int, total: int) -> None:
        """So much of the stage is done."""
        self._bar.update(self._task, completed=done, total=total)


def print_evaluation(found: Evaluation, risk: float, made: Iterable[Path]) -> None:
    """The headline, the systems, the verdict, what is worse than the rest, where all of it lies."""
    ensemble = found["systems"][0]["scores"]
    say = click.echo
    say(
        f"{printable(found['model'])} on {found['split']}: {found['videos']} videos of "
        f"{found['groups']} groups, {found['combination']}"
    )
    say(f"Accuracy {_figure(ensemble['accuracy'])}, macro F1 {_figure(ensemble['macro_f1'])}")
    f1 = ", ".join(
        f"{printable(name)} {scores['f1']['value']:.3f}"
        for name, scores in ensemble["classes"].items()
    )
    say(f"F1: {f1}")
    say("")
    table_console().print(_table(found["systems"]))
    say("")
    say(f"{found['question']} {found['verdict']}")
    names = {system["name"] for system in found["systems"] if system["kind"] in _IN_VERDICT}
    for comparison in found["comparisons"]:
        if comparison["a"].startswith("ensemble") and comparison["b"] not in names:
            say(f"* {comparison['sentence']}")
    _say_findings(found, risk)
    for path in made:
        say(f"Written: {printable(str(path))}")


def _say_findings(found: Evaluation, risk: float) -> None:
    for stated in found["selective"]:
        if stated["risk"] == risk:
            click.echo(f"* {_selective(stated)}")
    worse = [
        f"{name} {printable(part['value'])} {_figure(part['accuracy'])}, {part['videos']} videos"
        for name, parts in found["slices"].items()
        for part in parts
        if part["worse"]
    ]
    for line in worse:
        click.echo(f"! worse than the other videos: {line}")
    for row in found["robustness"]:
        if row["drop"]["low"] > 0:
            click.echo(f"! worse when disturbed: {row['name']}, drop {_figure(row['drop'])}")
    for error in found["errors"][:_ERRORS]:
        where = printable(error["path"] or error["id"])
        click.echo(
            f"* wrong with confidence {error['confidence']:.2f}: {where} is "
            f"{printable(error['true'])}, answered {printable(error['answered'])}"
        )
    if found["missing"]:
        click.echo(f"! {len(found['missing'])} videos of the split have no features: not counted")
    for note in found["notes"]:
        click.echo(f"* {printable(note)}")


def _selective(row: Selective) -> str:
    error = row["single_error"]
    wrong = f", of these wrong {_figure(error)}" if error else ""
    how = " with TTA" if row["tta"] else ""
    return (
        f"At a risk of {row['risk']:g}{how}: one label for {row['single']:.0%} of the videos"
        f"{wrong}; several for {row['several']:.0%}, none for {row['unsure']:.0%}."
    )


def _table(systems: list[System]) -> Table:
    """One line a system; with TTA it is a column."""
    with_tta = {
        system["name"].removesuffix(" + TTA"): system for system in systems if system["tta"]
    }
    table = Table(box=None, pad_edge=False)
    table.add_column("System", overflow="fold")
    heads = ["Accuracy", "95 % interval", *(["With TTA"] if with_tta else [])]
    for head in (*heads, "Macro F1", "ECE", "Brier"):
        table.add_column(head, justify="right")
    for system in systems:
        if system["tta"]:
            continue
        scores, name = system["scores"], system["name"]
        accuracy = scores["accuracy"]
        cells = [f"{accuracy['value']:.3f}", f"{accuracy['low']:.3f}–{accuracy['high']:.3f}"]
        if with_tta:
            other = with_tta.get(name)
            cells.append(f"{other['scores']['accuracy']['value']:.3f}" if other else "–")
        cells.append(f"{scores['macro_f1']['value']:.3f}")
        cells += ["–" if part is None else f"{part['value']:.3f}" for part in _errors_of(system)]
        bold = "bold" if system["kind"] == "ensemble" else ""
        table.add_row(Text(printable(name), style=bold), *cells)
    return table


def _errors_of(system: System) -> tuple[Figure | None, Figure | None]:
    return system["scores"]["ece"], system["scores"]["brier"]


def _figure(figure: Figure) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"
