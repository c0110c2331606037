"""Test-time augmentation: the documented modes, and that batching them changes nothing."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.inference.heads import Heads
from clipkind.inference.tta import MODES, tta_indices

DIM = 8


@pytest.fixture(scope="module")
def networks() -> list[Any]:
    """One that knows the order of frames, and one that does not."""
    torch = pytest.importorskip("torch", reason="needs the train extra")
    from clipkind.model.heads import TemporalConfig, build_head

    torch.manual_seed(0)
    sizes = TemporalConfig(
        feature_dim=DIM, hidden_dim=8, num_lstm_layers=1, num_attention_heads=2, classifier_dims=()
    )
    networks = [build_head(sizes).eval(), build_head(replace(sizes, head="pooled")).eval()]
    torch.nn.init.normal_(networks[1].last.weight)  # it begins with guessing
    return networks


@pytest.fixture(scope="module")
def heads(networks: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Heads:
    from clipkind.model.export import export_onnx

    folder = tmp_path_factory.mktemp("heads")
    for number, network in enumerate(networks):
        export_onnx(network, folder / f"{number}.onnx")
    return Heads([folder / f"{number}.onnx" for number in range(len(networks))])


def test_the_documented_example_has_the_documented_lengths() -> None:
    assert {m: len(rows) for m, rows in tta_indices(73).items()} == {
        "original": 73, "reverse": 73, "speed_up": 36, "speed_down": 109,
    }  # fmt: skip


@given(st.integers(1, 300))
@settings(max_examples=80, deadline=None)
def test_modes_show_rows_that_are_there_from_end_to_end(length: int) -> None:
    modes = tta_indices(length)
    wanted = [m for m in MODES if (m != "speed_up" or length > 10) and
              (m != "speed_down" or length > 5)]  # fmt: skip
    assert list(modes) == wanted
    assert modes["original"].tolist() == list(range(length))
    assert modes["reverse"].tolist() == list(range(length))[::-1]
    for mode in ("speed_up", "speed_down"):
        if mode in modes:
            rows = modes[mode]
            assert (rows[0], rows[-1]) == (0, length - 1)
            assert (np.diff(rows) >= 0).all()
    if "speed_down" in modes:
        assert set(modes["speed_down"]) == set(range(length))
    if "speed_up" in modes:
        assert (np.diff(modes["speed_up"]) >= 2).all()


@pytest.mark.parametrize("length", [1, 5, 6, 10, 11, 64])
def test_the_answer_is_the_mean_of_the_modes_asked_one_by_one(heads: Heads, length: int) -> None:
    features = np.random.default_rng(length).random((length, DIM), np.float32) * 2
    found, attention = heads(features, tta=True)
    alone = [heads(features[rows])[0] for rows in tta_indices(length).values()]
    np.testing.assert_allclose(found, np.mean(alone, axis=0), atol=1e-5)
    np.testing.assert_allclose(attention, heads(features)[1], atol=1e-5)


def test_training_calibrates_on_the_answers_that_will_be_given(
    heads: Heads, networks: list[Any]
) -> None:
    """torch's answers for a split are those of the exported networks, mode by mode."""
    from clipkind.training.data import Split
    from clipkind.workflow.member_answers import member_answers

    lengths = np.array([20, 4, 11, 20, 7])
    features = np.random.default_rng(0).random((5, 20, DIM), np.float32)
    split = Split(features, lengths, np.zeros(5, np.int64))
    for tta in (False, True):
        found = member_answers(networks, split, tta=tta)
        for video, length in enumerate(lengths):
            wanted, _ = heads(features[video, :length], tta=tta)
            np.testing.assert_allclose(found[:, video], wanted, atol=1e-5)
