"""Disturbed copies: each differs from the plain copy in what its name says, and in nothing else."""

from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import pytest

from clipkind.errors import VideoError
from clipkind.evaluation.robustness.copies import write_copies
from clipkind.evaluation.robustness.disturbances import DISTURBANCES
from clipkind.video.probe import probe
from media import card, numbered_frames, patches, read_number, write_video

Planes = list[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64], npt.NDArray[np.float64]]]
SIZE = (320, 240)
FRAMES, FPS = 20, 10


def planes(path: Path) -> Planes:
    """Luma and both chromas of every frame."""
    found: Planes = []
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            height, width = frame.height, frame.width
            flat = frame.to_ndarray().reshape(-1).astype(np.float64)
            luma, rest = flat[: width * height], flat[width * height :]
            u, v = rest.reshape(2, height // 2, width // 2)
            found.append((luma.reshape(height, width), u, v))
    return found


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Of a video of the colour card, with noise in its lower third."""
    folder = tmp_path_factory.mktemp("copies")
    random = np.random.default_rng(0)
    frames = []
    for _ in range(FRAMES):
        pixels = card(SIZE)
        pixels[160:] = random.integers(0, 256, (80, SIZE[0], 3), dtype=np.uint8)
        frames.append(pixels)
    source = write_video(folder / "source.mp4", frames, fps=FPS, options={"crf": "5"})
    written = write_copies(source, DISTURBANCES, folder)
    return {d.name: path for d, path in zip(DISTURBANCES, written, strict=True)}


@pytest.fixture(scope="module")
def plain(copies: dict[str, Path]) -> Planes:
    return planes(copies["coded again"])


def test_all_copies_last_as_long_as_the_video(copies: dict[str, Path]) -> None:
    for name, path in copies.items():
        assert probe(path).duration_s == pytest.approx(FRAMES / FPS, abs=0.02), name


def test_5_fps_halves_the_frames_of_10_fps(copies: dict[str, Path], plain: Planes) -> None:
    assert len(plain) == FRAMES
    assert len(planes(copies["5 fps"])) == FRAMES // 2


def test_grey_has_no_chroma_and_the_same_luma(copies: dict[str, Path], plain: Planes) -> None:
    assert max(np.abs(u - 128).max() for _, u, _ in plain) > 60
    for luma, u, v in planes(copies["grey"]):
        assert np.abs(u - 128).max() <= 1
        assert np.abs(v - 128).max() <= 1
        assert np.abs(luma[:150] - plain[0][0][:150]).mean() < 3


def test_letterbox_adds_black_rows_around_the_whole_picture(
    copies: dict[str, Path], plain: Planes
) -> None:
    luma = planes(copies["letterbox"])[5][0]
    assert luma.shape == (320, 320)
    for bar in (luma[:38], luma[-38:]):
        assert bar.mean() < 18
        assert bar.max() < 40
    assert np.abs(luma[44:190] - plain[5][0][4:150]).mean() < 3


def test_144p_and_vertical_crop_have_the_sizes_they_say(copies: dict[str, Path]) -> None:
    small, tall = probe(copies["144p"]), probe(copies["vertical crop"])
    assert (small.width, small.height) == (192, 144)
    assert tall.height == 240
    assert tall.width / tall.height == pytest.approx(9 / 16, abs=0.01)


def test_vertical_crop_keeps_the_middle(copies: dict[str, Path], plain: Planes) -> None:
    width = probe(copies["vertical crop"]).width
    left = (SIZE[0] - width) // 2
    cut = planes(copies["vertical crop"])[3][0]
    assert np.abs(cut[:150] - plain[3][0][:150, left : left + width]).mean() < 3


def test_higher_crf_is_fewer_bytes_and_more_error(copies: dict[str, Path], plain: Planes) -> None:
    names = ("coded again", "CRF 30", "CRF 40")
    sizes = [copies[name].stat().st_size for name in names]
    assert sizes[0] > 1.5 * sizes[1] > 2 * sizes[2]
    errors = [np.abs(planes(copies[name])[9][0] - plain[9][0]).mean() for name in names]
    assert errors[0] == 0 < errors[1] < errors[2]


def test_brightness_moves_luma_by_a_fifth_within_range(
    copies: dict[str, Path], plain: Planes
) -> None:
    before = plain[4][0][10:150]
    middle = (before > 80) & (before < 180)
    for name, step in (("brighter", 44), ("darker", -44)):
        after = planes(copies[name])[4][0][10:150]
        assert np.median((after - before)[middle]) == pytest.approx(step, abs=2)
        assert after.min() >= 10
        assert after.max() <= 240


def test_blur_takes_detail_away(copies: dict[str, Path], plain: Planes) -> None:
    def detail(frames: Planes) -> float:
        return float(np.abs(np.diff(frames[7][0][165:], axis=1)).mean())

    assert detail(planes(copies["blur"])) < detail(plain) / 4


def test_a_logo_marks_the_top_right_corner_alone(copies: dict[str, Path], plain: Planes) -> None:
    change = np.abs(planes(copies["logo"])[8][0] - plain[8][0])[:150]
    assert change[14:58, 240:308].mean() > 30
    change[8:64, 232:316] = 0
    assert change.mean() < 2


def test_frames_keep_their_order_and_their_times(tmp_path: Path) -> None:
    source = write_video(tmp_path / "source.mkv", numbered_frames(12), fps=12)
    (path,) = write_copies(source, DISTURBANCES[:1], tmp_path)
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    assert [read_number(frame.to_ndarray(format="rgb24")) for frame in frames] == list(range(12))
    times = [frame.time for frame in frames]
    assert times == pytest.approx([i / 12 for i in range(12)], abs=0.002)


@pytest.mark.parametrize(
    ("name", "coding"),
    [
        ("turned.mp4", {"rotation": 90}),
        ("upside.mp4", {"rotation": 180}),
        ("full.mp4", {"pix_fmt": "yuvj420p", "full_range": True}),
        ("hd.mp4", {"matrix": "bt709"}),
        ("ten.mp4", {"codec": "libx265", "pix_fmt": "yuv420p10le"}),
    ],
)
def test_copies_stand_upright_in_the_right_colours(
    tmp_path: Path, name: str, coding: dict[str, object]
) -> None:
    quiet = {"x265-params": "log-level=none"} if "codec" in coding else {}
    options = {"crf": "5", **quiet}
    source = write_video(tmp_path / name, [card((256, 192))] * 3, options=options, **coding)
    (path,) = write_copies(source, DISTURBANCES[:1], tmp_path)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == (256, 192)
        pixels = frame.to_ndarray(format="rgb24")
    for patch in patches():
        seen = pixels[int(patch.y * 192), int(patch.x * 256)].astype(int)
        assert np.abs(seen - patch.rgb).max() <= 8, patch


def test_transparency_is_shown_on_white(tmp_path: Path) -> None:
    clear = {(0, 1): 0}
    frames = [card((256, 192), clear)] * 3
    source = write_video(tmp_path / "a.mov", frames, codec="png", pix_fmt="rgba")
    (path,) = write_copies(source, DISTURBANCES[:1], tmp_path)
    with av.open(str(path)) as container:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert pixels[32, 96].min() > 245


def test_what_is_no_video_is_refused(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    with pytest.raises(VideoError):
        write_copies(tmp_path / "no.mp4", DISTURBANCES, tmp_path)
