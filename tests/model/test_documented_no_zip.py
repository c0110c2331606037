"""Files that are no zips, as checkpoints are: told for what they are, and never loaded."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from clipkind.errors import FileFormatError
from clipkind.model.documented import read_documented


class Makes:
    """Unpickled, it makes a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> object:
        return os.mkdir, (str(self._folder),)


def refusal(path: Path) -> str:
    with pytest.raises(FileFormatError) as caught:
        read_documented(path)
    return str(caught.value)


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_a_bare_pickle_is_told_from_a_file_cut_short(tmp_path: Path, protocol: int) -> None:
    path, canary = tmp_path / "best.pt", tmp_path / "canary"
    path.write_bytes(pickle.dumps({"epoch": 1, "call": Makes(canary)}, protocol=protocol))
    message = refusal(path)
    assert "no PyTorch checkpoint but a bare pickle" in message
    assert "torch.save" in message
    assert "cut short" not in message
    assert not canary.exists()


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (
            lambda path: torch.save({}, path, _use_new_zipfile_serialization=False),
            "PyTorch before 1.6",
        ),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.write_text("no checkpoint"), "no checkpoint as torch.save writes"),
    ],
)
def test_what_is_no_zip_is_told_for_what_it_is(
    tmp_path: Path, make: Callable[[Path], object], told: str
) -> None:
    make(tmp_path / "best.pt")
    message = refusal(tmp_path / "best.pt")
    assert told in message
    assert "cut short" not in message
