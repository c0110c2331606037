"""Checkpoints of the documented system, `best_{name}.pt`: read, and written for the old tools.

A checkpoint is a dictionary of torch.save: epoch (from 0), model_state_dict,
optimizer_state_dict, metrics and train_metrics {accuracy, f1_weighted, f1_per_class} in percent,
history, best_val_acc, best_epoch, patience_counter, model_config (older runs: config) and
training_config. It names neither classes nor backbone nor preprocessing.
"""

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipkind.errors import FileFormatError
from clipkind.files import write_file
from clipkind.model.documented_file import read_dictionary
from clipkind.model.documented_network import CLASSIFIER_DIMS, CONFIG_FIELDS, rebuild
from clipkind.model.temporal import TemporalClassifier
from clipkind.text import printable

CLASS_NAMES = ("Animation", "Flat_Content", "Gaming", "Natural_Content")
"""In the documented order of the network's outputs, which is alphabetical."""
_METRICS = ("accuracy", "f1_weighted", "f1_per_class")
_HISTORY = (
    "train_loss",
    "train_acc",
    "train_f1",
    "val_loss",
    "val_acc",
    "val_f1",
    "val_per_class_f1",
    "learning_rates",
)
_AT_CHANCE = 1.2
"""Up to so many times the accuracy of guessing a network counts as guessing."""
_LOST_F1 = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What a checkpoint says of itself, in percent and documented epochs (from 0)."""

    epoch: int | None = None
    best_epoch: int | None = None
    best_val_acc: float | None = None
    accuracy: float | None = None
    f1_weighted: float | None = None
    f1_per_class: tuple[float, ...] = ()
    history: dict[str, list[Any]] = field(default_factory=dict)
    """The documented lists; only written, never read."""
    train: dict[str, Any] = field(default_factory=dict)
    """The documented train_metrics; only written, never read."""
    training_config: dict[str, Any] = field(default_factory=dict)
    """Only written, never read."""

    def to_json(self) -> dict[str, Any]:
        """What is known of epochs and validation figures, JSON-ready."""
        names = ("epoch", "best_epoch", "best_val_acc", "accuracy", "f1_weighted")
        known = {n: getattr(self, n) for n in names if getattr(self, n) is not None}
        return known | ({"f1_per_class": list(self.f1_per_class)} if self.f1_per_class else {})

    def failure(self, class_names: Sequence[str]) -> str:
        """Why a network with these figures has learned nothing; empty: it has, or none are known.

        The documented best_ensemble_model_0 is such a one.
        """
        known = [n for n, f1 in zip(class_names, self.f1_per_class, strict=False) if f1 > 0]
        if len(self.f1_per_class) == len(class_names) > 1 and len(known) < 2:
            return f"it answers {known[0] if known else 'nothing'} whatever it sees"
        accuracy = self.best_val_acc if self.accuracy is None else self.accuracy
        if accuracy is not None and accuracy <= _AT_CHANCE * 100 / len(class_names):
            return f"its validation accuracy, {accuracy:.2f} %, is that of guessing"
        return ""

    def notes(self, class_names: Sequence[str]) -> list[str]:
        """Classes a network that has learned does not know, and figures that are missing."""
        if self.accuracy is None and self.best_val_acc is None:
            return ["it records no validation figures: whether it learned anything is not known"]
        return [
            f"by its own figures it does not tell {name} apart (F1 {f1:.1f} % on validation)"
            for name, f1 in zip(class_names, self.f1_per_class, strict=False)
            if f1 < _LOST_F1
        ]


@dataclass(frozen=True, slots=True)
class DocumentedCheckpoint:
    """One checkpoint, ready for use."""

    path: Path
    model: TemporalClassifier
    """In eval mode, float32, on the CPU."""
    figures: Figures
    notes: tuple[str, ...]
    """What its config and its weights disagree on, and what was assumed."""


def read_documented(path: Path) -> DocumentedCheckpoint:
    """Read a documented checkpoint, running nothing that stands in it.

    Raises FileFormatError, naming the file and the key, when it is damaged, malicious, or of
    another network; OSError when it cannot be opened.
    """
    data = read_dictionary(path)
    shown = printable(str(path))
    if "model_state_dict" not in data:
        keys = printable(", ".join(map(str, list(data)[:4])))[:120]
        raise FileFormatError(
            f"{shown}: lacks model_state_dict (it begins with {keys or 'nothing'}); give a "
            "best_*.pt of the documented trainer"
        )
    config = data.get("model_config", data.get("config"))
    try:
        network = rebuild(data["model_state_dict"], config, path.stat().st_size)
    except FileFormatError as error:
        raise FileFormatError(f"{shown}: {error}") from None
    return DocumentedCheckpoint(path, network.model, _figures(data), network.notes)


def _figures(data: dict[str, Any]) -> Figures:
    """The figures that are what they should be; others are left out, being of no consequence."""
    metrics = data.get("metrics")
    metrics = metrics if isinstance(metrics, dict) else {}
    per_class = metrics.get("f1_per_class")
    values: list[Any] = []
    if isinstance(per_class, list | tuple | np.ndarray) and np.ndim(per_class) == 1:
        values = [_finite(value) for value in list(per_class)[:1000]]
    epoch, best_epoch = _finite(data.get("epoch")), _finite(data.get("best_epoch"))
    return Figures(
        epoch=None if epoch is None else int(epoch),
        best_epoch=None if best_epoch is None else int(best_epoch),
        best_val_acc=_finite(data.get("best_val_acc")),
        accuracy=_finite(metrics.get("accuracy")),
        f1_weighted=_finite(metrics.get("f1_weighted")),
        f1_per_class=() if None in values else tuple(values),
    )


def _finite(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 1e9 else None


def old_tools_obstacle(model: TemporalClassifier) -> str:
    """Why the old tools cannot build this network though it has the layout; empty: they can."""
    dims = model.config.classifier_dims
    if dims == CLASSIFIER_DIMS:
        return ""
    return (
        f"its classifier is {', '.join(map(str, dims)) or 'one layer'} wide, and the old tools "
        f"build {', '.join(map(str, CLASSIFIER_DIMS))} only: they load it once their class is "
        "changed, or train with --set classifier_dims=768,512,256"
    )


def write_documented(path: Path, model: TemporalClassifier, figures: Figures) -> None:
    """Write a documented checkpoint with all of its keys, in one step.

    Unknown figures are NaN, unknown counts 0, the optimiser's state is empty. Raises
    FileFormatError for a network of another layout, OSError when the disk is full.
    """
    config = model.config
    kind = getattr(config, "head", "temporal")
    if kind != "temporal" or not config.num_lstm_layers or not config.num_attention_heads:
        raise FileFormatError(
            f"a network of head {kind} with {config.num_lstm_layers} LSTM layers and "
            f"{config.num_attention_heads} attention heads is not the documented one, which has "
            "both: no old tool could load it"
        )
    settings = config.to_json()
    content = {
        "epoch": figures.epoch or 0,
        "model_state_dict": {
            name: tensor.detach().float().cpu().contiguous()
            for name, tensor in model.state_dict().items()
        },
        "optimizer_state_dict": {},
        "metrics": _metrics(figures, config.num_classes),
        "train_metrics": figures.train,
        "history": {name: figures.history.get(name, []) for name in _HISTORY},
        "best_val_acc": math.nan if figures.best_val_acc is None else figures.best_val_acc,
        "best_epoch": figures.best_epoch or 0,
        "patience_counter": 0,
        "model_config": {name: settings[name] for name in CONFIG_FIELDS},
        "training_config": figures.training_config,
    }
    written = io.BytesIO()  # torch tells of a full disk in other ways than files do
    torch.save(content, written)
    write_file(path, written.getbuffer())


def _metrics(figures: Figures, num_classes: int) -> dict[str, Any]:
    """As the documented trainer has them: the F1 by class as a numpy array."""
    unknown = (math.nan,) * num_classes
    values = (
        math.nan if figures.accuracy is None else figures.accuracy,
        math.nan if figures.f1_weighted is None else figures.f1_weighted,
        np.array(figures.f1_per_class or unknown, dtype=np.float64),
    )
    return dict(zip(_METRICS, values, strict=True))
