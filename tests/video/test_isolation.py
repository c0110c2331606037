"""Files of unknown origin cost one refusal each, whatever they hold; the next video is read."""

import math
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from broken_media import BROKEN
from clipkind.contract import Contract
from clipkind.errors import MissingDependency, Reason, VideoError
from clipkind.video.isolation import DecodeWorker, End, Pictures, Start
from clipkind.video.probe import probe
from media import numbered_frames, write_video

CONTRACT = Contract(
    backbone="none", weights_sha256="", feature_dim=1, num_frames=8, multi_scale="single"
)
REFUSED = {
    "empty": Reason.EMPTY,
    "text": Reason.NOT_A_VIDEO,
    "noise": Reason.NOT_A_VIDEO,
    "audio": Reason.NO_VIDEO_STREAM,
    "audio_wav": Reason.NOT_A_VIDEO,
    "audio_with_cover": Reason.NOT_A_VIDEO,
    "truncated": Reason.NOT_A_VIDEO,
    "no_frames": Reason.NO_FRAMES,
    "one_pixel": Reason.TOO_SMALL,
    "huge_gif": Reason.TOO_LARGE,
    "huge_avi": Reason.UNDECODABLE,
    "huge_png": Reason.UNDECODABLE,
    "directory": Reason.IS_DIRECTORY,
    "fifo": Reason.NOT_A_FILE,
    "unix_socket": Reason.NOT_A_FILE,
    "symlink_loop": Reason.NOT_A_FILE,
    "dangling_link": Reason.MISSING,
    "absent": Reason.MISSING,
}
ANSWERED = {"truncated_faststart", "truncated_mkv", "corrupted", "not_utf8"}


@pytest.fixture(scope="module")
def worker() -> Iterator[DecodeWorker]:
    with DecodeWorker(threads=1) as running:
        yield running


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_no_video_is_refused_with_its_reason_in_one_line(
    name: str, worker: DecodeWorker, tmp_path: Path
) -> None:
    path = BROKEN[name](tmp_path)
    with pytest.raises(VideoError) as caught:
        list(worker.read(path, CONTRACT))
    assert caught.value.reason == REFUSED[name]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(ANSWERED))
def test_damaged_videos_are_read_as_far_as_they_go_and_say_so(
    name: str, worker: DecodeWorker, tmp_path: Path
) -> None:
    *_, end = worker.read(BROKEN[name](tmp_path), CONTRACT)
    assert isinstance(end, End)
    whole = not (end.info.truncated or end.damaged or end.lost)
    assert whole == (name == "not_utf8")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every file")
def test_a_file_without_permission_is_refused(worker: DecodeWorker, tmp_path: Path) -> None:
    with pytest.raises(VideoError) as caught:
        list(worker.read(BROKEN["forbidden"](tmp_path), CONTRACT))
    assert caught.value.reason == Reason.PERMISSION


def test_every_broken_file_has_its_expectation() -> None:
    assert set(BROKEN) == set(REFUSED) | ANSWERED | {"forbidden"}


@pytest.mark.parametrize(
    "name",
    [
        "with space.mp4",
        "new\nline.mp4",
        "quote'\".mp4",
        "日本語 ünï.mp4",
        b"latin-\xe9.mp4",
        "-.mp4",
        "file:concat|x.mp4",
        "noextension",
        "movie.txt",
    ],
)
def test_any_file_name_will_do(name: str | bytes, worker: DecodeWorker, tmp_path: Path) -> None:
    plain = write_video(tmp_path / "plain.mp4", numbered_frames(10))
    path = os.path.join(tmp_path, os.fsdecode(name))  # noqa: PTH118 - bytes stand in it
    plain.rename(path)
    first, *_, last = worker.read(path, CONTRACT)
    assert isinstance(first, Start)
    assert isinstance(last, End)
    os.symlink(path, tmp_path / "link")  # noqa: PTH211
    assert probe(tmp_path / "link").num_frames == 10


def test_a_playlist_is_no_way_to_other_files(worker: DecodeWorker, tmp_path: Path) -> None:
    secret = write_video(tmp_path / "secret.mp4", numbered_frames(10))
    playlists = {
        "hls.mp4": f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
        "concat.mp4": f"ffconcat version 1.0\nfile {secret}\n",
        "dash.mp4": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>',
    }
    for name, text in playlists.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(VideoError) as caught:
            list(worker.read(tmp_path / name, CONTRACT))
        assert caught.value.reason == Reason.NOT_A_VIDEO, name


def test_identical_pictures_cross_once(worker: DecodeWorker, tmp_path: Path) -> None:
    still = list(numbered_frames(1)) * 40 + list(numbered_frames(1, first=5)) * 40
    path = write_video(tmp_path / "still.gif", still, codec="gif", pix_fmt="pal8")
    messages = list(worker.read(path, CONTRACT))
    pictures = [m for m in messages if isinstance(m, Pictures)]
    assert sum(len(m.new) for m in pictures) == 2
    assert sum((m.positions for m in pictures), ()) == (0,) * 4 + (1,) * 4


def test_a_video_that_takes_too_long_is_ended_and_the_next_one_read(tmp_path: Path) -> None:
    long = write_video(tmp_path / "long.mp4", numbered_frames(3000), options={"g": "9999"})
    short = write_video(tmp_path / "short.mp4", numbered_frames(10))
    with DecodeWorker(threads=1, timeout_s=0.05) as worker:
        with pytest.raises(VideoError) as caught:
            list(worker.read(long, CONTRACT))
        assert caught.value.reason == Reason.TIMEOUT
    with DecodeWorker(threads=1) as worker:
        assert isinstance([*worker.read(short, CONTRACT)][-1], End)


@pytest.mark.parametrize("timeout_s", [math.inf, 1e10, 10**30])
def test_any_time_may_be_given(timeout_s: float, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(10))
    with DecodeWorker(threads=1, timeout_s=timeout_s) as worker:
        assert isinstance([*worker.read(path, CONTRACT)][-1], End)


@pytest.mark.skipif(sys.platform == "win32", reason="has no such limit")
def test_a_lower_limit_on_memory_stays_and_is_named_where_no_decoder_starts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(10))
    program = f"""
import resource
from clipkind.contract import Contract
from clipkind.errors import MissingDependency
from clipkind.memory import cap
from clipkind.video.isolation import DecodeWorker

contract = Contract.from_json({CONTRACT.to_json()!r})
resource.setrlimit(resource.RLIMIT_AS, (5 << 30, 7 << 30))
cap(resource.RLIMIT_AS, 6 << 30)
print(resource.getrlimit(resource.RLIMIT_AS)[0] >> 30)
with DecodeWorker() as worker:
    print(type(list(worker.read({str(path)!r}, contract))[-1]).__name__)
worker = DecodeWorker()
resource.setrlimit(resource.RLIMIT_AS, (200_000 << 10, 200_000 << 10))
try:
    list(worker.read({str(path)!r}, contract))
except MissingDependency as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    kept, last, told = done.stdout.splitlines()
    assert (kept, last) == ("5", "End")
    assert "ulimit -v 200000" in told


def test_a_decoder_that_dies_costs_one_video(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(200))
    with DecodeWorker(threads=1) as worker:
        messages = worker.read(path, CONTRACT)
        next(messages)
        worker.kill()
        with pytest.raises(VideoError) as caught:
            list(messages)
        assert caught.value.reason == Reason.DECODER_CRASHED
        assert isinstance([*worker.read(path, CONTRACT)][-1], End)


def test_a_video_may_be_ended_while_its_decoder_starts(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(10))
    errors: list[Exception] = []

    def read() -> None:
        try:
            list(worker.read(path, CONTRACT))
        except (VideoError, MissingDependency) as error:
            errors.append(error)

    with DecodeWorker(threads=1) as worker:
        reading = threading.Thread(target=read)
        reading.start()
        while reading.is_alive():
            worker.kill()
            reading.join(0.01)
        (error,) = errors
        assert isinstance(error, VideoError)
        assert error.reason == Reason.DECODER_CRASHED
        assert isinstance([*worker.read(path, CONTRACT)][-1], End)


def test_a_worker_that_cannot_start_is_no_fault_of_the_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(10))
    monkeypatch.setenv("PYTHONHOME", str(tmp_path))
    with DecodeWorker(threads=1) as worker, pytest.raises(MissingDependency, match="doctor"):
        list(worker.read(path, CONTRACT))
