"""The learning rate is that of torch's schedulers, at any step, without a state."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.training.recipe import DEFAULT, DOCUMENTED, Recipe
from clipkind.training.schedule import learning_rate


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 25), st.integers(1, 3), st.integers(1, 60))
def test_warm_restarts_are_torchs(period: int, factor: int, steps_per_epoch: int) -> None:
    recipe = replace(DOCUMENTED, restart_period=period, restart_factor=factor)
    optimizer = torch.optim.AdamW([torch.zeros(1, requires_grad=True)], recipe.learning_rate)
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, recipe.restart_period, recipe.restart_factor, recipe.min_learning_rate
    )
    for step in range(200):
        wanted = theirs.get_last_lr()[0]
        assert learning_rate(recipe, step, steps_per_epoch) == pytest.approx(wanted, rel=1e-9)
        by_epoch = replace(recipe, schedule_step="epoch")
        epoch_step = step * steps_per_epoch + steps_per_epoch - 1  # the last batch of an epoch
        assert learning_rate(by_epoch, epoch_step, steps_per_epoch) == pytest.approx(wanted)
        optimizer.step()
        theirs.step()


def test_documented_restarts_come_where_the_recorded_rates_show_them() -> None:
    highest = [s for s in range(5500) if learning_rate(DOCUMENTED, s, 55) == 1e-3]
    assert highest == [0, 20, 60, 140, 300, 620, 1260, 2540, 5100]


@pytest.mark.parametrize("recipe", [DEFAULT, replace(DEFAULT, schedule_step="epoch")])
def test_cosine_rises_over_the_warm_up_and_ends_at_the_lowest(recipe: Recipe) -> None:
    recipe = replace(recipe, min_learning_rate=1e-5)
    rates = [learning_rate(recipe, step, 18) for step in range(18 * recipe.num_epochs)]
    top = rates.index(max(rates))
    assert top == 18 * recipe.warmup_epochs
    assert rates[top] == recipe.learning_rate
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert 1e-5 < rates[-1] < 2e-5
    assert rates[0] > 0
