"""A head without order in time: mean and standard deviation over the frames, then a classifier.

With no `classifier_dims` it is a regularised linear model (softmax regression), in the recipe's
terms: weight decay, dropout of the pooled features, early stopping.
"""

import torch
from torch import Tensor, nn

from clipkind.model.heads import TemporalConfig
from clipkind.model.temporal_head import (
    TemporalHead,
    begin_xavier,
    classifier,
    even_weights,
    mean_and_spread,
    real_rows,
)


class PooledHead(TemporalHead):
    """Features [B, T, D] to logits [B, C]; every row of a video counts the same.

    Of the config it takes feature_dim, num_classes, classifier_dims and dropout.
    """

    centre: Tensor
    """[2, D]: where mean and standard deviation of the training videos lie."""
    spread: Tensor
    """[2, D]: how far they spread."""

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__(config)
        # Kept beside the weights, not folded into them: AdamW's steps and decay then mean the same
        # for every input, as they must for a linear model.
        self.register_buffer("centre", torch.zeros(2, config.feature_dim))
        self.register_buffer("spread", torch.ones(2, config.feature_dim))
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = classifier(
            2 * config.feature_dim, config.classifier_dims, config.num_classes, config.dropout
        )
        begin_xavier(self)
        # A linear model begins with guessing: what early stopping left of random weights is noise.
        last = self.classifier[-1]
        assert isinstance(last, nn.Linear)  # noqa: S101 - parts of nn.Sequential have no type
        nn.init.zeros_(last.weight)

    def answer(self, x: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        weights = even_weights(x, padding)
        pooled = (_statistics(x, weights) - self.centre) / self.spread
        return self.classifier(self.dropout(pooled.flatten(1))), weights

    @torch.no_grad()
    def standardize(self, features: Tensor, lengths: Tensor) -> None:
        videos = (rows[None].float() for rows in real_rows(features, lengths))
        centre, spread = mean_and_spread(_statistics(x, even_weights(x, None)) for x in videos)
        self.centre.copy_(centre)
        self.spread.copy_(spread)


def _statistics(x: Tensor, weights: Tensor) -> Tensor:
    """Mean and standard deviation over time [B, 2, D]."""
    share = weights[:, :, None]
    mean = (x * share).sum(dim=1, keepdim=True)
    variance = ((x - mean).square() * share).sum(dim=1)
    # the square root of 0 has no gradient
    return torch.stack([mean.squeeze(1), (variance + 1e-12).sqrt()], dim=1)
