"""How a network is trained, as one frozen value that is stored beside what it made."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything a training run needs besides the data. Augmentation knows no labels."""

    learning_rate: float
    """AdamW's, at its highest: it rises over the warm-up, then falls to 0 as half a cosine."""
    weight_decay: float
    batch_size: int
    num_epochs: int
    patience: int
    """Epochs without a better validation result after which training stops."""
    grad_clip: float = 1.0
    """Largest norm of the whole gradient."""
    gamma: float = 2.0
    smoothing: float = 0.1
    """`gamma` and `smoothing` of the focal loss."""
    seed: int = 42
    warmup_epochs: float = 0.0

    hidden_dim: int
    num_lstm_layers: int
    num_attention_heads: int
    classifier_dims: tuple[int, ...]
    dropout: float

    standardize: bool = False
    """Begin with a first layer that sees each feature at mean 0 and spread 1 over the training
    videos, by folding these into its weights; the network itself stays as it is."""

    feature_noise: float = 0.0
    """Standard deviation of Gaussian noise added to every feature, in the features' own unit."""
    feature_dropout: float = 0.0
    """Share of the D features blanked over a video's whole length; the others make up for it."""
    time_crop: float = 1.0
    """Smallest share of a video's rows that is kept, as one window; 1 keeps all."""
    time_keep: float = 1.0
    """Share of the rows left by that which is kept, spread evenly and drawn anew each time; 1 keeps
    all. Sequences a quarter as long train four times as fast."""

    def __post_init__(self) -> None:
        if min(self.batch_size, self.num_epochs, self.patience) < 1:
            raise ValueError("batch_size, num_epochs and patience must be positive")
        if not 0 <= self.warmup_epochs < self.num_epochs:
            raise ValueError(
                f"warmup_epochs {self.warmup_epochs} must be below num_epochs {self.num_epochs}"
            )
        if not 0.0 <= self.feature_dropout < 1.0:
            raise ValueError(f"feature_dropout {self.feature_dropout} must be 0 or more, below 1")
        for name in ("time_crop", "time_keep"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 and at most 1")

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict."""
        return asdict(self) | {"classifier_dims": list(self.classifier_dims)}


DOCUMENTED = Recipe(
    learning_rate=1e-3,
    weight_decay=5e-4,
    batch_size=48,
    num_epochs=150,
    patience=25,
    hidden_dim=768,
    num_lstm_layers=4,
    num_attention_heads=12,
    classifier_dims=(768, 512, 256),
    dropout=0.4,
    feature_noise=0.01,
    time_crop=0.7,
)
"""The documented values: 65 million parameters, for a GPU. The learning rate follows one cosine
where the documented system restarted it, and the crop is a window where that kept a random subset
of the rows; both of its augmentations struck only some of the videos."""

COMPACT = Recipe(
    learning_rate=1e-3,
    weight_decay=0.05,
    batch_size=32,
    num_epochs=40,
    patience=12,
    warmup_epochs=2.0,
    hidden_dim=64,
    num_lstm_layers=1,
    num_attention_heads=4,
    classifier_dims=(128, 64),
    dropout=0.4,
    feature_noise=0.05,
    feature_dropout=0.3,
    standardize=True,
    time_crop=0.6,
    time_keep=0.25,
)
"""For hundreds of videos rather than thousands: trains in a minute or two on a laptop's CPU."""
