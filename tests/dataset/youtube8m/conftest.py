"""A site of its own for every test."""

from collections.abc import Iterator

import pytest

from dataset.youtube8m.video_site import Site
from media import numbered_frames, write_video


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of one second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, numbered_frames(25)).read_bytes()
