"""Intervals: those of a plain bootstrap over groups, and honest where it has nothing to say."""

import numpy as np
import pytest

from clipkind.evaluation.intervals import (
    FEWEST_GROUPS,
    difference,
    draw_groups,
    excludes_zero,
    interval,
)


def test_all_draws_at_once_are_those_of_a_loop() -> None:
    random = np.random.default_rng(3)
    groups = random.integers(0, 12, 80).astype(str)
    values = random.random(80)
    drawn = draw_groups(groups).mean(values)
    names = np.unique(groups)
    again = np.random.default_rng(0)
    picks = again.integers(len(names), size=(len(drawn.draws), len(names)))
    by_group = {name: values[groups == name] for name in names}
    wanted = [np.concatenate([by_group[n] for n in names[pick]]).mean() for pick in picks[:200]]
    assert drawn.draws[:200] == pytest.approx(wanted, rel=1e-5)
    assert drawn.value == pytest.approx(values.mean())


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """Over many data sets whose sources are right all the time or not at all."""
    random = np.random.default_rng(1)
    truth, held, sets = 0.7, 0, 200
    for _ in range(sets):
        right = np.repeat(random.random(60) < truth, 3).astype(float)
        draws = draw_groups(np.repeat(np.arange(60), 3), rounds=400)
        figure = interval(draws.mean(right), draws)
        held += figure["low"] <= truth <= figure["high"]
    assert 0.88 * sets <= held <= 0.99 * sets


def test_one_group_says_nothing() -> None:
    draws = draw_groups(np.array(["x"] * 5))
    figure = interval(draws.mean(np.array([1.0, 1.0, 0.0, 1.0, 1.0])), draws)
    assert figure == {"value": 0.8, "low": 0.0, "high": 1.0}


def test_a_figure_stands_inside_its_interval() -> None:
    """The calibration error of a draw is above that of the whole."""
    draws = draw_groups(np.arange(20))
    drawn = draws.mean(np.linspace(0, 1, 20))
    figure = interval(drawn._replace(value=0.01), draws)
    assert figure["low"] <= 0.01 <= figure["high"]


@pytest.mark.parametrize("groups", [1, FEWEST_GROUPS - 1, FEWEST_GROUPS])
def test_too_few_groups_show_no_difference(groups: int) -> None:
    """One system right everywhere, the other nowhere: still chance, with so few groups."""
    draws = draw_groups(np.repeat(np.arange(groups), 10))
    ones, zeros = np.ones(10 * groups), np.zeros(10 * groups)
    figure = difference(draws.mean(ones), draws.mean(zeros), draws, ones > zeros)
    assert figure["value"] == 1.0
    assert excludes_zero(figure) == (groups == FEWEST_GROUPS)


def test_systems_that_never_differed_may_still_differ() -> None:
    for groups, room in ((2, 0.842), (40, 0.088)):
        draws = draw_groups(np.arange(groups))
        same = draws.mean(np.arange(groups) % 2 * 1.0)
        figure = difference(same, same, draws, np.zeros(groups, bool))
        assert (figure["low"], figure["high"]) == pytest.approx((-room, room), abs=1e-3)


def test_differences_are_paired() -> None:
    """Two systems that go wrong together differ by less than their intervals do."""
    random = np.random.default_rng(2)
    hard = random.random(200) < 0.4
    a, b = np.where(hard, 0.0, 1.0), np.where(hard, 0.0, 1.0)
    b[np.flatnonzero(~hard)[:12]] = 0.0
    draws = draw_groups(np.arange(200))
    alone = interval(draws.mean(a), draws)
    assert alone["low"] < b.mean() < alone["high"]
    assert excludes_zero(difference(draws.mean(a), draws.mean(b), draws, a != b))
