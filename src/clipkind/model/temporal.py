"""The temporal network: a sequence of frame features in, one logit per class out.

It is the documented SuperEnhancedTemporalModel (input projection, BiLSTM, self-attention with a
residual, attention pooling, MLP) with the documented attribute names, so documented state dicts
load strictly. Two things differ, and neither changes the answer for an unpadded sequence: padding
is masked everywhere, and the attention exports with a free T.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
import torch.nn.functional as F  # noqa: N812 (torch's own name for it)
from torch import Tensor, nn

from clipkind.errors import FileFormatError
from clipkind.model.recurrence import masked_lstm


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalConfig:
    """Sizes of a `TemporalClassifier`. The defaults are the documented ones."""

    feature_dim: int
    """D."""
    hidden_dim: int = 768
    """H: width of the projected features and of one LSTM direction."""
    num_classes: int = 4
    """C."""
    num_lstm_layers: int = 4
    num_attention_heads: int = 12
    dropout: float = 0.4
    """Halved in the projection, the pooling and the last classifier block, as documented."""
    bidirectional: bool = True
    classifier_dims: tuple[int, ...] = (768, 512, 256)
    """Widths of the classifier's hidden blocks."""

    def __post_init__(self) -> None:
        sizes = (self.feature_dim, self.hidden_dim, self.num_classes, self.num_lstm_layers)
        if min(*sizes, self.num_attention_heads, *self.classifier_dims) < 1:
            raise ValueError(f"every size must be positive: {self}")
        if self.width % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} must divide the LSTM's output "
                f"width {self.width}"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout {self.dropout} must be at least 0 and below 1")

    @property
    def width(self) -> int:
        """Width of the LSTM's output, and of everything up to the classifier."""
        return self.hidden_dim * (2 if self.bidirectional else 1)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; `from_json` gives an equal config back."""
        return asdict(self) | {"classifier_dims": list(self.classifier_dims)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_json`. Raises FileFormatError on unknown fields and impossible sizes."""
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise FileFormatError(f"temporal network config has unknown field {unknown[0]!r}")
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"temporal network config is damaged: {error}") from None


class TemporalClassifier(nn.Module):
    """Features [B, T, D] to logits [B, C]; 65,277,701 parameters at the documented sizes, D 1280.

    Source: /model/super-enhanced-temporal-model of the documented system. Linear layers start
    xavier-uniform with zero bias, LayerNorms at 1 and 0, the LSTM and the attention's input
    projection at torch's own defaults, as documented.
    """

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.config = config
        hidden, width, dropout = config.hidden_dim, config.width, config.dropout
        self.input_projection = nn.Sequential(
            *_block(config.feature_dim, hidden, nn.ReLU(), dropout * 0.5)
        )
        self.lstm = nn.LSTM(
            hidden,
            hidden,
            num_layers=config.num_lstm_layers,
            batch_first=True,
            dropout=dropout if config.num_lstm_layers > 1 else 0.0,
            bidirectional=config.bidirectional,
        )
        self.attention = nn.MultiheadAttention(
            width, config.num_attention_heads, dropout=dropout, batch_first=True
        )
        self.attention_norm = nn.LayerNorm(width)
        self.attention_dropout = nn.Dropout(dropout)
        self.attention_pooling = nn.Sequential(
            *_block(width, width // 2, nn.Tanh(), dropout * 0.5), nn.Linear(width // 2, 1)
        )
        blocks: list[nn.Module] = []
        before = width
        for index, after in enumerate(config.classifier_dims, start=1):
            last = index == len(config.classifier_dims)
            blocks += _block(before, after, nn.ReLU(), dropout * 0.5 if last else dropout)
            before = after
        self.classifier = nn.Sequential(*blocks, nn.Linear(before, config.num_classes))
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                nn.init.zeros_(module.bias)

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits [B, C] of features x [B, T, D].

        `lengths` [B] int64, each 1..T, says how many rows of each video are real; what stands in
        the others (even NaN) changes nothing. None means all rows are real, and exports.
        """
        return self.logits_and_attention(x, lengths)[0]

    def logits_and_attention(
        self, x: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, with the pooling weights [B, T]: 0 at padding, each row's sum is 1."""
        if lengths is not None and int(lengths.min()) == x.shape[1]:
            lengths = None  # nothing is padded: the same numbers without packing, 15 % faster
        padding = None
        if lengths is not None:
            padding = torch.arange(x.shape[1], device=x.device) >= lengths.to(x.device)[:, None]
            x = x.masked_fill(padding[:, :, None], 0.0)
        rows = self._recur(self.input_projection(x), lengths)
        attended = self.attention_dropout(self._attend(rows, padding))
        attended = self.attention_norm(rows + attended)
        scores = self.attention_pooling(attended).squeeze(2)
        if padding is not None:
            scores = scores.masked_fill(padding, -torch.inf)
        weights = scores.softmax(dim=1)
        pooled = (attended * weights[:, :, None]).sum(dim=1)
        return self.classifier(pooled), weights

    def _recur(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        """[B, T, H] to [B, T, width]; the backward direction starts at each video's last row."""
        rows: Tensor
        if lengths is None:
            rows, _ = self.lstm(x)
            return rows
        if x.is_cuda:
            # Autocast would run cuDNN's LSTM in float16, whatever it was asked for, and its
            # gradients would need scaling; outside it the LSTM computes in TF32.
            with torch.autocast("cuda", enabled=False):
                return self._recur_packed(x.float(), lengths)
        return masked_lstm(self.lstm, x, lengths)

    def _recur_packed(self, x: Tensor, lengths: Tensor) -> Tensor:
        rows: Tensor
        packed = nn.utils.rnn.pack_padded_sequence(
            x, lengths.cpu(), batch_first=True, enforce_sorted=False
        )
        rows, _ = nn.utils.rnn.pad_packed_sequence(
            self.lstm(packed)[0], batch_first=True, total_length=x.shape[1]
        )
        return rows

    def _attend(self, x: Tensor, padding: Tensor | None) -> Tensor:
        """Self-attention [B, T, width] to the same shape; padding [B, T] is never looked at.

        nn.MultiheadAttention only holds the parameters (their names are the documented ones): its
        own forward writes the T of the example into an exported graph.
        """
        held = self.attention
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
            dropout_p=self.attention.dropout if self.training else 0.0,
        )


def _block(before: int, after: int, activation: nn.Module, dropout: float) -> list[nn.Module]:
    return [nn.Linear(before, after), nn.LayerNorm(after), activation, nn.Dropout(dropout)]
