"""A temporal head's weights as safetensors."""

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from clipkind.errors import FileFormatError
from clipkind.files import replacing
from clipkind.model.temporal_head import TemporalHead
from clipkind.text import printable

HALF_FROM = 1024
"""Elements from which a weight is stored in half precision; the small ones cost nothing."""


def save_weights(model: TemporalHead, path: Path, *, half: bool = False) -> None:
    """Write the head's state dict as safetensors, large weights as float16 where `half`.

    In one step; raises OSError when the disk is full.
    """
    state = {
        name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()
    }
    if half:
        state = {
            name: tensor.half() if tensor.numel() >= HALF_FROM else tensor
            for name, tensor in state.items()
        }
    with replacing(path) as temporary:
        write_tensors(temporary, state)


def write_tensors(
    path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None
) -> None:
    """Write a safetensors file. Raises OSError, such as for a full disk."""
    try:
        save_file(tensors, path, about)
    except SafetensorError as error:  # how the library tells of it
        raise OSError(None, printable(str(error)), str(path)) from None


def load_weights(model: TemporalHead, path: Path) -> None:
    """Put weights written by `save_weights` into `model`.

    Raises FileFormatError when the file is damaged or of a network of other sizes.
    """
    shown = printable(str(path))
    try:
        model.load_state_dict(load_file(path))
    except (SafetensorError, OSError, RuntimeError) as error:
        what = printable(str(error).partition("\n")[0])
        raise FileFormatError(f"{shown}: cannot be loaded ({what})") from None
