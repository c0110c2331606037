"""The temporal network: equal to the documented one, and blind to padding."""

import json
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from clipkind.errors import FileFormatError
from clipkind.model.temporal import TemporalClassifier, TemporalConfig

SMALL = TemporalConfig(
    feature_dim=5,
    hidden_dim=8,
    num_classes=3,
    num_lstm_layers=2,
    num_attention_heads=4,
    classifier_dims=(8, 6),
)


class Documented(nn.Module):
    """The network as its documentation page writes it, without the retry on CUDA errors."""

    def __init__(self, feature_dim, hidden_dim, num_classes, num_lstm_layers, num_attention_heads):
        super().__init__()
        dropout = 0.4
        self.input_projection = nn.Sequential(
            nn.Linear(feature_dim, hidden_dim),
            nn.LayerNorm(hidden_dim),
            nn.ReLU(),
            nn.Dropout(dropout * 0.5),
        )
        self.lstm = nn.LSTM(
            input_size=hidden_dim,
            hidden_size=hidden_dim,
            num_layers=num_lstm_layers,
            batch_first=True,
            dropout=dropout if num_lstm_layers > 1 else 0,
            bidirectional=True,
        )
        width = hidden_dim * 2
        self.attention = nn.MultiheadAttention(
            embed_dim=width, num_heads=num_attention_heads, dropout=dropout, batch_first=True
        )
        self.attention_norm = nn.LayerNorm(width)
        self.attention_dropout = nn.Dropout(dropout)
        self.attention_pooling = nn.Sequential(
            nn.Linear(width, width // 2),
            nn.LayerNorm(width // 2),
            nn.Tanh(),
            nn.Dropout(dropout * 0.5),
            nn.Linear(width // 2, 1),
        )
        self.classifier = nn.Sequential(
            nn.Linear(width, 768),
            nn.LayerNorm(768),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(768, 512),
            nn.LayerNorm(512),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(512, 256),
            nn.LayerNorm(256),
            nn.ReLU(),
            nn.Dropout(dropout * 0.5),
            nn.Linear(256, num_classes),
        )
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.xavier_uniform_(m.weight)
                if m.bias is not None:
                    nn.init.constant_(m.bias, 0)
            elif isinstance(m, nn.LayerNorm):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        lstm_out, _ = self.lstm(self.input_projection(x))
        attended, _ = self.attention(lstm_out, lstm_out, lstm_out)
        attended = self.attention_norm(lstm_out + self.attention_dropout(attended))
        weights = F.softmax(self.attention_pooling(attended), dim=1)
        return self.classifier((attended * weights).sum(dim=1))


def small_pair() -> tuple[Documented, TemporalClassifier]:
    documented = Documented(10, 12, 4, 3, 6)
    ours = TemporalClassifier(
        TemporalConfig(feature_dim=10, hidden_dim=12, num_lstm_layers=3, num_attention_heads=6)
    )
    return documented, ours


@pytest.mark.parametrize("time", [1, 8, 73])
def test_documented_weights_load_and_answer_the_same(time: int) -> None:
    torch.manual_seed(1)
    documented, ours = small_pair()
    for parameter in documented.parameters():  # also the ones that start at 0 and 1
        parameter.data.add_(0.1 * torch.randn_like(parameter))
    ours.load_state_dict(documented.state_dict(), strict=True)
    x = torch.randn(3, time, 10)
    with torch.no_grad():
        expected = documented.eval()(x)
        torch.testing.assert_close(ours.eval()(x), expected, rtol=0, atol=1e-5)
        full = torch.full((3,), time)
        torch.testing.assert_close(ours(x, full), expected, rtol=0, atol=1e-5)


def test_starts_from_the_documented_weights() -> None:
    torch.manual_seed(2)
    documented = Documented(10, 12, 4, 3, 6).state_dict()
    torch.manual_seed(2)
    config = TemporalConfig(feature_dim=10, hidden_dim=12, num_lstm_layers=3, num_attention_heads=6)
    ours = TemporalClassifier(config).state_dict()
    assert list(ours) == list(documented)
    for name, tensor in documented.items():
        assert torch.equal(ours[name], tensor), name


def test_documented_size() -> None:
    with torch.device("meta"):
        model = TemporalClassifier(TemporalConfig(feature_dim=1280))
        documented = Documented(1280, 768, 4, 4, 12)
    assert sum(p.numel() for p in model.parameters()) == 65_277_701
    assert len(model.state_dict()) == 62
    shapes = {name: tensor.shape for name, tensor in model.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in documented.state_dict().items()}


lengths_of_a_batch = st.lists(st.integers(1, 9), min_size=1, max_size=5)
garbage = st.sampled_from([0.0, 1e30, float("nan"), float("inf")])


@settings(deadline=None, max_examples=60)
@given(lengths_of_a_batch, st.integers(0, 4), garbage, st.integers(0, 2**31), st.booleans())
def test_padding_and_batch_mates_change_nothing(
    lengths: list[int], extra: int, fill: float, seed: int, bidirectional: bool
) -> None:
    torch.manual_seed(seed)
    sizes = SMALL.to_json() | {"bidirectional": bidirectional}
    model = TemporalClassifier(TemporalConfig.from_json(sizes)).eval()
    videos = [torch.randn(n, 5) for n in lengths]
    x = torch.full((len(lengths), max(lengths) + extra, 5), fill)
    for row, video in zip(x, videos, strict=True):
        row[: len(video)] = video
    with torch.no_grad():
        logits, weights = model.logits_and_attention(x, torch.tensor(lengths))
        for row, video in enumerate(videos):
            alone, alone_weights = model.logits_and_attention(video[None])
            torch.testing.assert_close(logits[row], alone[0], rtol=0, atol=1e-5)
            real, padding = weights[row].split([len(video), x.shape[1] - len(video)])
            torch.testing.assert_close(real, alone_weights[0], rtol=0, atol=1e-5)
            assert not padding.any()
            assert float(real.sum()) == pytest.approx(1.0, abs=1e-5)


def test_full_lengths_are_the_same_as_none() -> None:
    torch.manual_seed(3)
    model = TemporalClassifier(SMALL).eval()
    x = torch.randn(4, 6, 5)
    with torch.no_grad():
        assert torch.equal(model(x, torch.full((4,), 6)), model(x))


def gradients(model: TemporalClassifier, x: Tensor, lengths: Tensor) -> dict[str, Tensor]:
    model.zero_grad()
    model(x, lengths).square().sum().backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def test_nothing_is_learnt_from_padding() -> None:
    torch.manual_seed(4)
    model = TemporalClassifier(SMALL).eval()
    x, lengths = torch.randn(2, 7, 5), torch.tensor([7, 3])
    before = gradients(model, x, lengths)
    x[1, 3:] = torch.nan
    after = gradients(model, x, lengths)
    assert before.keys() == dict(model.named_parameters()).keys()
    for name, gradient in before.items():
        assert torch.equal(after[name], gradient), name


def test_config_survives_json() -> None:
    text = json.dumps(SMALL.to_json())
    assert TemporalConfig.from_json(json.loads(text)) == SMALL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"heads": 4}, "unknown field 'heads'"),
        ({"num_attention_heads": 3}, "num_attention_heads 3 must divide"),
        ({"hidden_dim": 0}, "every size must be positive"),
        ({"dropout": 1.5}, "dropout 1.5"),
        ({"hidden_dim": "wide"}, "damaged"),
    ],
)
def test_impossible_configs_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(FileFormatError, match=message):
        TemporalConfig.from_json(SMALL.to_json() | change)


def test_packages_import_without_torch() -> None:
    code = (
        "import sys, clipkind.model, clipkind.training, clipkind.training.recipe; "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
