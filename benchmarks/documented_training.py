"""The documented training loop: what its description says, nothing slower than it has to be."""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler

from clipkind.model.losses import FocalLoss, class_alpha
from clipkind.model.temporal import TemporalClassifier, TemporalConfig


class DocumentedModel(TemporalClassifier):
    """The network with torch's own attention and no masks: padding is treated as real rows."""

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        rows, _ = self.lstm(self.input_projection(x))
        attended, _ = self.attention(rows, rows, rows, need_weights=False)
        attended = self.attention_norm(rows + self.attention_dropout(attended))
        weights = self.attention_pooling(attended).squeeze(2).softmax(dim=1)
        return self.classifier((attended * weights[:, :, None]).sum(dim=1))


class Videos(Dataset[tuple[Tensor, int]]):
    """One video at a time, augmented in Python, in a worker process."""

    def __init__(self, features: np.ndarray, labels: np.ndarray) -> None:
        self.features, self.labels = features, labels

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        x = torch.from_numpy(self.features[index])
        if torch.rand(()) < 0.5:
            kept = max(8, int(len(x) * (0.7 + 0.3 * float(torch.rand(())))))
            x = x[torch.randperm(len(x))[:kept].sort().values]
        if torch.rand(()) < 0.3:
            x = x.roll(int(torch.randint(-3, 4, ())), 0)
        if torch.rand(()) < 0.2:
            x = x + 0.01 * torch.randn_like(x)
        return x, int(self.labels[index])


def collate(batch: list[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
    """Zero-pad to the longest."""
    rows = nn.utils.rnn.pad_sequence([x for x, _ in batch], batch_first=True)
    return rows, torch.tensor([label for _, label in batch])


def timed_steps(features: np.ndarray, labels: np.ndarray, device: str, steps: int) -> list[float]:
    """Seconds of each of `steps` steps, loading included; one step before them is dropped."""
    torch.manual_seed(42)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True  # as documented
    torch.backends.cudnn.benchmark = True
    model = DocumentedModel(TemporalConfig(feature_dim=features.shape[2])).to(device).train()
    alpha = class_alpha(torch.from_numpy(np.bincount(labels))).to(device)
    loss_of = FocalLoss(alpha=alpha, focal_p="smoothed").to(device)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 20, 2, 1e-6)
    weights: Any = alpha.cpu()[torch.from_numpy(labels)]
    loader = DataLoader(
        Videos(features, labels),
        48,
        sampler=WeightedRandomSampler(weights, len(labels)),
        collate_fn=collate,
        num_workers=4,
        pin_memory=device != "cpu",
        persistent_workers=True,
    )
    times: list[float] = []
    batches = iter(loader)
    while len(times) <= steps:
        started = time.perf_counter()
        x, y = (part.to(device) for part in next(batches))
        loss = loss_of(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        float(loss)  # as the documented loop adds it up, step by step
        times.append(time.perf_counter() - started)
    return times[1:]
