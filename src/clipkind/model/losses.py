"""The documented training loss: focal, label-smoothed and class-weighted."""

import torch
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """alpha_y * (1 - p)^gamma * CE, averaged over the batch.

    CE is the cross-entropy against the smoothed target (1 - smoothing on the class, the rest
    shared by the other C - 1) and p = exp(-CE). As p comes from the smoothed CE, as documented,
    even a perfect answer leaves a floor: 0.054 for 4 classes at the documented settings, where
    uniform logits give 0.780. `alpha` [C] weighs the classes (see `class_alpha`); None means 1.
    Source: Lin et al., Focal Loss for Dense Object Detection, 2017.
    """

    alpha: Tensor | None

    def __init__(
        self, gamma: float = 2.0, smoothing: float = 0.1, alpha: Tensor | None = None
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.smoothing = smoothing
        self.register_buffer("alpha", alpha)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss, a scalar, of logits [B, C] and labels [B] int64. C is at least 2."""
        share = self.smoothing / (logits.shape[1] - 1)
        target = torch.full_like(logits, share)
        target.scatter_(1, labels[:, None], 1.0 - self.smoothing)
        cross_entropy = -(target * logits.log_softmax(dim=1)).sum(dim=1)
        loss = (1.0 - torch.exp(-cross_entropy)) ** self.gamma * cross_entropy
        if self.alpha is not None:
            loss = self.alpha[labels] * loss
        return loss.mean()


def class_alpha(counts: Tensor) -> Tensor:
    """Class weights [C] from videos per class [C]: N / (C * n_c), kept within 0.5 and 10."""
    return (counts.sum() / (len(counts) * counts)).clamp(0.5, 10.0)
