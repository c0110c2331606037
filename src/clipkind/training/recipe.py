"""How a network is trained, as one frozen value that is stored beside what it made."""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

from clipkind.checks import MOST
from clipkind.model.heads import DEFAULT_HEAD, HEADS

MOST_FLOAT = 3e38
"""More, float32 does not hold."""
WIDEST, DEEPEST = 16384, 64
"""The largest layer, and the most layers of a network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Everything a training run needs besides the data. Augmentation knows no labels."""

    # the network
    hidden_dim: int
    num_lstm_layers: int
    """0: without LSTM."""
    num_attention_heads: int
    """0: without self-attention."""
    classifier_dims: tuple[int, ...]
    dropout: float
    head: str = DEFAULT_HEAD
    """One of `clipkind.model.heads.HEADS`; it takes those of the sizes that it has."""
    standardize: bool = False
    """Begin with a first layer that sees each feature at mean 0 and spread 1 over the training
    videos, by folding these into its weights; the network itself stays as it is."""

    # the optimiser and when it ends
    solver: Literal["adamw", "lbfgs"] = "adamw"
    """`lbfgs` solves for a linear network's one best answer at once, where `adamw` takes steps: no
    epochs, no augmentation, no random numbers, and nothing for the validation split to choose."""
    learning_rate: float
    """The highest."""
    weight_decay: float
    """AdamW's, or with `lbfgs` the L2 penalty on the summed loss: 1 / C of scikit-learn."""
    batch_size: int
    num_epochs: int
    patience: int
    """Epochs without a better validation result after which training stops."""
    grad_clip: float = 1.0
    """Largest norm of the whole gradient."""
    select: Literal["macro_f1", "accuracy"] = "macro_f1"
    """What makes an epoch better. Of epochs with equal macro F1 the one with the lower negative
    log-likelihood, of equal accuracy the earlier one."""
    collapse_epochs: int = 10
    """A run whose loss is still that of guessing after so many epochs has failed."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the matrix products; `auto` is bfloat16 where the machine is faster in it."""

    # how the learning rate goes
    schedule: Literal["cosine", "warm_restarts"] = "cosine"
    """`cosine`: a line up over the warm-up, half a cosine down over the whole run.
    `warm_restarts`: half a cosine down, again and again, over longer and longer periods."""
    schedule_step: Literal["batch", "epoch"] = "batch"
    """What moves it on, and the unit of `restart_period`."""
    warmup_epochs: float = 0.0
    restart_period: int = 20
    restart_factor: int = 2
    """Each period of `warm_restarts` is so many times as long as the one before."""
    min_learning_rate: float = 0.0

    # the loss
    gamma: float = 2.0
    smoothing: float = 0.1
    focal_p: Literal["true_class", "smoothed"] = "true_class"
    """What the focal loss takes for the confidence (see `clipkind.model.losses.FocalLoss`)."""
    sampler: Literal["shuffle", "weighted"] = "shuffle"
    """`weighted` draws with replacement, rare classes more often."""

    # augmentation, in the order it is done
    time_crop: float = 1.0
    """Smallest share of a video's rows that is kept, as one window; 1 keeps all."""
    time_keep: float = 1.0
    """Share of the rows left by that which is kept, spread evenly and drawn anew each time; 1 keeps
    all. Sequences a quarter as long train four times as fast."""
    subset_rate: float = 0.0
    """Share of videos, longer than 8 rows, of which a random subset of rows is kept, in order: at
    least 8, and at least `subset_share`, drawn evenly up to all."""
    subset_share: float = 0.7
    roll_rate: float = 0.0
    """Share of videos, longer than 8 rows, whose rows are rolled around by up to `roll_rows`."""
    roll_rows: int = 3
    noise_rate: float = 1.0
    """Share of videos, longer than 8 rows unless it is 1, that get noise."""
    feature_noise: float = 0.0
    """Standard deviation of Gaussian noise on every feature, in the features' own unit."""
    feature_dropout: float = 0.0
    """Share of the D features blanked over a video's whole length; the others make up for it."""

    def __post_init__(self) -> None:
        for name in TYPES:
            value = getattr(self, name)
            for number in value if isinstance(value, tuple) else (value,):
                most = MOST if isinstance(number, int) else MOST_FLOAT
                if not isinstance(number, str) and not abs(number) <= most:  # nan is not, either
                    raise ValueError(f"{name} {number} must be a number up to {most:g}")
        for name, choices in CHOICES.items():
            if getattr(self, name) not in choices:
                raise ValueError(f"{name} {getattr(self, name)!r} is not {' or '.join(choices)}")
        positive = ("batch_size", "num_epochs", "patience", "restart_period", "restart_factor")
        others = ("hidden_dim", "learning_rate", "grad_clip", "collapse_epochs")
        for name in (*positive, *others):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0")
        if not 0 <= self.warmup_epochs < self.num_epochs:
            raise ValueError(
                f"warmup_epochs {self.warmup_epochs} must be below num_epochs {self.num_epochs}"
            )
        for name in ("subset_rate", "roll_rate", "noise_rate"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} {getattr(self, name)} must be 0 to 1")
        for name in ("feature_dropout", "dropout", "smoothing"):
            if not 0.0 <= getattr(self, name) < 1.0:
                raise ValueError(f"{name} {getattr(self, name)} must be 0 or more, below 1")
        for name in ("time_crop", "time_keep", "subset_share"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} {getattr(self, name)} must be above 0 and at most 1")
        layers = ("num_lstm_layers", "num_attention_heads")
        shifts = ("feature_noise", "roll_rows", "min_learning_rate")
        for name in (*layers, "weight_decay", "gamma", *shifts):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} {getattr(self, name)} must be 0 or more")
        self._check_network()

    def _check_network(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head {self.head!r} is not {' or '.join(HEADS)}")
        for size in (self.hidden_dim, *self.classifier_dims):
            if size > WIDEST:
                raise ValueError(f"hidden_dim and classifier_dims {size} must be at most {WIDEST}")
        if self.num_lstm_layers > DEEPEST:
            raise ValueError(f"num_lstm_layers {self.num_lstm_layers} must be at most {DEEPEST}")
        width = (2 if self.num_lstm_layers else 1) * self.hidden_dim
        if width < 2:
            raise ValueError(f"hidden_dim {self.hidden_dim} must be 2 or more without LSTM")
        if self.num_attention_heads and width % self.num_attention_heads:
            raise ValueError(
                f"num_attention_heads {self.num_attention_heads} must divide {width}, "
                f"{'twice hidden_dim' if self.num_lstm_layers else 'hidden_dim (without LSTM)'}"
            )

        linear = self.head == "pooled" and not self.classifier_dims
        if self.solver == "lbfgs" and not (linear and self.num_epochs == 1):
            raise ValueError(
                "solver lbfgs is for a linear network: head pooled, classifier_dims [], "
                "num_epochs 1; for a network trained in epochs begin with recipe default"
            )

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready dict. Head and solver stand in it where they are not the default ones, so
        that a run begun before there was a choice is the same run."""
        data = asdict(self) | {"classifier_dims": list(self.classifier_dims)}
        for name, default in (("head", DEFAULT_HEAD), ("solver", "adamw")):
            if data[name] == default:
                del data[name]
        return data


TYPES: dict[str, Any] = {
    name: hint for name, hint in get_type_hints(Recipe).items() if name in Recipe.__slots__
}
"""The type of each field of a recipe."""
CHOICES: dict[str, tuple[str, ...]] = {
    f.name: get_args(TYPES[f.name])
    for f in fields(Recipe)
    if TYPES[f.name] not in (int, float, bool, str, tuple[int, ...])
}
"""The values of the fields that have only a few."""

DOCUMENTED = Recipe(
    hidden_dim=768,
    num_lstm_layers=4,
    num_attention_heads=12,
    classifier_dims=(768, 512, 256),
    dropout=0.4,
    learning_rate=1e-3,
    weight_decay=5e-4,
    batch_size=48,
    num_epochs=150,
    patience=25,
    select="accuracy",
    collapse_epochs=15,
    schedule="warm_restarts",
    min_learning_rate=1e-6,
    focal_p="smoothed",
    sampler="weighted",
    subset_rate=0.5,
    roll_rate=0.3,
    noise_rate=0.2,
    feature_noise=0.01,
)
"""As documented: 65 million parameters, for a GPU. Of five runs of it two were reported to fail."""

DEFAULT = Recipe(
    hidden_dim=64,
    num_lstm_layers=1,
    num_attention_heads=4,
    classifier_dims=(128, 64),
    dropout=0.4,
    standardize=True,
    learning_rate=1e-3,
    weight_decay=0.05,
    batch_size=32,
    num_epochs=40,
    patience=12,
    warmup_epochs=2.0,
    time_crop=0.6,
    time_keep=0.25,
    feature_noise=0.05,
    feature_dropout=0.3,
)
"""For hundreds of videos rather than thousands: trains in a minute or two on a laptop's CPU."""

LINEAR = replace(
    DEFAULT,
    head="pooled",
    classifier_dims=(),
    dropout=0.0,
    solver="lbfgs",
    weight_decay=100.0,
    num_epochs=1,
    warmup_epochs=0.0,
    gamma=0.0,
    smoothing=0.0,
    time_crop=1.0,
    time_keep=1.0,
    feature_noise=0.0,
    feature_dropout=0.0,
)
"""Logistic regression on the mean over time: no BiLSTM, no attention, solved in seconds. With
hundreds of videos better than `default` (docs/evaluation.md)."""

RECIPES = {"default": DEFAULT, "linear": LINEAR, "documented": DOCUMENTED}
SEEDS = (42, 43, 44, 45)
"""Of the four members, as documented."""


def default_seeds(recipe: Recipe) -> tuple[int, ...]:
    """Of an ensemble by `recipe`: of a network without chance one member is all there is."""
    return SEEDS[:1] if recipe.solver == "lbfgs" else SEEDS
