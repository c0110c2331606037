"""One network being trained: its weights, its optimiser, and one epoch after another.

Every random choice of an epoch follows from the recipe's seed and the epoch's number, so weights
and optimiser are all the state there is.
"""

import hashlib
import math
import time

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import f1_score
from torch import Tensor

from clipkind.errors import ClipkindError
from clipkind.model.heads import TemporalConfig, build_head
from clipkind.model.losses import FocalLoss, class_alpha, guessing_loss
from clipkind.model.pooled import PooledHead
from clipkind.model.temporal_head import TemporalHead
from clipkind.training import distributed
from clipkind.training.augment import change_features, draw_rows
from clipkind.training.data import Split
from clipkind.training.history import EpochResult
from clipkind.training.precision import autocast, compute_dtype
from clipkind.training.recipe import Recipe
from clipkind.training.schedule import learning_rate
from clipkind.training.solver import solve


class TrainingDiverged(ClipkindError):
    """The loss is no longer a number: the recipe's learning rate is too high for these features."""


class Learner:
    """Trains `model` on one split. `device` is where the model and the training features live."""

    def __init__(
        self, recipe: Recipe, seed: int, config: TemporalConfig, train: Split, device: torch.device
    ) -> None:
        self.recipe = recipe
        self.seed = seed
        self.device = device
        # on the CPU these share the arrays' memory, mapped files included
        self.features = torch.from_numpy(train.features).to(device)
        self.lengths = torch.tensor(train.lengths.astype(np.int64), device=device)
        self.labels = torch.tensor(train.labels.astype(np.int64), device=device)
        self.dtype = compute_dtype(recipe, device)
        torch.manual_seed(_seed(seed, 0, "weights"))
        self.model = build_head(config).to(device)
        if recipe.standardize:
            self.model.standardize(self.features, self.lengths)
        self.network = distributed.wrapped(self.model)
        self.alpha = class_alpha(torch.bincount(self.labels, minlength=config.num_classes))
        self.loss_of = FocalLoss(recipe.gamma, recipe.smoothing, self.alpha, recipe.focal_p).to(
            device
        )
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(),
            recipe.learning_rate,
            weight_decay=recipe.weight_decay,
            fused=True,
        )
        counts = torch.bincount(self.labels, minlength=len(self.alpha))
        drawn = counts * self.alpha if recipe.sampler == "weighted" else counts
        self.chance_loss = guessing_loss(self.loss_of, drawn)
        self.steps = math.ceil(len(self.labels) / recipe.batch_size)

    def epoch(self, epoch: int, val: Split) -> EpochResult:
        """Train on as many videos as there are, then look at the validation split.

        Raises TrainingDiverged.
        """
        started = time.perf_counter()
        train_loss, predicted, drawn = self._train(epoch)
        logits = predict_logits(self.model, val.features, val.lengths, dtype=self.dtype)
        labels = torch.from_numpy(val.labels.astype(np.int64)).to(self.device)
        found = torch.from_numpy(logits).to(self.device)
        val_loss = float(self.loss_of(found, labels))
        if not distributed.of_first(math.isfinite(train_loss + val_loss)):
            raise TrainingDiverged(
                f"the loss is not a number any more in epoch {epoch}: "
                f"lower the learning rate ({self.recipe.learning_rate})"
            )
        answers = logits.argmax(axis=1)
        classes = range(logits.shape[1])
        scores = f1_score(val.labels, answers, labels=classes, average=None, zero_division=0.0)
        return EpochResult(
            epoch=epoch,
            learning_rate=learning_rate(self.recipe, (epoch - 1) * self.steps, self.steps),
            train_loss=train_loss,
            train_accuracy=float((predicted == drawn).mean()),
            train_weighted_f1=_weighted_f1(drawn, predicted),
            val_loss=val_loss,
            val_nll=float(torch.nn.functional.cross_entropy(found, labels)),
            val_accuracy=float((answers == val.labels).mean()),
            val_macro_f1=float(scores.mean()),
            val_weighted_f1=_weighted_f1(val.labels, answers),
            val_f1=tuple(scores.tolist()),
            seconds=time.perf_counter() - started,
        )

    def _train(self, epoch: int) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
        """One pass: mean loss, the answers, and the labels of what was drawn."""
        if self.recipe.solver == "lbfgs":
            return self._solve()
        self.network.train()
        draws = torch.Generator(self.device).manual_seed(_seed(self.seed, epoch, "draws"))
        torch.manual_seed(_seed(self.seed, epoch, f"dropout {distributed.rank()}"))
        order = self.order(draws)
        loss_sum = torch.zeros((), device=self.device)
        answers = []
        for step, index in enumerate(torch.split(order, self.recipe.batch_size)):
            rate = learning_rate(self.recipe, (epoch - 1) * self.steps + step, self.steps)
            loss, predicted = self.step(index, rate, draws)
            loss_sum += loss * len(index)
            answers.append(predicted)
        predicted = torch.cat(answers)
        mean = float(distributed.mean(loss_sum)) / len(order)
        drawn = self.labels[distributed.share_of_batches(order, self.recipe.batch_size)]
        return mean, predicted.cpu().numpy(), drawn.cpu().numpy()

    def _solve(self) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
        """As `_train`, of a network that has one best answer; each process finds the same."""
        assert isinstance(self.model, PooledHead)  # noqa: S101 - the recipe says so
        loss, predicted = solve(
            self.model,
            self.features,
            self.lengths,
            self.labels,
            self.loss_of,
            self.recipe.weight_decay,
        )
        return loss, predicted.cpu().numpy(), self.labels.cpu().numpy()

    def step(self, index: Tensor, rate: float, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """One optimiser step on the videos `index` [B]: the loss, and this process's answers."""
        rows, lengths = draw_rows(self.lengths[index], self.recipe, draws)
        x = self.features[index[:, None], rows].float()
        x = change_features(x, lengths, self.recipe, draws)
        # Every process draws the whole batch, so that they agree, and works on its share of it.
        x, lengths, labels = (distributed.share(t) for t in (x, lengths, self.labels[index]))
        with autocast(self.dtype, self.device):
            logits = self.network(x[:, : int(lengths.max())], lengths).float()
        loss = self.loss_of(logits, labels) * distributed.weight(len(labels), len(index))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.grad_clip)
        self.optimizer.step()
        return loss.detach(), logits.detach().argmax(dim=1)

    def order(self, draws: torch.Generator) -> Tensor:
        """The videos [N] of an epoch, in order."""
        count = len(self.labels)
        if self.recipe.sampler == "weighted":  # as torch's WeightedRandomSampler
            weights = self.alpha[self.labels].double()
            return torch.multinomial(weights, count, replacement=True, generator=draws)
        return torch.randperm(count, generator=draws, device=self.device)


def predict_logits(
    model: TemporalHead,
    features: NDArray[np.float32] | NDArray[np.float16],
    lengths: NDArray[np.integer],
    batch_size: int = 256,
    dtype: torch.dtype = torch.float32,
) -> NDArray[np.float32]:
    """Logits [N, C] of features [N, T, D] with `lengths` [N] real rows each, in eval mode."""
    device = next(model.parameters()).device
    logits = np.empty((len(lengths), model.config.num_classes), np.float32)
    was_training = model.training
    model.eval()
    with torch.inference_mode(), autocast(dtype, device):
        for start in range(0, len(lengths), batch_size):
            batch = slice(start, start + batch_size)
            real = torch.tensor(lengths[batch].astype(np.int64))
            x = torch.tensor(features[batch, : int(real.max())], device=device)
            logits[batch] = model(x.float(), real).float().cpu().numpy()
    model.train(was_training)
    return logits


def _weighted_f1(y_true: NDArray[np.integer], y_pred: NDArray[np.integer]) -> float:
    return float(f1_score(y_true, y_pred, average="weighted", zero_division=0.0))


def _seed(seed: int, epoch: int, purpose: str) -> int:
    """A seed of its own for each purpose: sums would give two members the same draws."""
    digest = hashlib.sha256(f"{seed} {epoch} {purpose}".encode()).digest()
    return int.from_bytes(digest[:7])
