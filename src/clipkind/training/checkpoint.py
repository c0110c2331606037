"""The state of a training run between two epochs, as one safetensors file. No pickle."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from clipkind.errors import FileFormatError
from clipkind.files import replacing
from clipkind.model.weights import write_tensors
from clipkind.text import printable
from clipkind.training.history import EpochResult
from clipkind.training.learner import Learner

FORMAT = "clipkind-checkpoint"
FORMAT_VERSION = 1


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Where a run stands. Schedule, sampler and random numbers follow from seed and epoch."""

    identity: dict[str, Any]
    """What the run is: recipe, seed, contract, data. It only goes on with an equal one."""
    epochs: tuple[EpochResult, ...]
    best_state: dict[str, Tensor]
    """Weights of the best epoch so far."""


def save_checkpoint(path: Path, learner: Learner, checkpoint: Checkpoint) -> None:
    """Write weights, optimiser state and history, in one step and down to the disk.

    Raises OSError when it is full; a checkpoint already there stays.
    """
    tensors = {f"model/{k}": v for k, v in learner.model.state_dict().items()}
    tensors |= {f"best/{k}": v for k, v in checkpoint.best_state.items()}
    for index, state in learner.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer/{index}/{k}": v for k, v in state.items()}
    about = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "identity": json.dumps(checkpoint.identity),
        "epochs": json.dumps([asdict(e) for e in checkpoint.epochs]),
    }
    with replacing(path) as temporary:
        write_tensors(temporary, {k: v.contiguous() for k, v in tensors.items()}, about)


def load_checkpoint(path: Path, learner: Learner, identity: dict[str, Any]) -> Checkpoint | None:
    """Put `learner` where the checkpoint was; None where there is none.

    Raises FileFormatError when it is damaged or of another run than `identity` says.
    """
    if not path.exists():
        return None
    shown = printable(str(path))
    try:
        with safe_open(path, "pt") as file:  # on the CPU; restoring moves what it needs
            about = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        if about["format"] != FORMAT or int(about["format_version"]) != FORMAT_VERSION:
            raise FileFormatError(f"{shown}: is not a checkpoint of this version of clipkind")
        theirs = json.loads(about["identity"])
        epochs = tuple(EpochResult.from_dict(data) for data in json.loads(about["epochs"]))
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(
            f"{shown}: is damaged ({printable(str(error))}); delete it to train this member anew"
        ) from None
    if theirs != identity:
        other = sorted(k for k in identity if theirs.get(k) != identity[k])
        raise FileFormatError(
            f"{shown}: is of a run with another {', '.join(other)}; choose another --out, or "
            "--restart to lose it"
        )
    _restore(learner, tensors)
    return Checkpoint(identity, epochs, _below(tensors, "best/"))


def _restore(learner: Learner, tensors: dict[str, Tensor]) -> None:
    learner.model.load_state_dict(_below(tensors, "model/"))
    state: dict[int, dict[str, Tensor]] = {}
    for key, tensor in _below(tensors, "optimizer/").items():
        index, _, name = key.partition("/")
        state.setdefault(int(index), {})[name] = tensor
    groups = learner.optimizer.state_dict()["param_groups"]
    learner.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def clone(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A copy of a state dict that training does not change."""
    return {k: v.detach().clone(memory_format=torch.contiguous_format) for k, v in state.items()}
