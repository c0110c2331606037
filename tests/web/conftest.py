"""What tests of the web app share: the app without workers, and the real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

import media
from clipkind.web.app import create_app
from clipkind.web.jobs.store import JobStore
from clipkind.web.services import Services, services
from clipkind.web.settings import Settings
from serving import Server, serving


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of a job store that is not there yet."""
    return tmp_path / "state" / "jobs.sqlite3"


@pytest.fixture
def store(path: Path) -> Iterator[JobStore]:
    store = JobStore(path)
    yield store
    store.close()


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A short video."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    media.write_video(path, media.numbered_frames(24))
    return path.read_bytes()


@pytest.fixture(scope="session")
def dataset(tmp_path_factory: pytest.TempPathFactory, clip: bytes) -> Path:
    """Three videos of two classes."""
    folder = tmp_path_factory.mktemp("dataset")
    for name in ("Gaming/run <1>.mp4", "Gaming/jump.mp4", "Animation/cat.mp4"):
        file = folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(clip)
    return folder


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Those of `app`: parametrize `settings` indirectly with what is to differ."""
    given: dict[str, Any] = getattr(request, "param", {})
    return Settings(state=tmp_path / "state", **given)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The app, in front of a store that no worker looks at."""
    app = create_app(settings)
    yield app
    services(app).thumbnails.close()
    services(app).store.close()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A client of `app`."""
    return app.test_client()


@pytest.fixture
def known(app: Flask) -> Services:
    """What `app` works with."""
    return services(app)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Server]:
    """`clipkind serve` with the options of the module's `SERVE`."""
    options: tuple[str, ...] = getattr(request.module, "SERVE", ())
    with serving(tmp_path_factory.mktemp("server") / "state", *options) as server:
        server.wait_ready()
        yield server


@pytest.fixture
def unharmed(server: Server) -> Iterator[None]:
    """Whatever a test did, the server answers, and its folders hold what they should."""
    yield
    assert server.process.poll() is None
    assert server.get("/healthz").status == 200
    assert server.get("/").status == 200
    jobs = {job["id"] for job in server.get("/api/v1/jobs?limit=500").json["jobs"]}
    assert {entry.name for entry in (server.state / "files").iterdir()} <= jobs
    assert list((server.state / "incoming").iterdir()) == []
