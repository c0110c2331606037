"""In which precision, and with how many threads, a machine trains fastest."""

import contextlib
from contextlib import AbstractContextManager

import torch

from clipkind.training.recipe import Recipe

SMALL_HIDDEN = 256
"""Networks narrower than this wait for memory, not for the multipliers: on a CPU, bfloat16 and
more than one thread only cost them time (docs/experiments.md)."""


def compute_dtype(recipe: Recipe, device: torch.device) -> torch.dtype:
    """What `recipe.precision` means on a device: torch.float32 or torch.bfloat16."""
    if recipe.precision != "auto":
        return torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = recipe.hidden_dim >= SMALL_HIDDEN and _cpu_has_bfloat16()
    return torch.bfloat16 if fast else torch.float32


def autocast(dtype: torch.dtype, device: torch.device) -> AbstractContextManager[None]:
    """A context in which the network computes in `dtype`."""
    if dtype == torch.float32:
        return contextlib.nullcontext()
    context: AbstractContextManager[None] = torch.autocast(device.type, dtype)
    return context


def _cpu_has_bfloat16() -> bool:
    from clipkind.silent_openvino import ov

    return "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
