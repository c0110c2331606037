"""The public stand-in, a private server beside it on the same port, and who fetches."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from media import numbered_frames, write_video
from web.links.link_site import PRIVATE, Client, Site, body


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as running:
        yield running


@pytest.fixture
def private(site: Site) -> Iterator[Site]:
    """On another address, same port: only the address tells the two apart."""
    with Site(PRIVATE, site.port) as running:
        running.answers["/v.mp4"] = body(b"secret")
        yield running
        assert running.callers == 0, "a private host was connected to"


@pytest.fixture
def client(tmp_path: Path) -> Client:
    return Client(tmp_path)


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video of one second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return write_video(path, numbered_frames(25)).read_bytes()
