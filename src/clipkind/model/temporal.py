"""The temporal network: a sequence of frame features in, one logit per class out.

It is the documented SuperEnhancedTemporalModel (input projection, BiLSTM, self-attention with a
residual, attention pooling, MLP) with the documented attribute names, so documented state dicts
load strictly. Two things differ, and neither changes the answer for an unpadded sequence: padding
is masked everywhere, and the attention exports with a free T.
"""

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from clipkind.model.heads import TemporalConfig
from clipkind.model.recurrence import masked_lstm
from clipkind.model.temporal_head import (
    TemporalHead,
    begin_xavier,
    block,
    classifier,
    standardize_layer,
)

__all__ = ["TemporalClassifier", "TemporalConfig"]


class TemporalClassifier(TemporalHead):
    """Features [B, T, D] to logits [B, C]; 65,277,701 parameters at the documented sizes, D 1280.

    Source: /model/super-enhanced-temporal-model of the documented system. Linear layers start
    xavier-uniform with zero bias, LayerNorms at 1 and 0, the LSTM and the attention's input
    projection at torch's own defaults, as documented. Without LSTM or self-attention (ablations)
    their parameters are not there either.
    """

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__(config)
        hidden, width, dropout = config.hidden_dim, config.width, config.dropout
        self.input_projection = nn.Sequential(
            *block(config.feature_dim, hidden, nn.ReLU(), dropout * 0.5)
        )
        self.lstm: nn.LSTM | None = None
        self.attention: nn.MultiheadAttention | None = None
        if config.num_lstm_layers:
            self.lstm = nn.LSTM(
                hidden,
                hidden,
                num_layers=config.num_lstm_layers,
                batch_first=True,
                dropout=dropout if config.num_lstm_layers > 1 else 0.0,
                bidirectional=config.bidirectional,
            )
        if config.num_attention_heads:
            self.attention = nn.MultiheadAttention(
                width, config.num_attention_heads, dropout=dropout, batch_first=True
            )
            self.attention_norm = nn.LayerNorm(width)
            self.attention_dropout = nn.Dropout(dropout)
        self.attention_pooling = nn.Sequential(
            *block(width, width // 2, nn.Tanh(), dropout * 0.5), nn.Linear(width // 2, 1)
        )
        self.classifier = classifier(width, config.classifier_dims, config.num_classes, dropout)
        begin_xavier(self)

    def answer(self, x: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        rows = self.input_projection(x)
        if self.lstm is not None:
            rows = self._recur(self.lstm, rows, padding)
        if self.attention is not None:
            attended = self.attention_dropout(self._attend(self.attention, rows, padding))
            rows = self.attention_norm(rows + attended)
        scores = self.attention_pooling(rows).squeeze(2)
        if padding is not None:
            scores = scores.masked_fill(padding, -torch.inf)
        weights = scores.softmax(dim=1)
        pooled = (rows * weights[:, :, None]).sum(dim=1)
        return self.classifier(pooled), weights

    def standardize(self, features: Tensor, lengths: Tensor) -> None:
        """Fold mean and spread of the real rows into the first layer: the network stays as is."""
        standardize_layer(self.input_projection[0], features, lengths)

    def _recur(self, lstm: nn.LSTM, x: Tensor, padding: Tensor | None) -> Tensor:
        """[B, T, H] to [B, T, width]; the backward direction starts at each video's last row."""
        rows: Tensor
        if padding is None:
            rows, _ = lstm(x)
            return rows
        lengths = (~padding).sum(dim=1)
        if x.is_cuda:
            # Autocast would run cuDNN's LSTM in float16, whatever it was asked for, and its
            # gradients would need scaling; outside it the LSTM computes in TF32.
            with torch.autocast("cuda", enabled=False):
                return _recur_packed(lstm, x.float(), lengths)
        return masked_lstm(lstm, x, lengths)

    def _attend(self, held: nn.MultiheadAttention, x: Tensor, padding: Tensor | None) -> Tensor:
        """Self-attention [B, T, width] to the same shape; padding [B, T] is never looked at.

        nn.MultiheadAttention only holds the parameters (their names are the documented ones): its
        own forward writes the T of the example into an exported graph.
        """
        projected = F.linear(x, held.in_proj_weight, held.in_proj_bias)
        heads = projected.view(*x.shape[:2], 3, held.num_heads, held.head_dim)
        query, key, value = heads.permute(2, 0, 3, 1, 4)
        mixed = self._mix(query, key, value, padding)
        out: Tensor = held.out_proj(mixed.transpose(1, 2).flatten(2))
        return out

    def _mix(self, query: Tensor, key: Tensor, value: Tensor, padding: Tensor | None) -> Tensor:
        """[B, heads, T, width / heads] three times to the same shape."""
        return F.scaled_dot_product_attention(
            query,
            key,
            value,
            attn_mask=None if padding is None else ~padding[:, None, None, :],
            dropout_p=self.config.dropout if self.training else 0.0,
        )


def _recur_packed(lstm: nn.LSTM, x: Tensor, lengths: Tensor) -> Tensor:
    rows: Tensor
    packed = nn.utils.rnn.pack_padded_sequence(
        x, lengths.cpu(), batch_first=True, enforce_sorted=False
    )
    rows, _ = nn.utils.rnn.pad_packed_sequence(
        lstm(packed)[0], batch_first=True, total_length=x.shape[1]
    )
    return rows
