"""From files to features: every input comes out once, with the features of its own frames."""

import itertools
import os
import signal
import threading
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading_engine import READING, ReadingEngine, expected_features, numbered_video

from broken_media import BROKEN
from clipkind.errors import Reason, VideoError
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from media import numbered_frames, write_video

WAIT_S = 60.0
"""Longer than anything here takes; only a test that fails waits for it."""


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, tuple[int, int]]:
    """Videos of several lengths: the first number and the count of each one's frames."""
    folder = tmp_path_factory.mktemp("videos")
    counts = (5, 40, 150, 1, 20, 64, 33)
    return {
        numbered_video(folder / f"{i}.mp4", 1000 * i, count): (1000 * i, count)
        for i, count in enumerate(counts, start=1)
    }


@pytest.fixture
def video(videos: dict[Path, tuple[int, int]]) -> Path:
    """One of them."""
    return list(videos)[1]


@pytest.fixture
def many(tmp_path: Path) -> list[Path]:
    return [numbered_video(tmp_path / f"{i}.mp4", 100 * i, 20) for i in range(12)]


@pytest.fixture(autouse=True)
def no_process_is_left_behind() -> Iterator[None]:
    before = children()
    yield
    assert children() <= before


def children() -> set[int]:
    """Ids of this process's children, dead ones nobody waited for included."""
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == os.getpid():
            found.add(int(stat.parent.name))
    return found


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("multi_scale", ["single", "aligned", "documented"])
def test_every_input_comes_out_once_with_the_features_of_its_own_frames(
    jobs: int, multi_scale: Any, videos: dict[Path, tuple[int, int]], tmp_path: Path
) -> None:
    contract = replace(READING, multi_scale=multi_scale)
    refused = [BROKEN[name](tmp_path) for name in ("text", "absent", "audio", "directory", "empty")]
    mixed = itertools.zip_longest(videos, refused)
    paths = [path for pair in mixed for path in pair if path is not None] * 2
    with FeatureExtractor(ReadingEngine(), contract, jobs=jobs) as extractor:
        results = list(extractor.extract_many(paths))
    assert Counter(result.path for result in results) == Counter(map(str, paths))
    for result in results:
        if isinstance(result, Refusal):
            assert Path(result.path) in refused
            assert "\n" not in result.message
        else:
            first, count = videos[Path(result.path)]
            np.testing.assert_allclose(
                result.features, expected_features(first, count, contract), rtol=1e-6
            )
            assert result.reason is None
            assert result.distinct == min(count, contract.num_frames)
            assert result.info.num_frames == count
            assert len(result.times_s) == contract.num_frames
    assert sum(isinstance(result, Refusal) for result in results) == 2 * len(refused)


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_relative_name_means_what_it_does_when_it_is_taken(
    jobs: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts = (100, 200, 300, 400)
    for first in starts:
        (tmp_path / f"{first}").mkdir()
        numbered_video(tmp_path / f"{first}" / "x.mp4", first, 20)

    def names() -> Iterator[str]:
        for first in starts:
            os.chdir(tmp_path / f"{first}")
            yield "x.mp4"

    monkeypatch.chdir(tmp_path)
    with FeatureExtractor(ReadingEngine(), READING, jobs=jobs) as extractor:
        results = list(extractor.extract_many(names()))
    assert {result.path for result in results} == {"x.mp4"}
    found = [result.features[0, 0] for result in results if isinstance(result, VideoFeatures)]
    assert sorted(found) == [expected_features(first, 20)[0, 0] for first in starts]


def test_in_a_folder_that_is_gone_only_whole_paths_lead_anywhere(
    video: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(video.parent)
    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        extractor.extract(video.name)
        monkeypatch.chdir(tmp_path / "gone")
        (tmp_path / "gone").rmdir()
        with pytest.raises(VideoError):
            extractor.extract(video.name)
        assert extractor.extract(video).features.shape == (20, 1)


def test_batches_fill_up_across_videos_and_hold_every_picture_once(many: list[Path]) -> None:
    engine = ReadingEngine()
    with FeatureExtractor(engine, READING, jobs=3, batch_size=24, eager=24) as extractor:
        results = list(extractor.extract_many(many))
    wanted = [100 * i + k for i in range(12) for k in range(20)]
    assert sorted(itertools.chain(*engine.batches)) == wanted
    assert sum(r.embedded for r in results if isinstance(r, VideoFeatures)) == len(wanted)
    sizes = [len(batch) for batch in engine.batches]
    assert max(sizes) == 24, "more than the 20 pictures of one video"


def test_scales_share_their_pictures(video: Path) -> None:
    engine = ReadingEngine()
    contract = replace(READING, multi_scale="aligned", num_frames=64)
    with FeatureExtractor(engine, contract) as extractor:
        result = extractor.extract(video)
    assert result.embedded == 40 < sum(contract.sample_lengths)
    assert sorted(itertools.chain(*engine.batches)) == list(range(2000, 2040))


def test_identical_frames_are_embedded_once(tmp_path: Path) -> None:
    still, other = (list(numbered_frames(1, (160, 120), first=n)) for n in (7, 9))
    frames = still * 40 + other * 40 + still * 40
    path = write_video(tmp_path / "still.gif", frames, codec="gif", pix_fmt="pal8")
    engine = ReadingEngine()
    with FeatureExtractor(engine, replace(READING, num_frames=12)) as extractor:
        result = extractor.extract(path)
    assert result.features[:, 0].tolist() == [7] * 4 + [9] * 4 + [7] * 4
    assert sorted(itertools.chain(*engine.batches)) == [7, 9]
    assert result.embedded == 2
    assert result.distinct == 12


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("truncated_faststart", Reason.TRUNCATED),
        ("truncated_mkv", Reason.TRUNCATED),
        ("corrupted", Reason.FRAMES_LOST),
    ],
)
def test_what_is_there_of_a_damaged_video_is_used_and_what_is_missing_said(
    name: str, reason: Reason, tmp_path: Path
) -> None:
    path = BROKEN[name](tmp_path)

    class Means:
        name = "means"

        def embed(self, pictures: Any) -> Any:
            return np.stack(pictures).mean(axis=(1, 2, 3), dtype=np.float32)[:, None]

    with FeatureExtractor(Means(), READING) as extractor:
        result = extractor.extract(path)
    assert result.reason == reason
    assert result.message
    assert "\n" not in result.message
    assert result.features.shape == (20, 1)
    assert np.isfinite(result.features).all()


def test_one_refused_video_is_an_exception_with_its_reason(tmp_path: Path) -> None:
    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        for name, reason in (("noise", Reason.NOT_A_VIDEO), ("no_frames", Reason.NO_FRAMES)):
            with pytest.raises(VideoError) as caught:
                extractor.extract(BROKEN[name](tmp_path))
            assert caught.value.reason == reason


def test_names_need_not_be_utf8_and_may_be_text_or_paths(video: Path, tmp_path: Path) -> None:
    odd = os.path.join(os.fsencode(tmp_path), b"caf\xe9\n.mp4")  # noqa: PTH118 - bytes
    os.symlink(video, odd)  # noqa: PTH211
    paths: list[Path | str] = [os.fsdecode(odd), video, str(video)]
    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        results = list(extractor.extract_many(paths))
    assert sorted(result.path for result in results) == sorted(map(str, paths))
    assert all(isinstance(result, VideoFeatures) for result in results)


@pytest.mark.parametrize("jobs", [1, 3])
def test_endless_input_is_read_no_further_than_needed(jobs: int, video: Path) -> None:
    drawn = 0

    def endless() -> Iterator[Path]:
        nonlocal drawn
        for path in itertools.cycle([video]):
            drawn += 1
            yield path

    with FeatureExtractor(ReadingEngine(), READING, jobs=jobs) as extractor:
        results = extractor.extract_many(endless())
        taken = list(itertools.islice(results, 5))
        assert all(isinstance(result, VideoFeatures) for result in taken)
        results.close()  # type: ignore[attr-defined]
    assert 5 <= drawn <= 5 + jobs + 1


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_run_left_early_does_not_spoil_the_next(
    jobs: int, videos: dict[Path, tuple[int, int]]
) -> None:
    (path, (first, count)), *_ = videos.items()
    with FeatureExtractor(ReadingEngine(), READING, jobs=jobs) as extractor:
        for _ in range(6):
            next(extractor.extract_many(itertools.cycle(list(videos)[1:])))
            result = extractor.extract(path)
            np.testing.assert_array_equal(result.features, expected_features(first, count))


def test_one_video_may_be_read_in_the_middle_of_others(tmp_path: Path) -> None:
    contract = replace(READING, num_frames=200)
    numbered = {numbered_video(tmp_path / f"{i}.mp4", 1000 * i, 400): 1000 * i for i in range(4)}
    between, *paths = numbered
    with FeatureExtractor(ReadingEngine(), contract) as extractor:
        for result in extractor.extract_many(paths):
            for found in (result, extractor.extract(between)):
                assert isinstance(found, VideoFeatures)
                wanted = expected_features(numbered[Path(found.path)], 400, contract)
                np.testing.assert_array_equal(found.features, wanted)


@pytest.mark.parametrize("jobs", [1, 3])
def test_what_goes_wrong_while_listing_reaches_the_caller(jobs: int, video: Path) -> None:
    def broken() -> Iterator[Path]:
        yield video
        yield video
        raise LookupError("the list ends in fire")

    with FeatureExtractor(ReadingEngine(), READING, jobs=jobs) as extractor:
        with pytest.raises(LookupError, match="in fire"):
            list(extractor.extract_many(broken()))
        assert extractor.extract(video).reason is None


def test_what_goes_wrong_in_the_engine_reaches_the_caller(video: Path) -> None:
    class Moody(ReadingEngine):
        fails = True

        def embed(self, pictures: Any) -> Any:
            if self.fails:
                raise ArithmeticError("not today")
            return super().embed(pictures)

    engine = Moody()
    with FeatureExtractor(engine, READING) as extractor:
        with pytest.raises(ArithmeticError, match="not today"):
            extractor.extract(video)
        engine.fails = False
        assert extractor.extract(video).reason is None


def test_an_error_of_the_caller_in_the_loop_ends_processes_and_threads(video: Path) -> None:
    before, others = set(threading.enumerate()), children()

    def fail(_: object) -> None:
        raise ArithmeticError

    with (
        pytest.raises(ArithmeticError),
        FeatureExtractor(ReadingEngine(), READING, jobs=2) as extractor,
    ):
        deque(map(fail, extractor.extract_many(itertools.cycle([video]))))
    assert children() <= others
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
        assert not thread.is_alive()


def test_an_answer_does_not_wait_for_the_next_question(many: list[Path]) -> None:
    """As when paths come through a pipe from somebody who waits for each answer."""
    answered = threading.Event()

    def questions() -> Iterator[Path]:
        for path in many[:3]:
            yield path
            assert answered.wait(WAIT_S), "the answer never came"
            answered.clear()

    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        results = extractor.extract_many(questions())
        for path in many[:3]:
            assert next(results).path == str(path)
            answered.set()
        assert next(results, None) is None


def test_input_that_hangs_when_the_run_is_left_starts_nothing_later(video: Path) -> None:
    release = threading.Event()
    others = children()

    def hanging() -> Iterator[Path]:
        yield video
        release.wait(WAIT_S)
        yield video

    before = set(threading.enumerate())
    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        results = extractor.extract_many(hanging())
        next(results)
        results.close()  # type: ignore[attr-defined]
    release.set()
    for thread in set(threading.enumerate()) - before:
        thread.join(WAIT_S)
        assert not thread.is_alive()
    assert children() <= others


def test_a_decoder_that_dies_midway_costs_that_video_only(tmp_path: Path, video: Path) -> None:
    long = numbered_video(tmp_path / "long.mp4", 10_000, 3000)

    class Killer(ReadingEngine):
        armed = True

        def embed(self, pictures: Any) -> Any:
            embeddings = super().embed(pictures)
            if self.armed and embeddings.max() >= 10_000:
                self.armed = False
                for child in children():
                    os.kill(child, signal.SIGKILL)
            return embeddings

    contract = replace(READING, num_frames=1500)
    with FeatureExtractor(Killer(), contract, batch_size=8) as extractor:
        results = list(extractor.extract_many([video, long, video]))
    by_path = {result.path: result for result in results}
    crashed = by_path[str(long)]
    assert isinstance(crashed, Refusal)
    assert crashed.reason == Reason.DECODER_CRASHED
    assert len(results) == 3
    for result in results:
        if isinstance(result, VideoFeatures):
            np.testing.assert_array_equal(result.features, expected_features(2000, 40, contract))


def test_decoding_processes_start_on_demand_and_end_on_close() -> None:
    others = children()
    extractor = FeatureExtractor(ReadingEngine(), READING, jobs=3)
    assert children() == others
    extractor.start()
    assert len(children() - others) == 3
    extractor.close()
    assert children() == others
    extractor.close()


def test_pictures_are_of_the_size_the_contract_says(video: Path) -> None:
    shapes: set[tuple[tuple[int, ...], str]] = set()

    class Looking(ReadingEngine):
        def embed(self, pictures: Any) -> Any:
            shapes.update((p.shape, str(p.dtype)) for p in pictures)
            return super().embed(pictures)

    with FeatureExtractor(Looking(), replace(READING, crop=96, resize=120)) as extractor:
        extractor.extract(video)
    assert shapes == {((96, 96, 3), "uint8")}
