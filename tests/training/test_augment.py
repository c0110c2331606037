"""Augmentation keeps what a sequence means: windows in order, real rows only."""

from dataclasses import replace

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clipkind.training.augment import augment
from clipkind.training.recipe import COMPACT, Recipe

OFF = replace(COMPACT, feature_noise=0.0, feature_dropout=0.0, time_crop=1.0, time_keep=1.0)


def augmented(x: Tensor, lengths: Tensor, recipe: Recipe, seed: int = 0) -> tuple[Tensor, Tensor]:
    return augment(x, lengths, recipe, torch.Generator().manual_seed(seed))


def test_off_changes_nothing() -> None:
    x, lengths = torch.randn(3, 5, 4), torch.tensor([5, 2, 1])
    out, out_lengths = augmented(x, lengths, OFF)
    assert torch.equal(out, x)
    assert torch.equal(out_lengths, lengths)


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
