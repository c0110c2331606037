"""A feature file and a split small enough to train on in a second, with something to learn."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from clipkind.dataset.splits.table import SPLITS, SplitRow, SplitTable, write_split
from clipkind.features.store import FeatureRow, FeatureWriter
from clipkind.model.bundle import load_bundle
from clipkind.training.recipe import DEFAULT, Recipe

CLASSES = ("Cats", "Dogs")
CONTRACT = replace(load_bundle().contract, num_frames=8, class_names=())
RECIPE: Recipe = replace(
    DEFAULT,
    hidden_dim=32,
    num_attention_heads=2,
    classifier_dims=(32,),
    dropout=0.0,
    feature_dropout=0.0,
    num_epochs=8,
    patience=8,
    warmup_epochs=1.0,
    learning_rate=3e-3,
    batch_size=4,
)
CHANGES = [
    f"--set={name}={value}"
    for name, value in RECIPE.to_json().items()
    if value != DEFAULT.to_json()[name]
]
"""RECIPE on the command line."""


@dataclass(frozen=True)
class SmallSet:
    """Where it lies."""

    features: Path
    split: Path


def make_small_set(folder: Path, *, per_split: tuple[int, ...] = (24, 12, 12)) -> SmallSet:
    """Write both files; classes alternate, two videos a group, some videos are short."""
    folder.mkdir(parents=True, exist_ok=True)
    files = SmallSet(folder / "features.h5", folder / "split.csv")
    random = np.random.default_rng(0)
    signal = random.standard_normal(CONTRACT.feature_dim)
    rows = []
    with FeatureWriter(files.features, CONTRACT) as writer:
        for name, count in zip(SPLITS, per_split, strict=True):
            for number in range(count):
                label = CLASSES[number % 2]
                row = SplitRow(f"{name}-{number}", name, label, "", f"{name} film {number // 2}")
                rows.append(row)
                length = 8 - number % 3
                sign = 1 if number % 2 else -1
                shape = (length, CONTRACT.feature_dim)
                features = 1 + 0.2 * sign * signal + 0.3 * random.standard_normal(shape)
                writer.add(feature_row(row, length), features)
        writer.name_classes()
    write_split(files.split, SplitTable(tuple(sorted(rows, key=lambda row: row.id))))
    return files


def feature_row(row: SplitRow, length: int) -> FeatureRow:
    """What a feature file says of a video."""
    return FeatureRow(
        id=row.id,
        path=f"{row.id}.mp4",
        group=row.group,
        label=row.label,
        sha256=row.id,
        duration_s=4.0,
        fps=25.0,
        width=64,
        height=48,
        length=length,
        distinct=length,
    )
