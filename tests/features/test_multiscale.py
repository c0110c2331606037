"""Joining temporal scales."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.contract import Contract
from clipkind.features.multiscale import (
    aligned_mean,
    assemble,
    documented_index_lists,
    documented_mean,
)

SCALES = (1.0, 0.85, 1.15)
CONTRACT = Contract(backbone="test", weights_sha256="0" * 64, feature_dim=3)


def naive_documented(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The documented procedure, step by step: section 3.1 of its description."""
    n = len(embeddings)
    sequences = []
    for scale in SCALES:
        if scale == 1.0:
            frames = list(range(n))
        else:
            length = max(int(n * scale), 5)
            frames = [int(x) for x in np.linspace(0, n - 1, length)]
        sequences.append(np.stack([embeddings[i] for i in frames]))
    longest = max(len(s) for s in sequences)
    padded = [np.pad(s, ((0, longest - len(s)), (0, 0))) for s in sequences]
    mean: npt.NDArray[np.float32] = np.stack(padded).mean(axis=0)
    return mean


@given(st.integers(1, 130), st.integers(0, 2**32 - 1))
def test_documented_rows_equal_the_naive_procedure(n: int, seed: int) -> None:
    embeddings = np.random.default_rng(seed).normal(size=(n, 4)).astype(np.float32)
    rows = documented_mean(embeddings)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(rows, naive_documented(embeddings), rtol=1e-6, atol=1e-6)


def test_documented_gives_73_rows_of_64_as_described() -> None:
    frames = np.eye(64, dtype=np.float32)
    rows = documented_mean(frames)
    assert rows.shape == (73, 64)
    # "at row 53 the three contributions are frames 63, 53 and 46"
    assert np.flatnonzero(rows[53]).tolist() == [46, 53, 63]
    np.testing.assert_allclose(rows.sum(axis=1), [1] * 54 + [2 / 3] * 10 + [1 / 3] * 9, rtol=1e-6)
    assert [len(indices) for indices in documented_index_lists(64, SCALES)] == [64, 54, 73]


@pytest.mark.parametrize(
    ("multi_scale", "lengths"),
    [("aligned", (64, 54, 73)), ("single", (64,)), ("documented", (64,))],
)
def test_assemble_gives_the_sequence_length_the_contract_promises(
    multi_scale: str, lengths: tuple[int, ...]
) -> None:
    contract = replace(CONTRACT, multi_scale=multi_scale)
    assert contract.sample_lengths == lengths
    rng = np.random.default_rng(0)
    sequence = assemble(contract, [rng.random((n, 3), np.float32) for n in lengths])
    assert sequence.shape == (contract.sequence_length, 3)
    assert sequence.dtype == np.float32


def test_single_is_the_embeddings_themselves() -> None:
    contract = replace(CONTRACT, multi_scale="single")
    embeddings = np.random.default_rng(0).random((64, 3), np.float32)
    np.testing.assert_array_equal(assemble(contract, [embeddings]), embeddings)


def test_a_missing_scale_or_sample_is_not_passed_over() -> None:
    sequences = [np.zeros((n, 3), np.float32) for n in (64, 54, 72)]
    with pytest.raises(ValueError, match=r"\(64, 54, 72\) samples, but aligned needs .*73"):
        assemble(CONTRACT, sequences)
    with pytest.raises(ValueError, match="aligned needs"):
        assemble(CONTRACT, sequences[:1])


def test_the_base_scale_contributes_itself_exactly() -> None:
    base = np.random.default_rng(0).random((64, 3), np.float32)
    np.testing.assert_array_equal(aligned_mean([base], 64), base)


@given(
    st.lists(st.integers(1, 200), min_size=1, max_size=4),
    st.integers(1, 100),
    st.floats(-1e4, 1e4, width=32),
)
def test_a_constant_stays_constant(lengths: list[int], num_frames: int, value: float) -> None:
    sequences = [np.full((n, 2), value, np.float32) for n in lengths]
    result = aligned_mean(sequences, num_frames)
    np.testing.assert_allclose(result, np.full((num_frames, 2), value), rtol=1e-6)


@given(st.lists(st.integers(20, 200), min_size=1, max_size=4), st.integers(20, 100))
def test_what_grows_with_time_still_does_at_the_same_times(
    lengths: list[int], num_frames: int
) -> None:
    ramps = [((np.arange(n) + 0.5) / n)[:, None].astype(np.float32) for n in lengths]
    result = aligned_mean(ramps, num_frames)[:, 0]
    times = (np.arange(num_frames) + 0.5) / num_frames
    shortest = min(lengths)
    inside = (times >= 0.5 / shortest) & (times <= 1 - 0.5 / shortest)
    np.testing.assert_allclose(result[inside], times[inside], atol=1e-5)
    assert (np.abs(result - times) <= 0.5 / shortest + 1e-6).all()


@given(st.integers(5, 200), st.integers(5, 100))
def test_reversing_the_video_reverses_the_result(length: int, num_frames: int) -> None:
    sequence = np.random.default_rng(length).random((length, 2), np.float32)
    forward = aligned_mean([sequence], num_frames)
    np.testing.assert_allclose(
        aligned_mean([sequence[::-1]], num_frames), forward[::-1], rtol=1e-5, atol=1e-6
    )
