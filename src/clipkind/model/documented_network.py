"""The network in a documented state dict: its sizes read off the tensors, every tensor checked."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from clipkind.errors import FileFormatError
from clipkind.model.temporal import TemporalClassifier, TemporalConfig
from clipkind.text import printable

HEADS = 12
DROPOUT = 0.4
CONFIG_FIELDS = (
    "feature_dim",
    "hidden_dim",
    "num_classes",
    "num_lstm_layers",
    "num_attention_heads",
    "dropout",
    "bidirectional",
)
"""Of a documented model_config."""
CLASSIFIER_DIMS = (768, 512, 256)
"""The documented network has no other classifier, so its config does not mention it."""
_HALF_MAX = 65504.0
_KIND = "give a best_*.pt of the documented trainer"


@dataclass(frozen=True, slots=True)
class Network:
    """A network rebuilt from a checkpoint."""

    model: TemporalClassifier
    """In eval mode, float32, on the CPU."""
    notes: tuple[str, ...]
    """What people should know: where config and tensors disagree, what was assumed."""


def rebuild(state: Any, config: Any, size: int) -> Network:
    """The network of a documented model_state_dict and model_config (None: there is none).

    `size` is the checkpoint file's, in bytes: more weights than that it cannot hold. Raises
    FileFormatError naming the first key that is off.
    """
    tensors = _tensors(state, size)
    sizes = _sizes(tensors)
    told, notes = _told(config)
    for name in (n for n in CONFIG_FIELDS if n in sizes and n in told):
        if told[name] != sizes[name]:
            notes.append(
                f"its config says {name} {told[name]}, its weights {sizes[name]}: the weights count"
            )
    heads = told.get("num_attention_heads")
    if heads is None:
        heads = HEADS
        notes.append(
            f"it does not say how many attention heads it has, and weights cannot: taken to be "
            f"{HEADS}, as documented; with another number its answers are wrong"
        )
    width = sizes["hidden_dim"] * (2 if sizes["bidirectional"] else 1)
    if not 0 < heads <= width or width % heads:
        raise FileFormatError(
            f"num_attention_heads {heads} does not divide the width {width} of "
            "attention.in_proj_weight; give a checkpoint with the model_config it was trained with"
        )
    dropout = told.get("dropout", DROPOUT)
    try:
        made = TemporalConfig(**sizes, num_attention_heads=heads, dropout=dropout)
    except ValueError as error:
        raise FileFormatError(f"model_state_dict: {error}; {_KIND}") from None
    with torch.device("meta"):  # first weights of its own would cost time and random numbers
        model = TemporalClassifier(made)
    _require_layout(tensors, model)
    held = {name: _as_float(name, tensor) for name, tensor in tensors.items()}
    model.load_state_dict(held, assign=True)
    return Network(model.eval().requires_grad_(False), tuple(notes))


def _tensors(state: Any, size: int) -> dict[str, Tensor]:
    """The state dict, if it is one of plain tensors that are all there."""
    if not isinstance(state, dict) or not state:
        raise FileFormatError(f"model_state_dict holds no tensors; {_KIND}")
    for key, value in state.items():
        shown = printable(str(key))[:80]
        if type(value) not in (Tensor, nn.Parameter):
            raise FileFormatError(f"{shown} in model_state_dict is no tensor; {_KIND}")
        if shown.startswith("backbone."):
            raise FileFormatError(
                f"{shown} shows a checkpoint of the other documented system (ResNet-18 with a "
                "linear attention), which has a CNN of its own and none of these networks; give a "
                "best_ensemble_model_*.pt"
            )
        if value.is_meta or value.layout != torch.strided or not value.is_floating_point():
            raise FileFormatError(f"{shown} in model_state_dict holds no plain numbers; {_KIND}")
    if sum(value.numel() * value.element_size() for value in state.values()) > size:
        raise FileFormatError(
            "model_state_dict claims more weights than the file is large; copy the file again"
        )
    return dict(state)


def _sizes(tensors: dict[str, Tensor]) -> dict[str, Any]:
    """The fields of a TemporalConfig that tensors tell: all but heads and dropout."""
    hidden, feature_dim = _matrix(tensors, "input_projection.0.weight")
    layers = 0
    while f"lstm.weight_ih_l{layers}" in tensors:
        layers += 1
    if not layers:
        raise FileFormatError(f"model_state_dict lacks lstm.weight_ih_l0; {_KIND}")
    dims = [_matrix(tensors, "classifier.0.weight")[0]]
    while (key := f"classifier.{4 * len(dims)}.weight") in tensors:
        dims.append(_matrix(tensors, key)[0])
    return {
        "feature_dim": feature_dim,
        "hidden_dim": hidden,
        "num_classes": dims[-1],
        "num_lstm_layers": layers,
        "bidirectional": "lstm.weight_ih_l0_reverse" in tensors,
        "classifier_dims": tuple(dims[:-1]),
    }


def _matrix(tensors: dict[str, Tensor], key: str) -> tuple[int, int]:
    if key not in tensors:
        raise FileFormatError(f"model_state_dict lacks {key}; {_KIND}")
    shape = tensors[key].shape
    if len(shape) != 2 or not shape.numel():
        raise FileFormatError(f"{key} has shape {list(shape)}, not rows and columns; {_KIND}")
    return shape[0], shape[1]


def _told(config: Any) -> tuple[dict[str, Any], list[str]]:
    """What the config says, as plain numbers; feature_dim came from HDF5, as numpy's int."""
    told: dict[str, Any] = {}
    notes = []
    for name in CONFIG_FIELDS if isinstance(config, dict) else ():
        if name not in config:
            continue
        value = config[name]
        number = _number(value)
        if number is None or (name == "dropout" and not 0 <= number < 1):
            what = printable(repr(value))[:40]
            notes.append(f"its config says {name} {what}, which cannot be: passed over")
        elif name == "dropout":
            told[name] = number
        elif name == "bidirectional":
            told[name] = bool(number)
        else:
            told[name] = int(number)
    return told, notes


def _number(value: Any) -> float | None:
    """A finite number, numpy's too, as Python's; None for anything else."""
    if not isinstance(value, int | float | np.integer | np.floating | np.bool_):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and abs(number) < 2**31 else None


def _require_layout(tensors: dict[str, Tensor], model: TemporalClassifier) -> None:
    """What a strict load checks, with one key named."""
    wanted = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    for key in wanted.keys() - tensors.keys():
        raise FileFormatError(f"model_state_dict lacks {key}; {_KIND}")
    for key in tensors.keys() - wanted.keys():
        shown = printable(str(key))[:80]
        raise FileFormatError(f"{shown} is no weight of the documented network; {_KIND}")
    for key, shape in wanted.items():
        if (found := tuple(tensors[key].shape)) != shape:
            raise FileFormatError(
                f"{key} has shape {list(found)}, but beside the other weights it must have "
                f"{list(shape)}; {_KIND}"
            )


def _as_float(name: str, tensor: Tensor) -> Tensor:
    """A copy as float32. Bundles keep weights as float16, so larger numbers count as damage."""
    made = tensor.detach().to(torch.float32, copy=True, memory_format=torch.contiguous_format)
    if not bool((made.abs() <= _HALF_MAX).all()):
        raise FileFormatError(
            f"{name} holds values that are not finite, or above {_HALF_MAX:.0f}: training failed; "
            "give the checkpoint of an earlier epoch"
        )
    return made
