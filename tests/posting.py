"""Jobs for tests of the web app that has no workers."""

import io
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from clipkind.web.jobs.job import NewJob
from clipkind.web.services import Services

JOBS = "/api/v1/jobs"


def send(client: FlaskClient, content: bytes = b"video", name: str = "a.mp4", **fields: str) -> Any:
    """Send a video as a form does."""
    return client.post(JOBS, data={"video": (io.BytesIO(content), name), **fields})


def finished(known: Services, name: str = "a.mp4", label: str = "Gaming", **more: Any) -> str:
    """A job that is done."""
    id = known.spool.new_id()
    new = NewJob(id=id, source="upload", name=name, model=known.models.default, **more)
    known.store.add(new, 10_000)
    claimed = known.store.claim("test")
    assert claimed is not None
    assert claimed.id == id
    known.store.finish(id, {"label": label, "confidence": 0.9, "calibrated": True})
    return id


def files(known: Services) -> list[Path]:
    """All files of the spool."""
    return [path for path in known.spool.folder.rglob("*") if path.is_file()]
