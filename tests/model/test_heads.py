"""Every head of the table, and the temporal one without its parts: blind to padding, and the same
after export."""

import copy
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import openvino
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from clipkind.errors import FileFormatError
from clipkind.model.export import export_onnx
from clipkind.model.heads import HEADS, TemporalConfig, build_head
from clipkind.model.temporal_head import TemporalHead
from clipkind.model.weights import load_weights, save_weights

pytestmark = pytest.mark.usefixtures("one_torch_thread")

SMALL: dict[str, Any] = {
    "feature_dim": 5,
    "hidden_dim": 8,
    "num_classes": 3,
    "num_lstm_layers": 2,
    "num_attention_heads": 4,
    "classifier_dims": [8],
}
KINDS: dict[str, dict[str, Any]] = {
    **{head: {"head": head} for head in HEADS},
    "pooled, linear": {"head": "pooled", "classifier_dims": []},
    "no LSTM": {"num_lstm_layers": 0},
    "no attention": {"num_attention_heads": 0},
    "neither": {"num_lstm_layers": 0, "num_attention_heads": 0},
    "no attention, one direction": {"num_attention_heads": 0, "bidirectional": False},
}


def make_head(kind: str) -> TemporalHead:
    """In eval mode, with no weight at 0 or 1."""
    head = build_head(TemporalConfig.from_json(SMALL | KINDS[kind]))
    for tensor in head.state_dict().values():
        tensor.add_(0.1 * torch.randn_like(tensor))
    return head.eval()


lengths_of_a_batch = st.lists(st.integers(1, 9), min_size=1, max_size=5)
garbage = st.sampled_from([0.0, 1e30, float("nan"), float("inf")])


@pytest.mark.parametrize("kind", KINDS)
@settings(deadline=None, max_examples=20)
@given(
    lengths=lengths_of_a_batch, extra=st.integers(0, 4), fill=garbage, seed=st.integers(0, 2**31)
)
def test_padding_and_batch_mates_change_nothing(
    kind: str, lengths: list[int], extra: int, fill: float, seed: int
) -> None:
    torch.manual_seed(seed)
    head = make_head(kind)
    videos = [torch.randn(n, 5) for n in lengths]
    x = torch.full((len(lengths), max(lengths) + extra, 5), fill)
    for row, video in zip(x, videos, strict=True):
        row[: len(video)] = video
    with torch.no_grad():
        logits, attention = head.logits_and_attention(x, torch.tensor(lengths))
        assert attention.shape == x.shape[:2]
        for row, video in enumerate(videos):
            alone, alone_attention = head.logits_and_attention(video[None])
            torch.testing.assert_close(logits[row], alone[0], rtol=0, atol=1e-5)
            real, padding = attention[row].split([len(video), x.shape[1] - len(video)])
            torch.testing.assert_close(real, alone_attention[0], rtol=0, atol=1e-5)
            assert not padding.any()
            assert float(real.sum()) == pytest.approx(1.0, abs=1e-5)


def gradients(head: TemporalHead, x: Tensor, lengths: Tensor) -> dict[str, Tensor]:
    head.zero_grad()
    head(x, lengths).square().sum().backward()
    return {n: p.grad.clone() for n, p in head.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_learns_and_none_from_padding(kind: str) -> None:
    torch.manual_seed(4)
    head = make_head(kind)
    x, lengths = torch.randn(2, 7, 5), torch.tensor([7, 3])
    before = gradients(head, x, lengths)
    x[1, 3:] = torch.nan
    after = gradients(head, x, lengths)
    assert before.keys() == dict(head.named_parameters()).keys()
    for name, gradient in before.items():
        assert torch.equal(after[name], gradient), name


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_and_offset_of_standardised_features_do_not_matter(kind: str) -> None:
    torch.manual_seed(5)
    features, lengths = torch.randn(6, 9, 5), torch.tensor([9, 1, 4, 9, 7, 2])
    first = build_head(TemporalConfig.from_json(SMALL | KINDS[kind])).eval()
    second = copy.deepcopy(first)
    moved = features * 100 + 500
    for row, length in enumerate(lengths.tolist()):
        features[row, length:] = torch.nan
    for head, seen in ((first, features), (second, moved)):
        head.standardize(seen, lengths)
    with torch.no_grad():
        torch.testing.assert_close(
            first(features, lengths), second(moved, lengths), rtol=0, atol=1e-3
        )


@pytest.mark.parametrize("kind", [*HEADS, "no LSTM", "no attention"])
def test_export_equals_torch_at_every_batch_and_length(kind: str, tmp_path: Path) -> None:
    torch.manual_seed(6)
    head = make_head(kind).train()
    state = torch.get_rng_state()
    export_onnx(head, tmp_path / "head.onnx")
    assert torch.equal(torch.get_rng_state(), state)
    assert head.training
    head.eval()
    onnx.checker.check_model(tmp_path / "head.onnx", full_check=True)
    assert b".py" not in (tmp_path / "head.onnx").read_bytes()
    engine = openvino.Core().compile_model(
        tmp_path / "head.onnx", "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    for time in (64, 1, 36, 109, 1, 64):  # short ones must not spoil the answers after them
        for batch in (1, 3):
            x = torch.randn(batch, time, 5)
            with torch.inference_mode():
                logits, attention = head.logits_and_attention(x)
            found = engine({"features": x.numpy()})
            np.testing.assert_allclose(found["logits"], logits.numpy(), rtol=0, atol=1e-5)
            np.testing.assert_allclose(found["attention"], attention.numpy(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_config_and_weights_survive_being_stored(kind: str, tmp_path: Path) -> None:
    head = make_head(kind)
    assert TemporalConfig.from_json(head.config.to_json()) == head.config
    save_weights(head, tmp_path / "head.safetensors")
    again = build_head(head.config)
    load_weights(again, tmp_path / "head.safetensors")
    state = again.state_dict()
    assert state.keys() == head.state_dict().keys()
    assert all(torch.equal(tensor, state[name]) for name, tensor in head.state_dict().items())


def test_without_its_parts_the_network_is_smaller_and_keeps_its_names() -> None:
    names = {kind: set(make_head(kind).state_dict()) for kind in KINDS}
    whole = names["temporal"]
    lstm = {n for n in whole if n.startswith("lstm.")}
    attention = {n for n in whole if n.split(".")[0] in ("attention", "attention_norm")}
    assert lstm
    assert attention
    assert names["no LSTM"] == whole - lstm
    assert names["no attention"] == whole - attention
    assert names["neither"] == whole - lstm - attention
    assert make_head("no LSTM").config.width == 8


def test_pooled_answers_from_the_mean_alone() -> None:
    torch.manual_seed(7)
    head = make_head("pooled, linear")
    x = torch.randn(2, 8, 5)
    shuffled = x[:, torch.randperm(8)]
    with torch.no_grad():
        logits, attention = head.logits_and_attention(x)
        torch.testing.assert_close(head(shuffled), logits, rtol=0, atol=1e-5)
        torch.testing.assert_close(attention, torch.full((2, 8), 1 / 8))
        state = head.state_dict()
        parts = (x.mean(dim=1) - state["centre"]) / state["spread"]
        linear = parts @ state["classifier.0.weight"].T + state["classifier.0.bias"]
    torch.testing.assert_close(logits, linear, rtol=0, atol=1e-5)


def test_pooled_sees_standardised_means_of_videos() -> None:
    torch.manual_seed(8)
    head = build_head(TemporalConfig.from_json(SMALL | KINDS["pooled, linear"])).eval()
    units = torch.tensor([0.1, 1.0, 3.0, 1.0, 1.0])
    features = torch.randn(40, 9, 5) * units + torch.randn(40, 1, 5) * units + 7
    seen: list[Tensor] = []
    head.get_submodule("dropout").register_forward_hook(lambda _, __, out: seen.append(out))
    head.standardize(features, torch.full((40,), 9))
    with torch.no_grad():
        logits = head(features)
    assert not logits.any()  # it begins with guessing
    assert seen[0].shape == (40, 5)
    assert float(seen[0].mean(dim=0).abs().max()) < 1e-4
    # a tenth of the mean spread is added, which weighs most on the smallest
    assert float(seen[0].std(dim=0).max()) < 1.0
    assert float(seen[0].std(dim=0)[1:5].min()) > 0.8


def test_a_config_from_before_there_was_a_choice_is_the_temporal_head() -> None:
    data = TemporalConfig(feature_dim=5).to_json()
    assert "head" not in data
    assert TemporalConfig.from_json(data).head == "temporal"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "lstm2"}, r"has head lstm2, which is not temporal or pooled"),
        ({"head": "a\nb"}, r"has head a\\x0ab, which is not"),
        ({"head": ["pooled"]}, r"which is not temporal or pooled"),
        ({"num_lstm_layers": -1}, "must be 0 or more"),
        ({"num_attention_heads": -2}, "must be 0 or more"),
        ({"num_lstm_layers": 0, "hidden_dim": 1, "num_attention_heads": 1}, "must be 2 or more"),
        ({"num_lstm_layers": 0, "num_attention_heads": 16}, "num_attention_heads 16 must divide"),
    ],
)
def test_unknown_heads_and_impossible_sizes_are_refused_in_one_line(
    change: dict[str, Any], message: str
) -> None:
    with pytest.raises(FileFormatError, match=message) as refused:
        TemporalConfig.from_json(SMALL | change)
    assert "\n" not in str(refused.value)
