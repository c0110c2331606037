"""The LSTM without packing gives what packing gives, forward and backward."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from clipkind.model.recurrence import masked_lstm

LENGTHS = st.lists(st.integers(1, 9), min_size=1, max_size=5)


def packed(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    rows = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)
    out, _ = nn.utils.rnn.pad_packed_sequence(
        lstm(rows)[0], batch_first=True, total_length=x.shape[1]
    )
    return out


@settings(deadline=None, max_examples=25)
@given(LENGTHS, st.booleans(), st.integers(1, 3))
def test_equals_packing(lengths: list[int], bidirectional: bool, layers: int) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 7, layers, batch_first=True, bidirectional=bidirectional)
    x = torch.randn(len(lengths), max(lengths), 5, requires_grad=True)
    rows = torch.tensor(lengths)
    real = (torch.arange(x.shape[1]) < rows[:, None])[:, :, None]
    ours, theirs = masked_lstm(lstm, x, rows) * real, packed(lstm, x, rows)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-5)
    weights = torch.randn_like(theirs)
    parameters = (x, *lstm.parameters())
    gradients = torch.autograd.grad((ours * weights).sum(), parameters)
    expected = torch.autograd.grad((theirs * weights).sum(), parameters)
    for mine, wanted in zip(gradients, expected, strict=True):
        torch.testing.assert_close(mine, wanted, rtol=0, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
def test_dropout_strikes_between_layers_in_training_only(training: bool) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 7, 2, batch_first=True, dropout=0.5).train(training)
    x, lengths = torch.randn(2, 6, 5), torch.tensor([6, 3])
    first, second = masked_lstm(lstm, x, lengths), masked_lstm(lstm, x, lengths)
    assert torch.equal(first, second) is not training
