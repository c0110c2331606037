"""Training of the temporal network on features held in memory."""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.model.losses import FocalLoss, class_alpha
from clipkind.model.temporal import TemporalClassifier, TemporalConfig
from clipkind.training.augment import augment
from clipkind.training.recipe import Recipe


class TrainingDiverged(ClipkindError):
    """The loss is no longer a number: the recipe's learning rate is too high for these features."""


@dataclass(frozen=True, slots=True, eq=False)
class Split:
    """The videos of one split, as arrays. What stands past a video's length is never looked at."""

    features: NDArray[np.float32] | NDArray[np.float16]
    """[N, T, D]."""
    lengths: NDArray[np.integer]
    """[N], rows that are real, each 1..T."""
    labels: NDArray[np.integer]
    """[N], class indices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EpochResult:
    """One epoch. Losses are means over videos, accuracies and F1 are 0..1."""

    epoch: int
    """Counted from 1."""
    learning_rate: float
    """At the start of the epoch."""
    train_loss: float
    train_accuracy: float
    """On the augmented videos, as they were trained on."""
    val_loss: float
    val_accuracy: float
    val_macro_f1: float
    val_f1: tuple[float, ...]
    """By class."""
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class TrainResult:
    """A trained network and how it came about."""

    model: TemporalClassifier
    """With the weights of the best epoch, in eval mode."""
    best: EpochResult
    epochs: tuple[EpochResult, ...]
    stopped_early: bool


class Trainer:
    """Trains one `TemporalClassifier` by a recipe; the same seed gives the same weights on a CPU.

    `device` is a torch device name; the training features are copied there once.
    """

    def __init__(
        self, recipe: Recipe, feature_dim: int, class_names: tuple[str, ...], device: str = "cpu"
    ) -> None:
        self.recipe = recipe
        self.class_names = class_names
        self.device = torch.device(device)
        self.config = TemporalConfig(
            feature_dim=feature_dim,
            hidden_dim=recipe.hidden_dim,
            num_classes=len(class_names),
            num_lstm_layers=recipe.num_lstm_layers,
            num_attention_heads=recipe.num_attention_heads,
            dropout=recipe.dropout,
            classifier_dims=recipe.classifier_dims,
        )

    def fit(
        self,
        train: Split,
        val: Split,
        on_epoch: Callable[[EpochResult], None] | None = None,
    ) -> TrainResult:
        """Train until validation macro F1 (of equals, the lower loss) stops rising.

        Raises FileFormatError where a split cannot be used (shapes, lengths or labels that do not
        fit, features that are not finite, a class without a training video) and TrainingDiverged
        where the loss stops being a number. The device's random state stays as it was.
        """
        _check(train, "train", self.config)
        _check(val, "val", self.config)
        counts = np.bincount(train.labels, minlength=len(self.class_names))
        if not counts.all():
            missing = self.class_names[int(counts.argmin())]
            raise FileFormatError(
                f"no video of class {missing!r} is in the train split: add some, or drop the class"
            )
        with torch.random.fork_rng([self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(self.recipe.seed)
            learner = _Learner(self.recipe, self.config, train, self.device)
            return self._fit(learner, val, on_epoch)

    def _fit(
        self, learner: "_Learner", val: Split, on_epoch: Callable[[EpochResult], None] | None
    ) -> TrainResult:
        epochs: list[EpochResult] = []
        for epoch in range(1, self.recipe.num_epochs + 1):
            result = learner.epoch(epoch, val)
            epochs.append(result)
            if on_epoch is not None:
                on_epoch(result)
            best = max(epochs, key=_rank)  # of equals the first
            if result is best:
                best_state = copy.deepcopy(learner.model.state_dict())
            elif epoch - best.epoch >= self.recipe.patience:
                break
        learner.model.load_state_dict(best_state)
        return TrainResult(
            model=learner.model.eval(),
            best=best,
            epochs=tuple(epochs),
            stopped_early=len(epochs) < self.recipe.num_epochs,
        )


class _Learner:
    """What changes while a network is trained: weights, optimiser, schedule, random numbers."""

    def __init__(
        self, recipe: Recipe, config: TemporalConfig, train: Split, device: torch.device
    ) -> None:
        self.recipe = recipe
        self.features = torch.tensor(train.features, device=device)
        self.lengths = torch.tensor(train.lengths.astype(np.int64), device=device)
        self.labels = torch.tensor(train.labels.astype(np.int64), device=device)
        self.generator = torch.Generator(device).manual_seed(recipe.seed)
        self.model = TemporalClassifier(config).to(device)
        if recipe.standardize:
            _standardize(self.model, self.features, self.lengths)
        alpha = class_alpha(torch.bincount(self.labels, minlength=config.num_classes))
        self.loss_of = FocalLoss(recipe.gamma, recipe.smoothing, alpha)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay
        )
        steps = math.ceil(len(self.labels) / recipe.batch_size)
        self.scheduler = torch.optim.lr_scheduler.LambdaLR(
            self.optimizer,
            partial(_rate, warmup=recipe.warmup_epochs * steps, total=recipe.num_epochs * steps),
        )

    def epoch(self, epoch: int, val: Split) -> EpochResult:
        """Train on every video once, then look at the validation split."""
        started = time.perf_counter()
        learning_rate = float(self.scheduler.get_last_lr()[0])
        train_loss, train_accuracy = self._train()
        logits = predict_logits(self.model, val.features, val.lengths)
        labels = torch.tensor(val.labels.astype(np.int64), device=self.labels.device)
        val_loss = float(self.loss_of(torch.from_numpy(logits).to(labels.device), labels))
        if not math.isfinite(train_loss + val_loss):
            raise TrainingDiverged(
                f"the loss is not a number any more in epoch {epoch}: "
                f"lower the learning rate ({self.recipe.learning_rate})"
            )
        predicted = logits.argmax(axis=1)
        scores = f1_score(
            val.labels, predicted, labels=range(logits.shape[1]), average=None, zero_division=0.0
        )
        return EpochResult(
            epoch=epoch,
            learning_rate=learning_rate,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            val_loss=val_loss,
            val_accuracy=float((predicted == val.labels).mean()),
            val_macro_f1=float(scores.mean()),
            val_f1=tuple(scores.tolist()),
            seconds=time.perf_counter() - started,
        )

    def _train(self) -> tuple[float, float]:
        """One pass over the training split: mean loss and accuracy."""
        self.model.train()
        count = len(self.labels)
        order = torch.randperm(count, generator=self.generator, device=self.labels.device)
        loss_sum = torch.zeros((), device=self.labels.device)
        right = torch.zeros_like(loss_sum)
        for index in torch.split(order, self.recipe.batch_size):
            lengths, labels = self.lengths[index], self.labels[index]
            x = self.features[index, : int(lengths.max())].float()
            logits = self.model(*augment(x, lengths, self.recipe, self.generator))
            loss = self.loss_of(logits, labels)
            self.optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.grad_clip)
            self.optimizer.step()
            self.scheduler.step()
            loss_sum += loss.detach() * len(index)
            right += (logits.detach().argmax(dim=1) == labels).sum()
        return float(loss_sum) / count, float(right) / count


@torch.no_grad()
def _standardize(model: TemporalClassifier, features: torch.Tensor, lengths: torch.Tensor) -> None:
    """Fold mean and spread of the real rows of `features` [N, T, D] into the first layer.

    A tenth of the mean spread is added to each, or features that are nearly constant would be
    blown up.
    """
    real = torch.arange(features.shape[1], device=features.device) < lengths[:, None]
    count = real.sum()
    mean = torch.zeros(features.shape[2], dtype=torch.float64, device=features.device)
    square = torch.zeros_like(mean)
    for video, mask in zip(features, real, strict=True):  # one by one: float64 copies are large
        rows = video[mask].double()
        mean += rows.sum(dim=0)
        square += rows.square().sum(dim=0)
    mean /= count
    spread = (square / count - mean.square()).clamp(min=0).sqrt()
    spread = (spread + 0.1 * spread.mean() + 1e-12).float()
    first = model.input_projection[0]
    assert isinstance(first, torch.nn.Linear)  # noqa: S101 - as documented
    first.weight.div_(spread)
    first.bias.sub_(first.weight @ mean.float())


def predict_logits(
    model: TemporalClassifier,
    features: NDArray[np.float32] | NDArray[np.float16],
    lengths: NDArray[np.integer],
    batch_size: int = 256,
) -> NDArray[np.float32]:
    """Logits [N, C] of features [N, T, D] with `lengths` [N] real rows each, in eval mode."""
    device = next(model.parameters()).device
    logits = np.empty((len(lengths), model.config.num_classes), np.float32)
    was_training = model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(lengths), batch_size):
            rows = slice(start, start + batch_size)
            real = torch.tensor(lengths[rows].astype(np.int64))
            x = torch.tensor(features[rows, : int(real.max())], dtype=torch.float32, device=device)
            logits[rows] = model(x, real).cpu().numpy()
    model.train(was_training)
    return logits


def _rank(result: EpochResult) -> tuple[float, float]:
    return result.val_macro_f1, -result.val_loss


def _rate(step: int, *, warmup: float, total: int) -> float:
    """Share of the highest learning rate: a line up over `warmup` steps, half a cosine down."""
    if step < warmup:
        return (step + 1) / (warmup + 1)
    return 0.5 * (1.0 + math.cos(math.pi * (step - warmup) / (total - warmup)))


def _check(split: Split, name: str, config: TemporalConfig) -> None:
    """Raise FileFormatError where the split does not fit the network or is damaged."""
    count = len(split.labels)
    shape = split.features.shape
    if (
        len(shape) != 3
        or shape[2] != config.feature_dim
        or not count == shape[0] == len(split.lengths)
    ):
        raise FileFormatError(
            f"{name} split: features {shape}, {len(split.lengths)} lengths and {count} labels "
            f"are not [N, T, {config.feature_dim}], N and N"
        )
    if not count:
        raise FileFormatError(f"{name} split is empty")
    if split.lengths.min() < 1 or split.lengths.max() > shape[1]:
        raise FileFormatError(f"{name} split: lengths must be 1 to {shape[1]}, the rows there are")
    if split.labels.min() < 0 or split.labels.max() >= config.num_classes:
        raise FileFormatError(f"{name} split: labels must be 0 to {config.num_classes - 1}")
    real = np.arange(shape[1]) < split.lengths[:, None]
    bad = (~np.isfinite(split.features).all(axis=2) & real).any(axis=1)
    if bad.any():
        raise FileFormatError(
            f"{name} split: the features of {int(bad.sum())} videos are not finite "
            f"(the first is row {int(bad.argmax())}); extract them again"
        )
