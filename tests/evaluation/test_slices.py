"""Slices: a weak one is found, chance is not taken for one."""

import numpy as np

from clipkind.evaluation.slices import BANDS, slices
from evaluation.asked import answer, ask


def test_bands_have_their_edges() -> None:
    assert [BANDS["duration"].of(v) for v in (0.0, 4.99, 5.0, 59.9, 60.0, 1e6)] == [
        "",
        "under 5 s",
        "5 to 10 s",
        "30 to 60 s",
        "over 60 s",
        "over 60 s",
    ]


def test_a_weak_slice_is_found_and_the_others_are_not() -> None:
    random = np.random.default_rng(0)
    y_true = np.arange(300) % 3
    kind = np.where(
        np.arange(300) < 60, "cartoons", np.where(np.arange(300) < 180, "films", "games")
    )
    wrong = random.random(300) < np.where(kind == "cartoons", 0.5, 0.1)
    found = slices(
        ask(y_true),
        answer((y_true + wrong) % 3),
        {"subcategory": kind.tolist(), "all": ["x"] * 300},
    )
    assert set(found) == {"subcategory"}  # one value is no slicing
    assert {s["value"]: s["worse"] for s in found["subcategory"]} == {
        "cartoons": True,
        "films": False,
        "games": False,
    }
    assert sum(s["videos"] for s in found["subcategory"]) == 300


def test_chance_is_not_called_a_weakness() -> None:
    """Forty data sets in which no slice differs from another."""
    claimed = 0
    for seed in range(40):
        random = np.random.default_rng(seed)
        y_true = np.arange(120) % 3
        groups = random.integers(0, 40, 120)
        wrong = random.random(120) < 0.2
        values = random.integers(0, 12, 120).astype(str).tolist()
        found = slices(ask(y_true, groups), answer((y_true + wrong) % 3), {"subcategory": values})
        claimed += any(s["worse"] for s in found["subcategory"])
    assert claimed <= 6


def test_a_rest_that_is_all_right_proves_nothing_by_itself() -> None:
    y_true = np.arange(70) % 3
    wrong = np.arange(70) < 10
    values = ["long"] * 62 + ["short"] * 8
    found = slices(ask(y_true), answer((y_true + wrong) % 3), {"duration": values})
    assert not any(s["worse"] for s in found["duration"])


def test_bands_come_in_their_order() -> None:
    names = BANDS["duration"].names
    y_true = np.zeros(len(names), int)
    found = slices(ask(y_true), answer(y_true), {"duration": sorted(names)})
    assert tuple(s["value"] for s in found["duration"]) == names


def test_a_source_of_few_videos_is_no_slice_and_unknown_is_none() -> None:
    y_true = np.zeros(9, int)
    sources = ["big"] * 4 + ["three"] * 3 + ["one", ""]
    found = slices(ask(y_true, sources), answer(y_true), {"source": sources})
    assert [s["value"] for s in found["source"]] == ["big", "three"]
