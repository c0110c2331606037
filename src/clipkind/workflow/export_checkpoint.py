"""From a run or a bundle to checkpoints that the documented system's tools load."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.files import sync_folder
from clipkind.model.bundle import Bundle, Member, load_bundle
from clipkind.model.documented import Figures, old_tools_obstacle, write_documented
from clipkind.model.heads import TemporalConfig
from clipkind.model.temporal import TemporalClassifier
from clipkind.model.weights import HALF_FROM, load_weights
from clipkind.text import printable
from clipkind.training.history import History
from clipkind.training.run import Run, load_run, read_result

_PERCENT = 100.0
_NAME = "best_ensemble_model_{}.pt"
_UNFINISHED = ".unfinished-export"
"""Folder in which checkpoints are written; while it is there, those beside it are not all."""


@dataclass(frozen=True, slots=True)
class Exported:
    """One checkpoint that was written."""

    member: str
    path: Path
    obstacle: str
    """Why the old tools cannot build the network as they are; empty: they can."""


def export_checkpoints(source: Path, out: Path) -> tuple[Exported, ...]:
    """Write every voting network of a run or bundle to `out` as `best_ensemble_model_K.pt`.

    K counts from 1, as the old applications look for 1 to 4. A run gives the weights as trained
    and its history; a bundle its weights, in half precision where large. They appear once all are
    written; what an export that was cut short left is replaced. Raises FileFormatError for a
    network of another layout, ClipkindError where `out` already holds such files, OSError when the
    disk is full.
    """
    bundle = load_bundle(source)
    run = load_run(source) if (source / "run.json").exists() else None
    members = [(member, _require_documented(bundle, member)) for member in bundle.members]
    there = sorted(out.glob(_NAME.format("*")))
    unfinished = out / _UNFINISHED
    if there and not unfinished.exists():
        raise ClipkindError(f"{printable(str(there[0]))}: is there already; choose another --out")
    for path in there:
        path.unlink()
    written = []
    with _staging(unfinished):
        for number, (member, config) in enumerate(members):
            model = TemporalClassifier(config)
            load_weights(model, bundle.path / member.weights)
            figures = _imported_figures(bundle, number)
            if run is not None:
                figures = _trained(run, bundle, number, model) or figures
            name = _NAME.format(number + 1)
            write_documented(unfinished / name, model.eval(), figures)
            written.append(Exported(member.name, out / name, old_tools_obstacle(model)))
    for one in written:
        (unfinished / one.path.name).replace(one.path)
    shutil.rmtree(unfinished)
    sync_folder(out)
    return tuple(written)


@contextmanager
def _staging(folder: Path) -> Iterator[None]:
    """An empty folder to write into, which goes again when that fails."""
    parent_was_there = folder.parent.exists()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        if not parent_was_there:
            with suppress(OSError):  # somebody put something there
                folder.parent.rmdir()
        raise


def _require_documented(bundle: Bundle, member: Member) -> TemporalConfig:
    """Before anything is written: that the old tools know this kind of network."""
    config = TemporalConfig.from_json(member.config)
    if config.head == "temporal" and config.num_lstm_layers and config.num_attention_heads:
        return config
    raise FileFormatError(
        f"model {bundle.name}, {member.name}: head {config.head} with {config.num_lstm_layers} "
        f"LSTM layers and {config.num_attention_heads} attention heads is not the documented "
        "network, which has both, so no old tool could load it; train with --recipe documented"
    )


def _trained(run: Run, bundle: Bundle, number: int, model: TemporalClassifier) -> Figures | None:
    """Put the weights as trained into `model`, and tell its history, if they are of this run.

    A bundle rounds large weights to half precision; what a member left in its folder is used if
    it rounds to the same.
    """
    names = [name for name in run.members if _voted(run, name)]
    if len(names) != len(bundle.members):
        return None
    folder = run.member_folder(names[number])
    full = TemporalClassifier(model.config)
    try:
        load_weights(full, folder / "best.safetensors")
    except FileFormatError:
        return None
    rounded = model.state_dict()
    for name, tensor in full.state_dict().items():
        same = tensor.half().float() if tensor.numel() >= HALF_FROM else tensor
        if not torch.equal(same, rounded[name]):
            return None
    model.load_state_dict(full.state_dict())
    return _run_figures(run, names[number], bundle.contract.class_names)


def _voted(run: Run, name: str) -> bool:
    result = read_result(run.member_folder(name))
    return result is not None and not result.failure


def _run_figures(run: Run, name: str, class_names: tuple[str, ...]) -> Figures | None:
    """The documented figures of a trained member: percent, and epochs from 0."""
    result = read_result(run.member_folder(name))
    if result is None or result.best is None:
        return None
    best, recipe = result.best, run.recipe
    return Figures(
        epoch=best.epoch - 1,
        best_epoch=best.epoch - 1,
        best_val_acc=best.val_accuracy * _PERCENT,
        accuracy=best.val_accuracy * _PERCENT,
        f1_weighted=best.val_weighted_f1 * _PERCENT,
        f1_per_class=tuple(f1 * _PERCENT for f1 in best.val_f1),
        history=_history(run.member_folder(name), result.attempts, class_names),
        train={
            "accuracy": best.train_accuracy * _PERCENT,
            "f1_weighted": best.train_weighted_f1 * _PERCENT,
        },
        training_config={
            "learning_rate": recipe.learning_rate,
            "batch_size": recipe.batch_size,
            "num_epochs": recipe.num_epochs,
            "patience": recipe.patience,
        },
    )


def _history(folder: Path, attempts: int, class_names: tuple[str, ...]) -> dict[str, list[Any]]:
    """The documented lists, one value an epoch; empty where the run keeps no history."""
    folder = folder / f"attempt-{attempts}" if attempts > 1 else folder
    if not (folder / "history.jsonl").exists():
        return {}
    epochs = History(folder, class_names).read()
    return {
        "train_loss": [e.train_loss for e in epochs],
        "train_acc": [e.train_accuracy * _PERCENT for e in epochs],
        "train_f1": [e.train_weighted_f1 * _PERCENT for e in epochs],
        "val_loss": [e.val_loss for e in epochs],
        "val_acc": [e.val_accuracy * _PERCENT for e in epochs],
        "val_f1": [e.val_weighted_f1 * _PERCENT for e in epochs],
        "val_per_class_f1": [[f1 * _PERCENT for f1 in e.val_f1] for e in epochs],
        "learning_rates": [e.learning_rate for e in epochs],
    }


def _imported_figures(bundle: Bundle, number: int) -> Figures:
    """What the checkpoint that a network was imported from said of it; else nothing."""
    entries = [e for e in bundle.provenance.get("imported", []) if not e["left_out"]]
    if number >= len(entries):
        return Figures()
    figures = entries[number]["figures"]
    return Figures(**{**figures, "f1_per_class": tuple(figures.get("f1_per_class", ()))})
