"""What a worker makes of jobs: real processes, real videos, the real model."""

import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import av
import numpy as np
import pytest

import clipkind
from clipkind.model.bundle import Bundle
from clipkind.web.jobs.answering import SIDE
from clipkind.web.jobs.failures import Failure
from clipkind.web.library import Library
from clipkind.web.models import Models
from inference.calibrated import calibrated_bundle
from media import numbered_frames, read_number, write_video
from slow_video import slow_video
from web.inside import Inside, children, serving, until
from web.jobs import new_job
from web.site import Site, site_with


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five numbered frames, each a key frame."""
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_video(path, numbered_frames(5, (320, 320)), options={"g": "1"})


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slow_video(tmp_path_factory.mktemp("clips") / "slow.mov")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    for label in ("Animation", "Gaming"):
        (folder / label).mkdir()
        write_video(folder / label / "a b.mp4", numbered_frames(12))
    return folder


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """A second model, of four members."""
    return calibrated_bundle(tmp_path_factory.mktemp("model") / "ensemble")


@pytest.fixture(scope="module")
def inside(
    tmp_path_factory: pytest.TempPathFactory, dataset: Path, ensemble: Bundle
) -> Iterator[Inside]:
    models, allowed = (None, ensemble.path), ("127.0.0.1/32",)
    state = tmp_path_factory.mktemp("state")
    with serving(state, models=models, dataset=dataset, allowed_addresses=allowed) as inside:
        yield inside


@pytest.fixture(scope="module")
def classifier() -> Iterator[clipkind.Classifier]:
    with clipkind.load() as classifier:
        yield classifier


def shown(inside: Inside, id: str, k: int) -> np.ndarray:  # type: ignore[type-arg]
    with av.open(str(inside.spool.frame(id, k))) as file:
        picture: np.ndarray = next(file.decode(video=0)).to_ndarray(format="rgb24")  # type: ignore[type-arg]
    return picture


def test_an_upload_gets_the_answer_that_python_gets(
    inside: Inside, classifier: clipkind.Classifier, clip: Path
) -> None:
    job = inside.ended(inside.send(clip))
    wanted = classifier.classify(clip)
    assert job.result is not None
    assert job.state == "done"
    assert job.result["label"] == wanted.label
    assert job.result["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-4)
    assert job.result["members"] == [pytest.approx(m, abs=1e-4) for m in wanted.members]
    assert job.result["times_s"] == list(wanted.times_s)
    assert job.result["attention"] == pytest.approx(wanted.attention, abs=1e-4)
    assert job.result["model"] == wanted.model
    assert "path" not in job.result
    assert (job.done, job.total) == (5, 5)


@pytest.mark.parametrize("frames", [5, 100])
def test_the_pictures_kept_are_those_of_the_sampled_times(
    inside: Inside, tmp_path: Path, frames: int
) -> None:
    pictures = numbered_frames(frames, (320, 320))
    id = inside.send(write_video(tmp_path / "n.mp4", pictures, options={"g": "1"}))
    result = inside.ended(id).result
    assert result is not None
    assert len(result["frame_of"]) == len(result["times_s"]) == 64
    assert result["frames"] == len(set(result["frame_of"])) == min(frames, 64)
    for time_s, k in zip(result["times_s"], result["frame_of"], strict=True):
        shown_then, nearest_key = int(time_s * 25), min(round(time_s * 25), frames - 1)
        assert read_number(shown(inside, id, k)) in (shown_then, nearest_key)
    assert shown(inside, id, 0).shape == (SIDE, SIDE, 3)
    assert not inside.spool.frame(id, result["frames"]).exists()


@pytest.mark.parametrize("tta", [False, True])
@pytest.mark.parametrize("risk", [None, 0.001])
def test_options_reach_the_model(
    inside: Inside, classifier: clipkind.Classifier, clip: Path, tta: bool, risk: float | None
) -> None:
    result = inside.ended(inside.send(clip, tta=tta, risk=risk)).result
    wanted = classifier.classify(clip, tta=tta, risk=risk)
    assert result is not None
    assert result["decision"] == wanted.decision
    assert result["labels"] == list(wanted.labels)
    assert result["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-4)


def test_another_model_and_one_of_its_members_answer(
    inside: Inside, ensemble: Bundle, clip: Path
) -> None:
    name = next(name for name in Models(inside.settings.models).names if "/" in name)
    everyone = inside.ended(inside.send(clip, model=name.partition("/")[0])).result
    alone = inside.ended(inside.send(clip, model=name)).result
    with clipkind.load(ensemble.path) as classifier:
        wanted = classifier.classify(clip)
    assert everyone is not None
    assert alone is not None
    assert everyone["probabilities"] == pytest.approx(wanted.probabilities, abs=1e-4)
    assert alone["probabilities"] == pytest.approx(wanted.members[0], abs=1e-4)
    assert alone["members"] == [alone["probabilities"]]
    assert alone["model"] == name
    assert (everyone["calibrated"], alone["calibrated"]) == (True, False)


def test_a_video_of_the_data_set_is_read_where_it_lies(inside: Inside, dataset: Path) -> None:
    (video,) = (v for v in Library(dataset).videos if v.label == "Gaming")
    id = inside.send(source="dataset", video_id=video.id)
    job = inside.ended(id)
    assert job.state == "done"
    assert inside.spool.frame(id, 0).exists()
    gone = inside.ended(inside.send(source="dataset", video_id="nobody"))
    assert (gone.state, gone.reason) == ("failed", Failure.VIDEO_GONE)


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty"), (b"PK\x03\x04" + b"x" * 5000, "not_a_video"), (b"<svg/>" * 50, "not_a_video"),
     (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n", "not_a_video"),
     (b"ffconcat version 1.0\nfile /etc/passwd\n", "not_a_video")],
)  # fmt: skip
def test_what_is_no_video_is_refused_with_a_reason(
    inside: Inside, data: bytes, reason: str
) -> None:
    job = inside.ended(inside.send(data))
    assert (job.state, job.reason) == ("failed", reason)
    assert "\n" not in job.message
    assert str(inside.settings.state) not in job.message


def test_what_is_gone_when_its_turn_comes_is_said(inside: Inside, clip: Path) -> None:
    no_file = inside.ended(inside.send())
    assert (no_file.state, no_file.reason) == ("failed", Failure.FILE_GONE)
    member = next(name for name in Models(inside.settings.models).names if "/" in name)
    for how in ({"model": "last year's"}, {"model": member, "risk": 0.1}):
        no_model = inside.ended(inside.send(clip, **how))
        assert (no_model.state, no_model.reason) == ("failed", Failure.MODEL_GONE)


def test_a_video_is_cancelled_while_it_is_decoded(inside: Inside, slow: Path, clip: Path) -> None:
    worker = inside.answerer
    id, after = inside.send(slow), inside.send(clip)
    inside.running(id)
    inside.store.cancel(id)
    job = inside.ended(id)
    assert (job.state, job.result) == ("cancelled", None)
    until(lambda: not inside.job(id).kept)
    assert not inside.spool.video(id).parent.exists()
    assert inside.ended(after).state == "done"
    assert inside.answerer == worker


def test_a_crash_of_the_decoder_is_that_videos_only(inside: Inside, slow: Path, clip: Path) -> None:
    worker = inside.answerer
    id, after = inside.send(slow), inside.send(clip)
    until(lambda: inside.job(id).step == "decoding")
    for decoder in children(worker):
        os.kill(decoder, signal.SIGKILL)
    job = inside.ended(id)
    assert (job.state, job.reason) == ("failed", "decoder_crashed")
    assert inside.ended(after).state == "done"
    assert inside.answerer == worker


@pytest.fixture
def site(clip: Path) -> Iterator[Site]:
    with site_with(clip) as site:
        yield site


def test_a_link_is_fetched_and_answered(inside: Inside, site: Site, clip: Path) -> None:
    url = site.url("/clip")
    id = inside.send(source="link", url=url, name=url)
    job = inside.ended(id)
    assert (job.state, job.name) == ("done", "my clip.mp4")
    assert inside.spool.video(id).read_bytes() == clip.read_bytes()


def test_a_link_to_where_none_may_lead_is_refused(inside: Inside, site: Site) -> None:
    id = inside.send(source="link", url=f"http://[::1]:{site.server_port}/clip")
    job = inside.ended(id)
    assert (job.state, job.reason) == ("failed", "link_private")
    until(lambda: not inside.job(id).kept)
    assert not inside.spool.video(id).parent.exists()


def test_a_slow_link_holds_nobody_up_and_can_be_cancelled(
    inside: Inside, site: Site, clip: Path
) -> None:
    slow = inside.send(source="link", url=site.url("/never"))
    inside.running(slow)
    fast = inside.send(source="link", url=site.url("/clip"))
    assert inside.ended(inside.send(clip)).state == "done"
    assert inside.ended(fast).state == "done"
    assert inside.job(slow).step == "fetching"
    inside.store.cancel(slow)
    assert inside.ended(slow).state == "cancelled"
    until(lambda: not inside.job(slow).kept)
    assert not inside.spool.video(slow).parent.exists()


def test_a_link_that_ends_its_worker_fails_alone(inside: Inside, site: Site) -> None:
    slow = [inside.send(source="link", url=site.url("/never")) for _ in range(2)]
    for id in slow:
        inside.running(id)
    worker = inside.fetcher
    for attempt in (2, 3):
        os.kill(inside.fetcher, signal.SIGKILL)  # for whatever reason: nobody can say whose
        for id in slow:
            inside.running(id, attempt)
    assert inside.fetcher != worker
    deadly = new_job(source="link", url=site.url("/clip"))
    inside.store.add(replace(deadly, id="no id, so nowhere to put it"), 1000)
    failed = inside.ended("no id, so nowhere to put it")
    assert (failed.state, failed.reason) == ("failed", Failure.WORKER_CRASHED)
    site.go_on.set()
    for id in slow:
        assert inside.ended(id).reason != Failure.WORKER_CRASHED
