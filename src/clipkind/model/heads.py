"""The temporal heads by name: networks from a video's features to its class.

`HEADS` is the one place that knows them; CONTRIBUTING.md says how to add another. The head itself
(`clipkind.model.temporal_head` says what it must keep to) needs torch, this file does not: recipes
name heads where there is no torch.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Self

from clipkind.errors import FileFormatError
from clipkind.text import printable

if TYPE_CHECKING:
    from clipkind.model.temporal_head import TemporalHead

DEFAULT_HEAD = "temporal"


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporalConfig:
    """Which head, and its sizes. The defaults are the documented ones."""

    feature_dim: int
    """D."""
    hidden_dim: int = 768
    """H: width of the projected features and of one LSTM direction."""
    num_classes: int = 4
    """C."""
    num_lstm_layers: int = 4
    """0: no LSTM; the attention sees the projected features."""
    num_attention_heads: int = 12
    """0: no self-attention, and neither its residual nor its norm."""
    dropout: float = 0.4
    """Halved in the projection, the pooling and the last classifier block, as documented."""
    bidirectional: bool = True
    classifier_dims: tuple[int, ...] = (768, 512, 256)
    """Widths of the classifier's hidden blocks; none: it is one linear layer."""
    head: str = DEFAULT_HEAD
    """One of `HEADS`; each head takes the sizes that mean something to it."""

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head {self.head!r} is not {' or '.join(HEADS)}")
        if min(self.feature_dim, self.hidden_dim, self.num_classes, *self.classifier_dims) < 1:
            raise ValueError(f"every size must be positive: {self}")
        if min(self.num_lstm_layers, self.num_attention_heads) < 0:
            raise ValueError(f"num_lstm_layers and num_attention_heads must be 0 or more: {self}")
        if self.width < 2:
            raise ValueError(f"hidden_dim {self.hidden_dim} must be 2 or more here")
        if self.num_attention_heads and self.width % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} must divide the LSTM's output "
                f"width {self.width}"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout {self.dropout} must be at least 0 and below 1")

    @property
    def width(self) -> int:
        """Width of the LSTM's output (without LSTM its input), up to the classifier."""
        return self.hidden_dim * (2 if self.bidirectional and self.num_lstm_layers else 1)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict; `from_json` gives an equal config back.

        The head stands in it where it is not the default one, so that those who know no other
        read it too.
        """
        data = asdict(self) | {"classifier_dims": list(self.classifier_dims)}
        if self.head == DEFAULT_HEAD:
            del data["head"]
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Self:
        """Inverse of `to_json`.

        Raises FileFormatError on unknown fields, unknown heads and impossible sizes.
        """
        unknown = sorted(set(data) - {f.name for f in fields(cls)})
        if unknown:
            raise FileFormatError(f"temporal network config has unknown field {unknown[0]!r}")
        head = data.get("head", DEFAULT_HEAD)
        if not isinstance(head, str) or head not in HEADS:
            raise FileFormatError(
                f"temporal network config has head {printable(str(head))}, which is not "
                f"{' or '.join(HEADS)}; use the clipkind that made it"
            )
        values: dict[str, Any] = {
            k: tuple(v) if isinstance(v, list) else v for k, v in data.items()
        }
        try:
            return cls(**values)
        except (TypeError, ValueError) as error:
            raise FileFormatError(f"temporal network config is damaged: {error}") from None


def build_head(config: TemporalConfig) -> "TemporalHead":
    """The head that `config` describes, with weights to begin training from."""
    return HEADS[config.head](config)


def _temporal(config: TemporalConfig) -> "TemporalHead":
    from clipkind.model.temporal import TemporalClassifier

    return TemporalClassifier(config)


def _pooled(config: TemporalConfig) -> "TemporalHead":
    from clipkind.model.pooled import PooledHead

    return PooledHead(config)


HEADS: "dict[str, Callable[[TemporalConfig], TemporalHead]]" = {
    DEFAULT_HEAD: _temporal,
    "pooled": _pooled,
}
"""What `--set head=…` chooses from."""
