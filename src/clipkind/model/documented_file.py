"""A checkpoint file of the documented system, read without running anything that stands in it.

Such a file is a zip of a pickle and of tensors. A pickle can call any function; torch's
weights-only reader makes nothing but tensors and plain values of it, and here also numpy arrays,
numbers and dtypes, since the documented trainer stored some of its figures as these.
"""

import pickle
import re
import warnings
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy._core.multiarray import _reconstruct, scalar

from clipkind.errors import FileFormatError
from clipkind.text import printable

MOST_PICKLE = 16 * 2**20
"""Bytes of the pickle itself: documented ones have some ten thousand."""
_REFUSED = re.compile(r"GLOBAL (?P<called>\S+)|(function|but got|class) <?(?P<made>[^>\n]+)")
"""In what torch says when it refuses a pickle: what would have been called, or made."""
_OLD_TORCH = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
"""How files of torch.save began before they were zips: a pickled number."""
_PROTOCOLS = (b"\x02", b"\x03", b"\x04", b"\x05")
"""Of pickles that tell theirs; 0 and 1 do not."""
_NUMPY: list[Any] = [
    *(
        (made, f"{module}.multiarray.{made.__name__}")
        for module in ("numpy.core", "numpy._core")  # its name before and since numpy 2
        for made in (_reconstruct, scalar)
    ),
    np.ndarray,
    np.dtype,
    *{type(np.dtype(code)) for code in "?bhilqBHILQefd"},
]
"""What the weights-only reader may call besides torch's own: it rebuilds arrays and numbers."""


def read_dictionary(path: Path) -> dict[str, Any]:
    """The dictionary that torch.save wrote to `path`, tensors on the CPU and mapped from the file.

    Raises FileFormatError when it is damaged, is of another kind, would unpack to more than it is,
    or asks for anything to be called that no documented checkpoint needs; OSError when it cannot
    be opened.
    """
    shown = printable(str(path))
    with path.open("rb") as file:
        _check_zip(file, shown)
        try:
            with torch.serialization.safe_globals(_NUMPY), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch's, of odd tensors that are refused later
                # By its descriptor: what was checked is what is read, and torch maps no files
                # whose names are not UTF-8. Mapped: the optimiser's state, two thirds of the file,
                # is never read.
                found = torch.load(
                    f"/proc/self/fd/{file.fileno()}",
                    map_location="cpu",
                    weights_only=True,
                    mmap=True,
                )
        except Exception as error:  # noqa: BLE001 - foreign bytes read as pickle raise anything
            raise FileFormatError(f"{shown}: {_why(error)}") from None
    if not isinstance(found, dict):
        kind = printable(type(found).__name__)
        raise FileFormatError(
            f"{shown}: holds a {kind}, not a checkpoint's dictionary; give a best_*.pt of the "
            "documented trainer"
        )
    return found


def _check_zip(file: Any, shown: str) -> None:
    """torch stores without compressing; anything else could unpack to any size."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):  # of damaged zips
        file.seek(0)
        raise FileFormatError(f"{shown}: {_no_zip(file.read(len(_OLD_TORCH)))}") from None
    size = file.seek(0, 2)
    if any(p.compress_type != zipfile.ZIP_STORED for p in parts):
        raise FileFormatError(
            f"{shown}: holds compressed parts, which torch.save never writes; give the file as it "
            "was saved"
        )
    if sum(p.file_size for p in parts) > size:
        raise FileFormatError(
            f"{shown}: its parts are larger than the whole file, so it is damaged or made to fill "
            "the memory; copy it again"
        )
    # torch finds parts by name whatever its case, and of equal ones any; and only in one folder
    if len({p.filename.lower() for p in parts}) < len(parts):
        raise FileFormatError(
            f"{shown}: holds two parts of one name, so that what is checked need not be what is "
            "read; give the file as torch.save wrote it"
        )
    if len({p.filename.partition("/")[0] for p in parts}) > 1:
        raise FileFormatError(
            f"{shown}: holds parts in several folders, which torch.save never writes; give the "
            "file as it was saved"
        )
    names = {p.filename.partition("/")[2]: p.file_size for p in parts}
    if "constants.pkl" in names or "data.pkl" not in names:
        raise FileFormatError(
            f"{shown}: is no checkpoint of torch.save (a zip without data.pkl, or TorchScript); "
            "give a best_*.pt of the documented trainer"
        )
    if names["data.pkl"] > MOST_PICKLE:
        raise FileFormatError(
            f"{shown}: describes its content in {names['data.pkl']:,} bytes, far more than any "
            "checkpoint; give a best_*.pt of the documented trainer"
        )


def _no_zip(head: bytes) -> str:
    """What a file that begins so is, if not a whole zip; it is told by its bytes, never loaded."""
    if head.startswith(b"PK"):
        return "is a checkpoint cut short, or damaged; copy it again"
    if head == _OLD_TORCH:
        return (
            "is in the format of PyTorch before 1.6, which is not read here; if you trust it, "
            "load it with torch.load(FILE, weights_only=True) and save it anew with torch.save"
        )
    if head[:1] == pickle.PROTO and head[1:2] in _PROTOCOLS:
        return (
            "is no PyTorch checkpoint but a bare pickle, which can run anything when it is loaded, "
            "so nothing of it was; whoever made it can save the same with torch.save"
        )
    return (
        f"is {'no checkpoint as torch.save writes them' if head else 'empty'}; give a best_*.pt "
        "of the documented trainer"
    )


def _why(error: Exception) -> str:
    text = str(error)
    if not isinstance(error, pickle.UnpicklingError) or not (told := _REFUSED.search(text)):
        return (
            f"is damaged, or no checkpoint of the documented system ({type(error).__name__}); "
            "copy it again"
        )
    name = printable(told["called"] or told["made"])[:80]
    return (
        f"asks to {'call' if told['called'] else 'make'} {name} while it is read, which no "
        "documented checkpoint does; nothing in it was run, and it should not be opened with "
        "other tools either"
    )
