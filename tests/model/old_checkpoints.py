"""Checkpoints as the documented trainer writes them, and ways to spoil them."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from clipkind.model.temporal import TemporalClassifier, TemporalConfig

SMALL = TemporalConfig(
    feature_dim=6,
    hidden_dim=8,
    num_lstm_layers=2,
    num_attention_heads=4,
    classifier_dims=(10, 7),
)


def network(config: TemporalConfig = SMALL, seed: int = 0) -> TemporalClassifier:
    torch.manual_seed(seed)
    return TemporalClassifier(config).eval()


def checkpoint(
    model: TemporalClassifier, accuracy: float = 92.13, f1: tuple[float, ...] = (86, 97, 88, 98)
) -> dict[str, Any]:
    """The documented dictionary, numpy values where the trainer left them."""
    config = model.config
    metrics = {
        "accuracy": accuracy,
        "f1_weighted": np.float64(accuracy + 0.02),
        "f1_per_class": np.array(f1, dtype=np.float64),
    }
    moments = {
        number: {"step": torch.tensor(1.0), "exp_avg": torch.zeros_like(p)}
        for number, p in enumerate(model.parameters())
    }
    return {
        "epoch": 43,
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": {"state": moments, "param_groups": [{"lr": 1e-3}]},
        "metrics": metrics,
        "train_metrics": metrics,
        "history": {"val_acc": [accuracy], "val_per_class_f1": [list(f1)]},
        "best_val_acc": accuracy,
        "best_epoch": 43,
        "patience_counter": 0,
        "model_config": {
            "feature_dim": np.int64(config.feature_dim),
            "hidden_dim": config.hidden_dim,
            "num_classes": config.num_classes,
            "num_lstm_layers": config.num_lstm_layers,
            "num_attention_heads": config.num_attention_heads,
            "dropout": config.dropout,
            "bidirectional": config.bidirectional,
        },
        "training_config": {"learning_rate": 1e-3, "batch_size": 48},
    }


def save(path: Path, content: object) -> Path:
    """torch.save, also under names that are not UTF-8."""
    with path.open("wb") as file:
        torch.save(content, file)
    return path


def with_state(path: Path, change: Callable[[dict[str, Tensor]], object]) -> Path:
    """A small checkpoint whose state dict was changed."""
    content = checkpoint(network())
    state = dict(content["model_state_dict"])
    change(state)
    return save(path, content | {"model_state_dict": state})


def rewrite_pickle(path: Path, change: Callable[[bytes], bytes]) -> Path:
    """The same file with another pickle in it, laid out as torch lays files out."""
    with zipfile.ZipFile(path) as archive:
        parts = {i.filename.partition("/")[2]: archive.read(i) for i in archive.infolist()}
    written = io.BytesIO()
    writer = torch._C.PyTorchFileWriter(written)
    for name, content in parts.items():
        if name == "data.pkl":
            content = change(content)
        if name not in ("version", ".data/serialization_id"):  # torch adds these by itself
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()
    path.write_bytes(written.getvalue())
    return path
