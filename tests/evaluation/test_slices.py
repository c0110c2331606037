"""Slices: a weak one is found, chance is not taken for one."""

import numpy as np

from clipkind.evaluation.slices import BANDS, few_sources, slices
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


def test_sources_come_by_the_number_of_their_videos() -> None:
    sources = ["a"] * 3 + ["z"] * 5 + ["b"] * 3 + ["m"] * 4
    y_true = np.zeros(len(sources), int)
    found = slices(ask(y_true, sources), answer(y_true), {"source": sources, "format": sources})
    assert [s["value"] for s in found["source"]] == ["z", "m", "a", "b"]
    assert [s["value"] for s in found["format"]] == ["a", "b", "m", "z"]


def test_every_quantity_comes_from_small_to_large() -> None:
    for name, bands in BANDS.items():
        middles = [
            (low + high) / 2
            for low, high in zip((0.0, *bands.ends), (*bands.ends, 1e5), strict=True)
        ]
        values = [bands.of(value) for value in reversed(middles)]
        y_true = np.zeros(len(values), int)
        found = slices(ask(y_true), answer(y_true), {name: values})
        assert [s["value"] for s in found[name]] == values[::-1]


def test_a_slice_of_too_few_sources_is_not_called_worse_and_known_as_such() -> None:
    for bad_groups, few in ((5, True), (6, False)):
        groups = np.arange(120) // 4
        wrong = groups < bad_groups
        values = np.where(wrong, "bad", "good").tolist()
        y_true = np.arange(120) % 3
        found = slices(ask(y_true, groups), answer((y_true + wrong) % 3), {"format": values})
        bad, good = found["format"]
        assert bad["worse"] is not few
        assert few_sources(bad) is few
        assert not few_sources(good)
