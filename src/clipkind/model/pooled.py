"""A head without order in time: the mean over the frames, then a classifier.

With no `classifier_dims` it is a linear model. Trained by the recipe `linear` it is a logistic
regression on standardised means.
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
    """[D]: where the means of the training videos lie."""
    spread: Tensor
    """[D]: how far they spread."""

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__(config)
        # Kept beside the weights, not folded into them: the optimiser's steps and decay then mean
        # the same for every input, as they must for a linear model.
        self.register_buffer("centre", torch.zeros(config.feature_dim))
        self.register_buffer("spread", torch.ones(config.feature_dim))
        self.dropout = nn.Dropout(config.dropout)
        self.classifier = classifier(
            config.feature_dim, config.classifier_dims, config.num_classes, config.dropout
        )
        begin_xavier(self)
        # A linear model begins with guessing: what early stopping left of random weights is noise.
        nn.init.zeros_(self.last.weight)

    @property
    def last(self) -> nn.Linear:
        """The layer that gives the logits; with no `classifier_dims` the only one."""
        last = self.classifier[-1]
        assert isinstance(last, nn.Linear)  # noqa: S101 - parts of nn.Sequential have no type
        return last

    def answer(self, x: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        weights = even_weights(x, padding)
        pooled = (_mean(x, weights) - self.centre) / self.spread
        return self.classifier(self.dropout(pooled)), weights

    @torch.no_grad()
    def standardize(self, features: Tensor, lengths: Tensor) -> None:
        centre, spread = mean_and_spread([_means(features, lengths)])
        self.centre.copy_(centre)
        self.spread.copy_(spread)

    @torch.no_grad()
    def inputs(self, features: Tensor, lengths: Tensor) -> Tensor:
        """What the classifier sees [N, D] of videos [N, T, D] with `lengths` [N] real rows each."""
        return (_means(features, lengths) - self.centre) / self.spread


def _mean(x: Tensor, weights: Tensor) -> Tensor:
    """Mean over time [B, D]."""
    return (x * weights[:, :, None]).sum(dim=1)


def _means(features: Tensor, lengths: Tensor) -> Tensor:
    """[N, D], a video at a time: `features` may be a mapped file larger than memory."""
    return torch.stack([rows.float().mean(dim=0) for rows in real_rows(features, lengths)])
