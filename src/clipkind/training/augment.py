"""Augmentation of feature sequences. No label gets in here, so none can leak through.

First it is drawn which rows of each video are used, so that only those are ever copied; then what
is done to their features. Randomness comes from `generator` alone, on the device of the data.
"""

import torch
from torch import Tensor

from clipkind.training.recipe import Recipe

MIN_ROWS = 8
"""The documented augmentations leave sequences of so many rows or fewer alone."""


def draw_rows(lengths: Tensor, recipe: Recipe, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Which rows of each video to use, for videos of `lengths` [B] rows.

    Returns rows [B, T'] and how many of them count, [B], each at least 1; those past a video's
    count are padding, yet rows it has.
    """
    rows = torch.arange(int(lengths.max()), device=lengths.device).expand(len(lengths), -1)
    if recipe.time_crop < 1.0:
        rows, lengths = _crop(lengths, recipe.time_crop, generator)
    if recipe.time_keep < 1.0:
        rows, lengths = _thin(rows, lengths, recipe.time_keep, generator)
    if recipe.subset_rate > 0.0:
        rows, lengths = _subset(rows, lengths, recipe, generator)
    if recipe.roll_rate > 0.0:
        rows = _roll(rows, lengths, recipe, generator)
    # what was drawn for padding may point anywhere; the first row will do
    real = torch.arange(rows.shape[1], device=rows.device) < lengths[:, None]
    return torch.where(real, rows, rows[:, :1]), lengths


def change_features(
    x: Tensor, lengths: Tensor, recipe: Recipe, generator: torch.Generator
) -> Tensor:
    """Noise and blanked features, drawn anew: x [B, T, D] float to the same shape."""
    if recipe.feature_noise > 0.0:
        noise = torch.randn(x.shape, generator=generator, device=x.device) * recipe.feature_noise
        if recipe.noise_rate < 1.0:
            noise *= _struck(lengths, recipe.noise_rate, generator)[:, None, None]
        x = x + noise
    if recipe.feature_dropout > 0.0:
        shape = (x.shape[0], 1, x.shape[2])
        kept = torch.rand(shape, generator=generator, device=x.device) >= recipe.feature_dropout
        x = x * (kept / (1.0 - recipe.feature_dropout))
    return x


def _crop(lengths: Tensor, smallest: float, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """One window: one share for the batch, a place for each video."""
    share = smallest + (1.0 - smallest) * torch.rand((), generator=generator, device=lengths.device)
    kept = (lengths * share).round().long().clamp(min=1)
    start = (_uniform(lengths, generator) * (lengths - kept + 1)).long().minimum(lengths - kept)
    return start[:, None] + torch.arange(int(kept.max()), device=lengths.device), kept


def _thin(
    rows: Tensor, lengths: Tensor, share: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """One row, drawn anew, of each of equally long stretches: in order, spread over the video."""
    kept = (lengths * share).round().long().clamp(min=1)
    stretch = torch.arange(int(kept.max()), device=rows.device)
    shape = (len(lengths), len(stretch))
    within = torch.rand(shape, generator=generator, device=rows.device)
    picked = ((stretch + within) * (lengths / kept)[:, None]).long()
    return rows.gather(1, picked.minimum(lengths[:, None] - 1)), kept


def _subset(
    rows: Tensor, lengths: Tensor, recipe: Recipe, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """A random subset of each struck video's rows, in order."""
    struck = _struck(lengths, recipe.subset_rate, generator)
    share = recipe.subset_share + (1.0 - recipe.subset_share) * _uniform(lengths, generator)
    fewer = (lengths * share).long().clamp(min=MIN_ROWS)
    kept = torch.where(struck, fewer.minimum(lengths), lengths)
    keys = torch.rand(rows.shape, generator=generator, device=rows.device)
    padding = torch.arange(rows.shape[1], device=rows.device) >= lengths[:, None]
    rank = keys.masked_fill(padding, 2.0).argsort(dim=1).argsort(dim=1)
    # the chosen first, in the order they had
    order = (rank >= kept[:, None]).to(torch.uint8).argsort(dim=1, stable=True)
    return rows.gather(1, order[:, : int(kept.max())]), kept


def _roll(rows: Tensor, lengths: Tensor, recipe: Recipe, generator: torch.Generator) -> Tensor:
    """Each struck video's rows moved on by -roll_rows..roll_rows, those past an end put at the
    other."""
    struck = _struck(lengths, recipe.roll_rate, generator)
    by = (_uniform(lengths, generator) * (2 * recipe.roll_rows + 1)).long() - recipe.roll_rows
    by = torch.where(struck, by, 0)
    place = torch.arange(rows.shape[1], device=rows.device) - by[:, None]
    return rows.gather(1, place.remainder(lengths[:, None]))


def _struck(lengths: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """Which videos [B] an augmentation of that rate strikes."""
    return (_uniform(lengths, generator) < rate) & (lengths > MIN_ROWS)


def _uniform(lengths: Tensor, generator: torch.Generator) -> Tensor:
    return torch.rand(len(lengths), generator=generator, device=lengths.device)
