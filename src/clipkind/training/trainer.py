"""Training of one network: epochs until the validation stops improving, or the run has failed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipkind.model.heads import TemporalConfig
from clipkind.model.temporal_head import TemporalHead
from clipkind.training import distributed
from clipkind.training.checkpoint import Checkpoint, clone, load_checkpoint, save_checkpoint
from clipkind.training.collapse import guessing, lost_class
from clipkind.training.data import Split, check_classes, check_split
from clipkind.training.history import EpochResult, best_epoch
from clipkind.training.learner import Learner
from clipkind.training.recipe import Recipe

SAVE_EVERY_S = 2.0
SAVE_SHARE = 0.05
"""Checkpoints are so far apart that they take at most this share of the time: those of the
documented network weigh a gigabyte."""


OnEpochs = Callable[[tuple[EpochResult, ...]], None]


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A trained network and how it came about."""

    model: TemporalHead
    """With the weights of the best epoch, in eval mode."""
    best: EpochResult
    epochs: tuple[EpochResult, ...]
    stopped_early: bool
    failure: str = ""
    """Why the run has failed (see `clipkind.training.collapse`); empty: it has not."""


@dataclass(frozen=True, slots=True)
class Saving:
    """Where a run is saved, so that it goes on after an interruption as if there had been none."""

    path: Path
    identity: dict[str, Any]
    """What is trained on what; a checkpoint of another run is refused."""
    every_s: float = SAVE_EVERY_S
    """The shortest time between two checkpoints."""


class Trainer:
    """Trains one temporal head by a recipe; the same seed gives the same weights on a CPU.

    `device` is a torch device name; the training features are copied there once.
    """

    def __init__(
        self,
        recipe: Recipe,
        feature_dim: int,
        class_names: tuple[str, ...],
        *,
        seed: int = 42,
        device: str = "cpu",
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.class_names = class_names
        self.device = torch.device(device)
        self.config = network_config(recipe, feature_dim, len(class_names))

    def fit(
        self,
        train: Split,
        val: Split,
        on_epoch: OnEpochs = lambda _epochs: None,
        on_start: OnEpochs = lambda _epochs: None,
        saving: Saving | None = None,
    ) -> TrainResult:
        """Train until the validation result (`recipe.select`) stops rising.

        `on_start` is told of the epochs of the saved run that is gone on with (none: a new one),
        `on_epoch` of all epochs so far after each one. Raises FileFormatError where a split or the
        checkpoint cannot be used, TrainingDiverged where the loss stops being a number, OSError
        when the disk is full. The device's random state stays as it was.
        """
        check_split(train, "train", self.config.feature_dim, self.config.num_classes)
        check_split(val, "val", self.config.feature_dim, self.config.num_classes)
        check_classes(train, self.class_names)
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            learner = Learner(self.recipe, self.seed, self.config, train, self.device)
            return self._fit(learner, val, on_epoch, on_start, saving)

    def _fit(
        self,
        learner: Learner,
        val: Split,
        on_epoch: OnEpochs,
        on_start: OnEpochs,
        saving: Saving | None,
    ) -> TrainResult:
        support = np.bincount(val.labels, minlength=self.config.num_classes).tolist()
        epochs: tuple[EpochResult, ...] = ()
        best_state = {}
        found = load_checkpoint(saving.path, learner, saving.identity) if saving else None
        if found:
            epochs, best_state = found.epochs, found.best_state
        on_start(epochs)
        saver = _Saver(saving) if saving and distributed.rank() == 0 else None
        while (failure := self._end(epochs, learner, support)) is None:
            epochs += (distributed.of_first(learner.epoch(len(epochs) + 1, val)),)
            if self.best(epochs) is epochs[-1]:
                best_state = clone(learner.model.state_dict())
            if saver:
                over = self._end(epochs, learner, support) is not None
                saver.save(learner, epochs, best_state, now=over)
            on_epoch(epochs)
        learner.model.load_state_dict(best_state)
        return TrainResult(
            model=learner.model.eval(),
            best=self.best(epochs),
            epochs=epochs,
            stopped_early=len(epochs) < self.recipe.num_epochs,
            failure=failure,
        )

    def _end(
        self, epochs: tuple[EpochResult, ...], learner: Learner, support: list[int]
    ) -> str | None:
        """None while training goes on; at its end why it has failed, empty if it has not."""
        if not epochs:
            return None
        failure = guessing(epochs, learner.chance_loss, self.recipe.collapse_epochs)
        if failure:
            return failure
        best = self.best(epochs)
        since = len(epochs) - best.epoch
        if len(epochs) < self.recipe.num_epochs and since < self.recipe.patience:
            return None
        return lost_class(best, support, self.class_names)

    def best(self, epochs: tuple[EpochResult, ...]) -> EpochResult:
        """The best epoch by `recipe.select`; of equals the first."""
        if self.recipe.select == "accuracy":
            return max(epochs, key=lambda e: e.val_accuracy)
        return best_epoch(epochs)


class _Saver:
    """Saves a run often enough to lose little, and seldom enough to cost little."""

    def __init__(self, saving: Saving) -> None:
        self._saving = saving
        self._saved_at = time.monotonic()
        self._wait_s = saving.every_s

    def save(
        self,
        learner: Learner,
        epochs: tuple[EpochResult, ...],
        best_state: dict[str, torch.Tensor],
        *,
        now: bool,
    ) -> None:
        """Write a checkpoint if it is time for one, or `now`."""
        started = time.monotonic()
        if not now and started - self._saved_at < self._wait_s:
            return
        state = Checkpoint(self._saving.identity, epochs, best_state)
        save_checkpoint(self._saving.path, learner, state)
        self._saved_at = time.monotonic()
        self._wait_s = max(self._saving.every_s, (self._saved_at - started) / SAVE_SHARE)


def network_config(recipe: Recipe, feature_dim: int, num_classes: int) -> TemporalConfig:
    """The sizes of the network that a recipe trains."""
    return TemporalConfig(
        feature_dim=feature_dim,
        hidden_dim=recipe.hidden_dim,
        num_classes=num_classes,
        num_lstm_layers=recipe.num_lstm_layers,
        num_attention_heads=recipe.num_attention_heads,
        dropout=recipe.dropout,
        classifier_dims=recipe.classifier_dims,
        head=recipe.head,
    )
