"""The learning rate as a function of the step: nothing to save, nothing to lose on resuming."""

import math

from clipkind.training.recipe import Recipe


def learning_rate(recipe: Recipe, step: int, steps_per_epoch: int) -> float:
    """The learning rate of optimiser step `step`, counted from 0 over the whole run.

    Source of `warm_restarts`: Loshchilov and Hutter, SGDR, 2017; the same numbers as torch's
    CosineAnnealingWarmRestarts(restart_period, restart_factor, min_learning_rate).
    """
    per_unit = steps_per_epoch if recipe.schedule_step == "epoch" else 1
    now = step // per_unit
    if recipe.schedule == "warm_restarts":
        since, period = _since_restart(now, recipe.restart_period, recipe.restart_factor)
        return _cosine(recipe, since / period)
    warmup = recipe.warmup_epochs * steps_per_epoch / per_unit
    total = recipe.num_epochs * steps_per_epoch // per_unit
    if now < warmup:
        return recipe.learning_rate * (now + 1) / (warmup + 1)
    return _cosine(recipe, (now - warmup) / (total - warmup))


def _cosine(recipe: Recipe, done: float) -> float:
    """From the highest rate at 0 down to the lowest at 1."""
    lowest = recipe.min_learning_rate
    return lowest + (recipe.learning_rate - lowest) * 0.5 * (1.0 + math.cos(math.pi * done))


def _since_restart(now: int, period: int, factor: int) -> tuple[int, int]:
    """Units since the last restart, and how long its period is."""
    if factor == 1:
        return now % period, period
    while now >= period:
        now -= period
        period *= factor
    return now, period
