"""Networks with a part taken out: what that part is worth."""

from dataclasses import dataclass, replace

from clipkind.model.heads import DEFAULT_HEAD
from clipkind.training.precision import SMALL_HIDDEN
from clipkind.training.recipe import Recipe

WITHOUT = "without "
"""What the names of ablations begin with; the part follows."""


@dataclass(frozen=True, slots=True)
class Ablation:
    """A network with a part taken out."""

    name: str
    recipe: Recipe

    @property
    def what(self) -> str:
        """In words."""
        return f"the same network {self.name}, trained by the same recipe and seeds"

    @property
    def folder(self) -> str:
        return self.name.lower().replace(" ", "-")


def ablations(recipe: Recipe) -> list[Ablation]:
    """What can be taken out of the network of `recipe`; of another head than the usual nothing."""
    found = []
    if recipe.head != DEFAULT_HEAD:
        return []
    if recipe.num_lstm_layers:
        found.append(Ablation(f"{WITHOUT}BiLSTM", _without_lstm(recipe)))
    if recipe.num_attention_heads:
        found.append(Ablation(f"{WITHOUT}attention", replace(recipe, num_attention_heads=0)))
    return found


def _without_lstm(recipe: Recipe) -> Recipe:
    """Without it the width is halved: as many attention heads as still divide it."""
    heads = recipe.num_attention_heads
    while heads and recipe.hidden_dim % heads:
        heads -= 1
    return replace(recipe, num_lstm_layers=0, num_attention_heads=heads)


def is_long(recipe: Recipe, device: str) -> bool:
    """Whether a training by `recipe` takes hours on `device`."""
    return recipe.hidden_dim >= SMALL_HIDDEN and not device.startswith("cuda")
