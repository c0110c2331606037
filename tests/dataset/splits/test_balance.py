"""Balance of parts: no group could move and bring the shares nearer."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.dataset.manifest import Entry
from clipkind.dataset.splits.balance import balanced

sizes = st.lists(st.integers(1, 12), min_size=3, max_size=20)
weights = st.lists(st.sampled_from([1, 10, 20, 70]), min_size=2, max_size=3)


def deviation(part: dict[str, int], sizes: dict[str, int], weights: list[int]) -> float:
    """Squared deviations of the videos in each part from the weights."""
    found = Counter[int]()
    for name, size in sizes.items():
        found[part[name]] += size
    total = sum(sizes.values()) / sum(weights)
    return sum((found[n] - weight * total) ** 2 for n, weight in enumerate(weights))


@settings(max_examples=100, deadline=None)
@given(sizes, weights, st.integers(0, 3))
def test_no_single_group_stands_better_elsewhere(
    counts: list[int], weights: list[int], seed: int
) -> None:
    groups = {
        f"g{n:02}": [Entry(id=f"{n}-{k}", path="", label="cats") for k in range(count)]
        for n, count in enumerate(counts)
    }
    sizes = {name: len(videos) for name, videos in groups.items()}
    part = balanced(groups, weights, seed, {})
    assert set(part.values()) == set(range(len(weights)))
    best = deviation(part, sizes, weights)
    for name, here in part.items():
        if list(part.values()).count(here) == 1:
            continue  # the part would stand without the class
        for there in range(len(weights)):
            assert deviation({**part, name: there}, sizes, weights) >= best - 1e-9


def test_groups_that_stand_already_stay_and_the_others_make_up_for_them() -> None:
    groups = {f"g{n:02}": [Entry(id=f"{n}", path="", label="cats")] for n in range(30)}
    fixed = {f"g{n:02}": 0 for n in range(15)}
    part = balanced(groups, [50, 50, 0], 42, fixed)
    assert fixed.items() <= part.items()
    assert Counter(part.values()) == {0: 15, 1: 15}
