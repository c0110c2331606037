"""A backbone's intermediate stages beside its last vector.

What tells rendered pictures from filmed ones is texture, and the last layer, made to name things,
forgets it: the mean and spread of each channel over the picture, stage by stage, keep it
(docs/experiments.md).
"""

from typing import Any

import torch
from torch import Tensor, nn


class StageStatistics(nn.Module):
    """Pictures [B, 3, H, W] to [B, D]: means, then spreads of every stage's channels, then the
    backbone's own features. `network` is a headless timm EfficientNet; its stages before `first`
    are left out."""

    def __init__(self, network: nn.Module, first: int) -> None:
        super().__init__()
        self.network = network
        self.first = first

    def forward(self, x: Tensor) -> Tensor:
        network: Any = self.network  # of timm, which has no types
        x = network.bn1(network.conv_stem(x))
        parts: list[Tensor] = []
        for number, stage in enumerate(network.blocks):
            x = stage(x)
            if number >= self.first:
                parts += _statistics(x)
        x = network.bn2(network.conv_head(x))
        return torch.cat([*parts, network.global_pool(x)], dim=1)


def _statistics(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [B, C] over the pixels of [B, C, H, W]."""
    mean = x.mean(dim=(2, 3))
    variance = (x - mean[:, :, None, None]).square().mean(dim=(2, 3))
    return mean, (variance + 1e-8).sqrt()
