"""What every temporal head keeps to, and what heads are made of."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor, nn

from clipkind.model.heads import TemporalConfig


class TemporalHead(nn.Module, ABC):
    """Features [B, T, D] to logits [B, C]: what is trained, bundled and exported.

    A head says what it makes of masked features (`answer`) and how it begins with features of any
    unit (`standardize`). Its weights are its state dict, all in floating point.
    """

    def __init__(self, config: TemporalConfig) -> None:
        super().__init__()
        self.config = config

    @abstractmethod
    def answer(self, x: Tensor, padding: Tensor | None) -> tuple[Tensor, Tensor]:
        """Logits [B, C] and attention [B, T] of features x [B, T, D], T at least 1.

        `padding` [B, T] is True where a row is none of the video's, and x is 0 there; nothing real
        may depend on it. None: all rows are real, and ONNX must be able to say it with free B
        and T. The attention is how much each row counted: 0 at padding, each video's sum is 1.
        """

    @abstractmethod
    def standardize(self, features: Tensor, lengths: Tensor) -> None:
        """Begin as if `features` [N, T, D], the training ones, had mean 0 and spread 1.

        `lengths` [N] says how many rows of each are real; the others may hold anything. They can
        be a mapped file larger than memory. `standardize_layer` does it for one linear layer.
        """

    def forward(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Logits [B, C] of features x [B, T, D].

        `lengths` [B] int64, each 1..T, says how many rows of each video are real; what stands in
        the others (even NaN) changes nothing. None means all rows are real, and exports.
        """
        return self.logits_and_attention(x, lengths)[0]

    def logits_and_attention(
        self, x: Tensor, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, with the attention [B, T]: 0 at padding, each row's sum is 1."""
        # nothing is padded: the same numbers without masks and packing, 15 % faster
        if lengths is None or int(lengths.min()) == x.shape[1]:
            return self.answer(x, None)
        padding = torch.arange(x.shape[1], device=x.device) >= lengths.to(x.device)[:, None]
        return self.answer(x.masked_fill(padding[:, :, None], 0.0), padding)


def block(before: int, after: int, activation: nn.Module, dropout: float) -> list[nn.Module]:
    """One hidden layer, as the documented network has them."""
    return [nn.Linear(before, after), nn.LayerNorm(after), activation, nn.Dropout(dropout)]


def classifier(before: int, dims: Sequence[int], classes: int, dropout: float) -> nn.Sequential:
    """The documented classifier: a block for each of `dims` (the last with half the dropout), then
    one linear layer to the logits."""
    layers: list[nn.Module] = []
    for index, after in enumerate(dims, start=1):
        share = dropout * 0.5 if index == len(dims) else dropout
        layers += block(before, after, nn.ReLU(), share)
        before = after
    return nn.Sequential(*layers, nn.Linear(before, classes))


def even_weights(x: Tensor, padding: Tensor | None) -> Tensor:
    """One weight a row [B, T], 1 / length, and 0 at padding."""
    real = torch.ones_like(x[:, :, 0])
    if padding is not None:
        real = real.masked_fill(padding, 0.0)
    return real / real.sum(dim=1, keepdim=True)


def begin_xavier(module: nn.Module) -> None:
    """Every linear layer at xavier-uniform weights and zero bias, as documented."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            nn.init.xavier_uniform_(part.weight)
            nn.init.zeros_(part.bias)


def real_rows(features: Tensor, lengths: Tensor) -> Iterable[Tensor]:
    """The real rows [length, D] of each video of features [N, T, D], one after another."""
    for video, length in zip(features, lengths.tolist(), strict=True):
        yield video[:length]


def mean_and_spread(chunks: Iterable[Tensor]) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation [..., D] over all rows of `chunks`, each [n, ..., D], float32.

    A tenth of the mean spread is added to each, or features that are nearly constant would be
    blown up.
    """
    count, total, square = 0, torch.zeros(()), torch.zeros(())
    for chunk in chunks:
        rows = chunk.double()  # a chunk at a time: float64 copies are large
        total = total.to(rows) + rows.sum(dim=0)
        square = square.to(rows) + rows.square().sum(dim=0)
        count += len(rows)
    mean = total / count
    spread = (square / count - mean.square()).clamp(min=0).sqrt()
    spread = spread + 0.1 * spread.mean(dim=-1, keepdim=True) + 1e-12
    return mean.float(), spread.float()


@torch.no_grad()
def standardize_layer(layer: nn.Module, features: Tensor, lengths: Tensor) -> None:
    """Fold mean and spread of the real rows of `features` [N, T, D] into a linear layer.

    It then answers rows as it did rows of mean 0 and spread 1, and remains one linear layer.
    """
    assert isinstance(layer, nn.Linear)  # noqa: S101 - parts of nn.Sequential have no type
    mean, spread = mean_and_spread(real_rows(features, lengths))
    layer.weight.div_(spread)
    layer.bias.sub_(layer.weight @ mean)
