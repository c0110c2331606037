"""Features of no videos, laid out as a training run expects them."""

import json
from pathlib import Path

import numpy as np

from clipkind.dataset.splits.table import SplitRow
from clipkind.model.bundle import load_bundle
from clipkind.training.prepare import TrainingData, load_prepared


def prepared(
    cache: Path, features: np.ndarray, lengths: np.ndarray, labels: np.ndarray
) -> TrainingData:
    """Put the arrays into `cache`, the last tenth as validation split, and load them."""
    names = [f"class-{number}" for number in range(int(labels.max()) + 1)]
    first_val = len(labels) - len(labels) // 10
    rows = [
        SplitRow(f"video-{n}", "val" if n >= first_val else "train", names[label], "", f"{n}")
        for n, label in enumerate(labels)
    ]
    np.save(cache / "features.npy", features)
    np.save(cache / "lengths.npy", lengths)
    np.save(cache / "labels.npy", labels)
    contract = load_bundle().contract.to_json() | {"class_names": names}
    about = {
        "contract": contract,
        "rows": [[r.id, r.split, r.label, r.subcategory, r.group] for r in rows],
        "refused": [],
    }
    (cache / "data.json").write_text(json.dumps(about), encoding="utf-8")
    return load_prepared(cache)
