"""What tests of every floor share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The folder of the shared clips with its `manifest.csv`; mark such tests with `corpus`."""
    folder = REPOSITORY.parent / "shared" / "corpus"
    if not (folder / "manifest.csv").is_file():
        pytest.skip(f"the shared clips are not here: {folder} has no manifest.csv")
    return folder


@pytest.fixture(scope="module", autouse=True)
def usual_turns() -> Iterator[None]:
    """Some encoders make a process of root's a real-time one; the tests after it, and all they
    start, would then wait for each other for ever."""
    before = os.sched_getscheduler(0)
    yield
    assert os.sched_getscheduler(0) == before


@pytest.fixture(scope="module")
def one_torch_thread() -> Iterator[None]:
    """On a busy machine torch's threads wait for each other longer than they compute."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
