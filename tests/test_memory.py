"""Too little memory is one kind of trouble, whatever library runs into it."""

from collections.abc import Callable

import pytest
import torch

from clipkind.errors import MissingDependency
from clipkind.memory import shortage_told


@pytest.mark.parametrize("allocate", [lambda: bytearray(1 << 62), lambda: torch.empty(1 << 50)])
def test_want_of_memory_is_told_however_a_library_puts_it(allocate: Callable[[], object]) -> None:
    with pytest.raises(MissingDependency, match="not enough memory") as caught, shortage_told():
        allocate()
    assert "\n" not in str(caught.value)


def test_other_errors_stay_what_they_are() -> None:
    with pytest.raises(RuntimeError), shortage_told():
        torch.zeros(2) @ torch.zeros(3)
