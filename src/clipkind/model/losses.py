"""The documented training loss: focal, label-smoothed and class-weighted."""

from typing import Literal

import torch
from torch import Tensor, nn


class FocalLoss(nn.Module):
    """alpha_y * (1 - p)^gamma * CE, averaged over the batch.

    CE is the cross-entropy against the smoothed target (1 - smoothing on the class, the rest
    shared by the other C - 1). p is the true class's probability, or, with `focal_p` "smoothed",
    exp(-CE) as documented: then p stays below 0.65 and even a perfect answer leaves a floor, 0.054
    for 4 classes at the documented settings, where uniform logits give 0.780. `alpha` [C] weighs
    the classes (see `class_alpha`); None means 1.
    Source: Lin et al., Focal Loss for Dense Object Detection, 2017.
    """

    alpha: Tensor | None

    def __init__(
        self,
        gamma: float = 2.0,
        smoothing: float = 0.1,
        alpha: Tensor | None = None,
        focal_p: Literal["true_class", "smoothed"] = "true_class",
    ) -> None:
        super().__init__()
        self.gamma = gamma
        self.smoothing = smoothing
        self.focal_p = focal_p
        self.register_buffer("alpha", alpha)

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        """Mean loss, a scalar, of logits [B, C] and labels [B] int64. C is at least 2."""
        share = self.smoothing / (logits.shape[1] - 1)
        target = torch.full_like(logits, share)
        target.scatter_(1, labels[:, None], 1.0 - self.smoothing)
        log_p = logits.log_softmax(dim=1)
        cross_entropy = -(target * log_p).sum(dim=1)
        smoothed = self.focal_p == "smoothed"
        confidence = torch.exp(
            -cross_entropy if smoothed else log_p.gather(1, labels[:, None])[:, 0]
        )
        doubt = (1.0 - confidence).clamp(min=1e-7)  # at 0, gamma below 1 has no gradient
        loss = doubt**self.gamma * cross_entropy
        if self.alpha is not None:
            loss = self.alpha[labels] * loss
        return loss.mean()


def class_alpha(counts: Tensor) -> Tensor:
    """Class weights [C] from videos per class [C]: N / (C * n_c), kept within 0.5 and 10."""
    return (counts.sum() / (len(counts) * counts)).clamp(0.5, 10.0)


def guessing_loss(loss_of: FocalLoss, shares: Tensor) -> float:
    """The mean loss of the best answer that does not look at the video.

    `shares` [C] is how often each class comes, in any unit. With class weights, or rare classes
    drawn more often, that answer is not the uniform one.
    """
    count = len(shares)
    shares = (shares / shares.sum()).float()
    labels = torch.arange(count, device=shares.device)
    logits = torch.zeros(count, device=shares.device, requires_grad=True)
    optimizer = torch.optim.LBFGS([logits], max_iter=100, line_search_fn="strong_wolfe")

    def mean_loss() -> Tensor:
        by_class = [loss_of(logits[None], label[None]) for label in labels]
        return (shares * torch.stack(by_class)).sum()

    def closure() -> float:
        optimizer.zero_grad()
        loss = mean_loss()
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        return float(mean_loss())
