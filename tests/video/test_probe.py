"""What a file says about itself, against files made to say it."""

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clipkind.errors import Reason, VideoError
from clipkind.video.probe import probe
from media import KINDS, make, numbered_frames, write_video
from yuv import Pixels

X264 = {"preset": "ultrafast", "g": "10", "bf": "0"}
VPX = {"deadline": "realtime", "cpu-used": "8"}
SECONDS = 3


@pytest.mark.parametrize(
    ("name", "codec", "fps", "container", "coding"),
    [
        ("a.mp4", "h264", 25, "mp4", {}),
        ("a.mov", "h264", 60, "mov", {"sound": "aac"}),
        ("a.mkv", "h264", 24, "matroska", {}),
        ("b.mkv", "h264", 60, "matroska", {"sound": "pcm_s16le"}),
        ("a.ts", "h264", 50, "mpegts", {"sound": "mp2"}),
        ("a.flv", "h264", 30, "flv", {"sound": "aac"}),
        ("a.webm", "vp9", 30, "webm", {"codec": "libvpx-vp9", "options": VPX}),
        ("a.avi", "mpeg4", 15, "avi", {"codec": "mpeg4", "sound": "mp2"}),
        ("a.mpg", "mpeg2video", 25, "mpeg", {"codec": "mpeg2video"}),
        ("a.gif", "gif", 20, "gif", {"codec": "gif", "pix_fmt": "pal8"}),
        ("a.h264", "h264", 25, "h264", {}),
    ],
)
def test_length_count_rate_and_coding(
    name: str, codec: str, fps: int, container: str, coding: dict[str, Any], tmp_path: Path
) -> None:
    frames = numbered_frames(SECONDS * fps, (160, 120))
    info = probe(write_video(tmp_path / name, frames, fps=fps, **coding))
    millisecond = 0.0011  # Matroska counts in these, so that 1/24 s becomes 42 or 41 of them
    assert info.num_frames == SECONDS * fps
    assert info.duration_s == pytest.approx(SECONDS, abs=millisecond)
    assert info.fps == pytest.approx(fps, rel=millisecond)
    assert not info.variable_fps
    assert not info.truncated
    assert (info.width, info.height) == (160, 120)
    assert info.codec == codec
    assert container in info.container.split(",")


@pytest.mark.parametrize("name", ["variable-rate.mp4", "variable-rate.mkv"])
def test_an_irregular_rate_is_called_variable_and_its_mean_given(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    times = kind.coding.times or ()
    info = probe(make(tmp_path, kind))
    assert info.variable_fps
    assert info.num_frames == len(times)
    assert info.duration_s >= times[-1]
    assert info.fps == pytest.approx(len(times) / info.duration_s)


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_size_is_as_coded_and_rotation_as_shown(rotation: int, tmp_path: Path) -> None:
    frames = numbered_frames(3, (160, 112))
    info = probe(write_video(tmp_path / "a.mp4", frames, rotation=rotation))
    assert info.rotation == rotation
    assert (info.width, info.height) == ((112, 160) if rotation in (90, 270) else (160, 112))


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(2), Fraction(8, 9)])
def test_pixels_need_not_be_square(aspect: Fraction, suffix: str, tmp_path: Path) -> None:
    info = probe(write_video(tmp_path / f"a.{suffix}", numbered_frames(3), aspect=aspect))
    assert info.sample_aspect == pytest.approx(float(aspect), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "pixel_format", "codec"),
    [
        ("hevc-10-bit.mp4", "yuv420p10le", "hevc"),
        ("prores-alpha.mov", "yuva444p12le", "prores"),
        ("h264-full-range.mp4", "yuvj420p", "h264"),
        ("png-alpha.mov", "rgba", "png"),
        ("av1.mp4", "yuv420p", "av1"),
        ("ffv1.mkv", "yuv444p", "ffv1"),
    ],
)
def test_codec_and_pixel_format_go_by_their_usual_names(
    name: str, pixel_format: str, codec: str, tmp_path: Path
) -> None:
    info = probe(make(tmp_path, KINDS[name]))
    assert (info.pixel_format, info.codec) == (pixel_format, codec)


def test_a_single_frame_lasts_as_long_as_the_file_says(tmp_path: Path) -> None:
    info = probe(make(tmp_path, KINDS["single-frame.mp4"]))
    assert (info.num_frames, info.fps, info.variable_fps) == (1, 25, False)
    assert info.duration_s == pytest.approx(1 / 25)


def grainy(count: int) -> Iterator[Pixels]:
    """Frames that compress equally badly, so that half of the file is half of its time."""
    grain = np.random.default_rng(0).integers(-40, 41, (4, 240, 320, 1))
    for number, pixels in enumerate(numbered_frames(count)):
        yield np.clip(pixels + grain[number % 4], 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("name", "sound"),
    [("a.mp4", ""), ("a.mp4", "aac"), ("a.mkv", ""), ("a.mkv", "aac"), ("a.flv", "")],
)
def test_a_file_cut_short_says_how_long_it_should_be(name: str, sound: str, tmp_path: Path) -> None:
    path = write_video(
        tmp_path / name,
        grainy(100),
        options=X264,
        sound=sound,
        container_options={"movflags": "+faststart"} if name == "a.mp4" else {},
    )
    assert not probe(path).truncated
    os.truncate(path, path.stat().st_size * 6 // 10)
    info = probe(path)
    assert info.truncated
    assert info.declared_s == pytest.approx(4, abs=0.1)
    assert 1.5 < info.duration_s < 3


def test_a_longer_sound_track_does_not_make_the_picture_truncated(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.mkv", "a.flv"):
        path = write_video(tmp_path / name, numbered_frames(10), options=X264, sound="aac")
        info = probe(path)
        assert not info.truncated, name
        assert info.duration_s == pytest.approx(0.4, abs=0.01)


def test_a_recording_that_never_learnt_its_length_is_whole(tmp_path: Path) -> None:
    info = probe(make(tmp_path, KINDS["vp9-no-duration.webm"]))
    assert not info.truncated
    assert info.declared_s == info.duration_s == pytest.approx(0.4)


def test_a_name_is_no_reason_to_believe_it_is_a_video(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_text("a letter")
    with pytest.raises(VideoError) as caught:
        probe(tmp_path / "a.mp4")
    assert caught.value.reason == Reason.NOT_A_VIDEO
