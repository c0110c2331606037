"""What is gone since the server began costs the job that needs it, and not the process."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipkind.web.jobs.answering import Answerer
from clipkind.web.jobs.failures import Failure
from clipkind.web.library import Library
from clipkind.web.models import Models
from clipkind.web.settings import Settings
from inference.calibrated import calibrated_bundle
from media import numbered_frames, write_video
from web.inside import Inside, prepared


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of one video."""
    (tmp_path / "set" / "Gaming").mkdir(parents=True)
    write_video(tmp_path / "set" / "Gaming" / "a.mp4", numbered_frames(5))
    return tmp_path / "set"


@pytest.fixture
def inside(tmp_path: Path, folder: Path) -> Iterator[Inside]:
    """Without workers: the test is the worker. It has a second model."""
    second = calibrated_bundle(tmp_path / "second")
    settings = Settings(state=tmp_path / "state", dataset=folder, models=(None, second.path))
    inside = prepared(settings)
    yield inside
    inside.store.close()


def answered(inside: Inside, id: str) -> tuple[str, str | None]:
    job = inside.store.claim("test")
    assert job is not None
    answerer = Answerer(inside.settings, inside.store, inside.spool)
    shutil.rmtree(inside.settings.dataset or "")
    shutil.rmtree(inside.settings.models[1] or "")
    answerer.answer(job)
    answerer.close()
    after = inside.job(id)
    return after.state, after.reason


def test_a_data_set_that_is_gone(inside: Inside, folder: Path) -> None:
    (video,) = Library(folder).videos
    id = inside.send(source="dataset", video_id=video.id)
    assert answered(inside, id) == ("failed", Failure.VIDEO_GONE)


def test_a_model_that_is_gone(inside: Inside, folder: Path) -> None:
    id = inside.send(folder / "Gaming" / "a.mp4", model=Models(inside.settings.models).names[-1])
    assert answered(inside, id) == ("failed", Failure.MODEL_GONE)
