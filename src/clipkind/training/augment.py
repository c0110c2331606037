"""Augmentation of feature sequences. No label gets in here, so none can leak through."""

import torch
from torch import Tensor

from clipkind.training.recipe import Recipe


def augment(
    x: Tensor, lengths: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A changed copy of features [B, T, D] and lengths [B], by the strengths in the recipe.

    A window of each video (one share for the batch, a place for each video), of it a thinner
    sequence, then noise, then blanked features. `generator` lives on x's device.
    """
    if recipe.time_crop < 1.0:
        x, lengths = _crop(x, lengths, recipe.time_crop, generator)
    if recipe.time_keep < 1.0:
        x, lengths = _thin(x, lengths, recipe.time_keep, generator)
    if recipe.feature_noise > 0.0:
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        x = x + recipe.feature_noise * noise
    if recipe.feature_dropout > 0.0:
        shape = (x.shape[0], 1, x.shape[2])
        kept = torch.rand(shape, generator=generator, device=x.device) >= recipe.feature_dropout
        x = x * (kept / (1.0 - recipe.feature_dropout))
    return x, lengths


def _crop(
    x: Tensor, lengths: Tensor, smallest: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    share = smallest + (1.0 - smallest) * torch.rand((), generator=generator, device=x.device)
    place = torch.rand(len(x), generator=generator, device=x.device)
    kept = (lengths * share).round().long().clamp(min=1)
    start = (place * (lengths - kept + 1)).long().minimum(lengths - kept)
    rows = start[:, None] + torch.arange(int(kept.max()), device=x.device)
    rows = rows.clamp(max=x.shape[1] - 1)  # rows past a video's window are padding; any will do
    return x[torch.arange(len(x), device=x.device)[:, None], rows], kept


def _thin(
    x: Tensor, lengths: Tensor, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One row, drawn anew, of each of equally long stretches: in order, spread over the video."""
    kept = (lengths * share).round().long().clamp(min=1)
    stretch = torch.arange(int(kept.max()), device=x.device)
    within = torch.rand((len(x), len(stretch)), generator=generator, device=x.device)
    rows = ((stretch + within) * (lengths / kept)[:, None]).long()
    rows = rows.minimum(lengths[:, None] - 1)  # rows past `kept` are padding; any will do
    return x[torch.arange(len(x), device=x.device)[:, None], rows], kept
