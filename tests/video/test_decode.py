"""What comes out of real files: the right frames, the right colours, each decoded once."""

from pathlib import Path

import numpy as np
import pytest

from clipkind.contract import Contract
from clipkind.video.decode import ClipReader
from clipkind.video.picture import Picture
from media import KINDS, Kind, make, numbered_frames, read_number, write_video

X264 = {"preset": "ultrafast"}


def contract(**fields: object) -> Contract:
    values: dict[str, object] = {
        "backbone": "none",
        "weights_sha256": "",
        "feature_dim": 1,
        "multi_scale": "single",
    }
    return Contract(**{**values, **fields})  # type: ignore[arg-type]


def read(path: Path, rules: Contract, threads: int = 2) -> tuple[ClipReader, list[Picture]]:
    with ClipReader(path, rules, threads=threads) as clip:
        positions, pictures = zip(*clip.frames(), strict=True)
        assert positions == tuple(range(len(clip.plan.targets)))
        return clip, list(pictures)


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_every_kind_of_file_shows_its_true_colours_where_they_belong(
    kind: Kind, tmp_path: Path
) -> None:
    clip, pictures = read(make(tmp_path, kind), contract())
    assert clip.lost == 0
    assert len(pictures) <= kind.frames if kind.coding.times else len(pictures) == kind.frames
    assert pictures[0].shape == (256, 256, 3)
    seen = 0
    for patch in kind.expected:
        place = patch.in_crop(kind.shown)
        if place is None or not all(0.04 < p < 0.96 for p in place):
            continue
        x, y = (int(p * 256) for p in place)
        middle = np.stack([p[y - 3 : y + 4, x - 3 : x + 4] for p in pictures]).reshape(-1, 3)
        error = np.abs(middle.astype(int) - patch.rgb).max()
        assert error <= kind.tolerance, f"{patch} is {middle.mean(axis=0)}"
        seen += 1
    assert seen >= 6


def on_screen(count: int, samples: int) -> list[int]:
    """Frame numbers shown at the midpoints, for evenly timed frames."""
    return [(2 * i + 1) * count // (2 * samples) for i in range(samples)]


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("short-gop.mp4", {"options": {**X264, "g": "10", "bf": "0"}}),
        ("b-frames.mp4", {"options": {"preset": "veryfast", "g": "30", "bf": "3"}}),
        ("b-frames.mkv", {"options": {"preset": "veryfast", "g": "30", "bf": "3"}}),
        ("b-frames.ts", {"options": {"preset": "veryfast", "g": "30", "bf": "3"}}),
        ("open-gop.mp4", {"options": {"preset": "veryfast", "x264-params": "keyint=12:bframes=3:"
                                      "b-adapt=0:open-gop=1:scenecut=0"}}),
        ("one-gop.mp4", {"options": {**X264, "g": "999"}}),
        ("vp9.webm", {"codec": "libvpx-vp9", "options": {"deadline": "realtime", "cpu-used": "8"}}),
        ("mpeg4.avi", {"codec": "mpeg4", "options": {"g": "12", "bf": "2"}}),
        ("mpeg2.ts", {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}}),
        ("frames.gif", {"codec": "gif", "pix_fmt": "pal8"}),
        ("hevc.mp4", {"codec": "libx265", "options": {"preset": "ultrafast",
                      "x265-params": "keyint=20:bframes=3:log-level=none"}}),
        ("no-times.h264", {"options": {**X264, "g": "10", "bf": "0"}}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("count", [7, 64, 150, 301])
def test_samples_are_the_frames_on_screen_at_the_midpoints(
    name: str, coding: dict[str, object], count: int, tmp_path: Path
) -> None:
    path = write_video(tmp_path / name, numbered_frames(count), **coding)
    clip, pictures = read(path, contract(keyframe_snap=0.0))
    numbers = np.array([read_number(p) for p in pictures])
    assert clip.lost == 0
    assert numbers[clip.plan.scales[0]].tolist() == on_screen(count, 64)
    assert clip.plan.distinct == min(count, 64)


def test_scales_share_their_frames_and_a_short_video_reports_its_distinct_count(
    tmp_path: Path,
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(300), options=X264)
    clip, pictures = read(path, contract(multi_scale="aligned", keyframe_snap=0.0))
    numbers = np.array([read_number(p) for p in pictures])
    for scale, length in zip(clip.plan.scales, (64, 54, 73), strict=True):
        assert numbers[scale].tolist() == on_screen(300, length)
    assert len(pictures) == len(set(numbers)) < 64 + 54 + 73


def test_no_more_frames_are_decoded_than_the_wanted_ones_depend_on(tmp_path: Path) -> None:
    options = {"preset": "ultrafast", "g": "50", "bf": "0"}
    path = write_video(tmp_path / "a.mp4", numbered_frames(1000), options=options)
    clip, _ = read(path, contract(num_frames=10, keyframe_snap=0.0), threads=1)
    wanted = on_screen(1000, 10)
    unavoidable = sum(number % 50 + 1 for number in wanted)
    assert clip.decoded == unavoidable


def test_frames_nothing_depends_on_are_skipped_and_the_others_stay_the_same(
    tmp_path: Path,
) -> None:
    options = {"preset": "veryfast", "g": "250", "x264-params": "b-adapt=0:bframes=3:scenecut=0"}
    path = write_video(tmp_path / "a.mp4", numbered_frames(600), options=options)
    clip, pictures = read(path, contract(num_frames=20, keyframe_snap=0.0))
    assert clip.decoded < 0.7 * 600
    with ClipReader(path, contract(num_frames=600)) as full:
        everything = dict(full.frames())
    for number, picture in zip(on_screen(600, 20), pictures, strict=True):
        np.testing.assert_array_equal(picture, everything[number])


def test_a_long_video_is_sampled_at_its_key_frames_within_each_segment(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(2000), options={**X264, "g": "20"})
    clip, pictures = read(path, contract(num_frames=16))
    numbers = np.array([read_number(p) for p in pictures])[clip.plan.scales[0]]
    assert (numbers % 20 == 0).all()
    assert (np.abs(numbers - (np.arange(16) + 0.5) * 125) <= 62.5).all()
    assert clip.decoded == 16


def test_irregular_times_are_sampled_by_time_not_by_count(tmp_path: Path) -> None:
    kind = KINDS["variable-rate.mp4"]
    times = [float(t) for t in kind.coding.times or ()]
    path = write_video(tmp_path / "a.mp4", numbered_frames(len(times)), times=kind.coding.times)
    clip, pictures = read(path, contract(num_frames=25, keyframe_snap=0.0))
    numbers = np.array([read_number(p) for p in pictures])[clip.plan.scales[0]]
    shown = [max(i for i, t in enumerate(times) if t <= at) for at in clip.plan.times_s]
    assert numbers.tolist() == shown


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "avi", "ts", "flv", "mov"])
def test_seeking_finds_the_same_frames_in_every_container(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    codec = "mpeg4" if suffix == "avi" else "libx264"
    options = {"g": "20", "bf": "0"} | ({} if suffix == "avi" else X264)
    write_video(path, numbered_frames(900), codec=codec, options=options)
    clip, pictures = read(path, contract(num_frames=5, keyframe_snap=0.0))
    assert [read_number(p) for p in pictures] == on_screen(900, 5)
    assert clip.decoded <= 5 * 20
