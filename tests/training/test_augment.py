"""Augmentation keeps what a sequence means: windows in order, real rows only."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clipkind.training.augment import change_features, draw_rows
from clipkind.training.recipe import DEFAULT, Recipe

OFF = replace(DEFAULT, feature_noise=0.0, feature_dropout=0.0, time_crop=1.0, time_keep=1.0)


def augmented(x: Tensor, lengths: Tensor, recipe: Recipe, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    rows, lengths = draw_rows(lengths, recipe, generator)
    x = x[torch.arange(len(x))[:, None], rows]
    return change_features(x, lengths, recipe, generator), lengths


def test_off_changes_nothing() -> None:
    x, lengths = torch.randn(3, 5, 4), torch.tensor([5, 2, 1])
    out, out_lengths = augmented(x, lengths, OFF)
    assert torch.equal(out_lengths, lengths)
    for changed, video, length in zip(out, x, lengths, strict=True):
        assert torch.equal(changed[:length], video[:length])


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=6),
    st.floats(0.05, 0.99),
    st.integers(0, 2**31),
)
def test_crop_keeps_one_window_of_each_video(lengths: list[int], share: float, seed: int) -> None:
    row_numbers = torch.arange(max(lengths)).float()[None, :, None].repeat(len(lengths), 1, 2)
    for row, length in zip(row_numbers, lengths, strict=True):
        row[length:] = torch.nan  # padding: must never be inside a window
    out, kept = augmented(row_numbers, torch.tensor(lengths), replace(OFF, time_crop=share), seed)
    assert out.shape[1] == kept.max()
    for window, count, length in zip(out, kept.tolist(), lengths, strict=True):
        assert max(1, int(share * length)) <= count <= length
        start = float(window[0, 0])
        assert torch.equal(window[:count, 1], start + torch.arange(count))
        assert start + count <= length


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=6),
    st.floats(0.05, 0.99),
    st.integers(0, 2**31),
)
def test_thinning_keeps_real_rows_in_order_spread_over_the_video(
    lengths: list[int], share: float, seed: int
) -> None:
    row_numbers = torch.arange(max(lengths)).float()[None, :, None].repeat(len(lengths), 1, 2)
    for row, length in zip(row_numbers, lengths, strict=True):
        row[length:] = torch.nan  # padding: must never be picked
    out, kept = augmented(row_numbers, torch.tensor(lengths), replace(OFF, time_keep=share), seed)
    assert out.shape[1] == kept.max()
    for rows, count, length in zip(out, kept.tolist(), lengths, strict=True):
        assert count == max(1, round(length * share))
        picked = rows[:count, 0]
        stretch = length / count
        assert all(
            int(i * stretch) <= row < (i + 1) * stretch for i, row in enumerate(picked.tolist())
        )


def test_windows_differ_between_videos_and_reach_both_ends() -> None:
    x = torch.arange(10.0)[None, :, None].repeat(400, 1, 1)
    out, kept = augmented(x, torch.full((400,), 10), replace(OFF, time_crop=0.2), seed=1)
    starts = out[:, 0, 0]
    assert set(starts.tolist()) == set(range(10 - int(kept[0]) + 1))


def test_feature_dropout_blanks_a_feature_for_the_whole_video() -> None:
    x = torch.ones(50, 6, 40)
    out, _ = augmented(x, torch.full((50,), 6), replace(OFF, feature_dropout=0.25))
    assert torch.equal(out, out[:, :1].expand_as(out))
    assert abs(float((out == 0).float().mean()) - 0.25) < 0.03
    assert abs(float(out.mean()) - 1.0) < 0.05


def test_noise_has_the_strength_asked_for() -> None:
    out, _ = augmented(
        torch.zeros(20, 6, 40), torch.full((20,), 6), replace(OFF, feature_noise=0.3)
    )
    assert abs(float(out.std()) - 0.3) < 0.02


def counted(lengths: list[int], recipe: Recipe, seed: int) -> list[list[int]]:
    """The row numbers drawn of each video."""
    drawn = draw_rows(torch.tensor(lengths), recipe, torch.Generator().manual_seed(seed))
    return [rows[:kept].tolist() for rows, kept in zip(*drawn, strict=True)]


LENGTHS = st.lists(st.integers(1, 20), min_size=1, max_size=6)


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.floats(0.1, 1.0), st.integers(0, 2**31))
def test_documented_subset_keeps_order_and_enough_rows(
    lengths: list[int], share: float, seed: int
) -> None:
    recipe = replace(OFF, subset_rate=1.0, subset_share=share)
    for rows, length in zip(counted(lengths, recipe, seed), lengths, strict=True):
        assert rows == sorted(set(rows))
        assert set(rows) <= set(range(length))
        if length <= 8:
            assert len(rows) == length
        else:
            assert max(8, int(share * length)) <= len(rows) <= length


@settings(deadline=None, max_examples=50)
@given(LENGTHS, st.integers(0, 2**31))
def test_documented_roll_moves_the_rows_round_in_a_circle(lengths: list[int], seed: int) -> None:
    recipe = replace(OFF, roll_rate=1.0, roll_rows=3)
    for rows, length in zip(counted(lengths, recipe, seed), lengths, strict=True):
        start = rows.index(0)
        assert rows[start:] + rows[:start] == list(range(length))
        assert min(start, length - start) <= (3 if length > 8 else 0)


def test_documented_augmentations_strike_as_often_as_documented() -> None:
    lengths = [20] * 4000
    subset = counted(lengths, replace(OFF, subset_rate=0.5, subset_share=0.7), 0)
    assert abs(sum(len(rows) < 20 for rows in subset) / 4000 - 0.5) < 0.03
    assert {len(rows) for rows in subset} == set(range(14, 21))
    rolled = counted(lengths, replace(OFF, roll_rate=0.3), 1)
    moved = [rows[0] for rows in rolled if rows[0]]
    assert abs(len(moved) / 4000 - 0.3 * 6 / 7) < 0.03  # one roll in seven is by nothing
    assert set(moved) == {1, 2, 3, 17, 18, 19}
    noisy, _ = augmented(
        torch.zeros(4000, 9, 3),
        torch.full((4000,), 9),
        replace(OFF, feature_noise=1, noise_rate=0.2),
    )
    assert abs(float((noisy != 0).all(dim=2).all(dim=1).float().mean()) - 0.2) < 0.03
