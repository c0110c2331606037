"""Training of a linear head: its one best answer is solved for, not approached step by step."""

import copy

import torch
from torch import Tensor

from clipkind.model.losses import FocalLoss
from clipkind.model.pooled import PooledHead

_STEPS = 500
_TOLERANCE = 1e-7


def solve(
    head: PooledHead,
    features: Tensor,
    lengths: Tensor,
    labels: Tensor,
    loss_of: FocalLoss,
    weight_decay: float,
) -> tuple[float, Tensor]:
    """Give `head` the weights W and bias that minimise N * loss + weight_decay / 2 * |W|^2.

    With a plain cross-entropy that is scikit-learn's LogisticRegression with C = 1 / weight_decay
    on standardised means. `features` [N, T, D], `lengths` [N] and `labels` [N] are the videos.
    Returns the mean loss and the answers [N].
    """
    inputs = head.inputs(features, lengths).double()
    exact = copy.deepcopy(loss_of).double()
    weight, bias = (
        part.detach().double().clone().requires_grad_()
        for part in (head.last.weight, head.last.bias)
    )
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=_STEPS,
        tolerance_grad=_TOLERANCE,
        tolerance_change=_TOLERANCE**2,
        line_search_fn="strong_wolfe",
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        penalty = weight.square().sum() * (weight_decay / 2 / len(labels))
        total: Tensor = exact(inputs @ weight.T + bias, labels) + penalty
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        head.last.weight.copy_(weight)
        head.last.bias.copy_(bias)
        logits = inputs @ weight.T + bias
        return float(exact(logits, labels)), logits.argmax(dim=1)
