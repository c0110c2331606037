"""Files that are not what their name or header says: pictures, lost parts, copy protection."""

from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import av
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from clipkind.errors import Reason, VideoError
from clipkind.video.decode import ClipReader
from clipkind.video.jpeg import jpeg
from clipkind.video.probe import probe
from media import card, numbered_frames, read_number, write_video
from video.sampled import sampled

CONTRACT = sampled()
X264 = {"preset": "ultrafast", "g": "25", "bf": "0"}


def shown(path: Path) -> list[int]:
    """The numbers of the pictures that come out."""
    with ClipReader(path, CONTRACT) as clip:
        return [read_number(picture) for _, picture in clip.frames()]


@pytest.mark.parametrize("suffix", ["jpg", "png", "bmp", "webp", "tiff", "mp4", "unknown"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "BMP", "WEBP", "TIFF"])
def test_a_picture_is_a_video_of_one_frame_whatever_its_name(
    kind: str, suffix: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(next(numbered_frames(1, first=77))).save(path, format=kind)
    assert probe(path).num_frames == 1
    assert shown(path) == [77]


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"", b""), (b"--frame\r\nContent-Type: image/jpeg\r\n\r\n", b"\r\n")],
    ids=["joined", "of a network camera"],
)
def test_a_stream_of_pictures_is_a_video(before: bytes, after: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"".join(before + jpeg(frame) + after for frame in numbered_frames(12)))
    assert probe(path).num_frames == 12
    assert shown(path) == list(range(12))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.ppm", b"P6\n64 64\n255\n" + bytes(64 * 64 * 3)),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='64' height='64'/>"),
        ("a.mp4", b"ffconcat version 1.0\nfile b.mp4\n"),
    ],
)
def test_a_format_that_is_not_read_is_refused_as_one(
    name: str, content: bytes, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(VideoError, match="format is not one of those") as caught:
        probe(path)
    assert caught.value.reason is Reason.NOT_A_VIDEO


def test_an_animated_webp_is_refused_as_what_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    pictures = [Image.fromarray(pixels) for pixels in numbered_frames(3)]
    pictures[0].save(path, save_all=True, append_images=pictures[1:])
    with pytest.raises(VideoError, match="animated WebP") as caught:
        probe(path)
    assert caught.value.reason is Reason.UNDECODABLE


@pytest.mark.parametrize("length", [8, 16, 20, 21, 30])
def test_a_picture_cut_within_its_header_is_refused(length: int, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    path.write_bytes(b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0".ljust(length, b"\0")[:length])
    with pytest.raises(VideoError):
        probe(path)


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_copy_protection_is_told(suffix: str, tmp_path: Path) -> None:
    protection = {
        "encryption_scheme": "cenc-aes-ctr",
        "encryption_key": "76a6c65c5ea762046bd749a2e632ccbb",
        "encryption_kid": "a7e61c373e219033c21091fa607bf3b8",
    }
    frames = numbered_frames(10)
    path = write_video(
        tmp_path / f"a.{suffix}", frames, container="mp4", container_options=protection
    )
    with pytest.raises(VideoError, match="encrypted") as caught:
        probe(path)
    assert caught.value.reason is Reason.ENCRYPTED


def longest_pause(path: Path) -> float:
    """Seconds between two frames whose packets are there."""
    with av.open(str(path)) as container:
        times = sorted(p.pts * p.time_base for p in container.demux(video=0) if p.size)
    return float(max(after - before for before, after in pairwise(times)))


@pytest.mark.parametrize("suffix", ["mkv", "ts", "flv"])
def test_a_part_overwritten_with_zeros_is_told_in_seconds(suffix: str, tmp_path: Path) -> None:
    path = write_video(tmp_path / f"a.{suffix}", numbered_frames(500), options=X264)
    with ClipReader(path, CONTRACT) as clip:
        assert clip.gone_s == 0
    content = bytearray(path.read_bytes())
    start, stop = len(content) * 4 // 10, len(content) * 6 // 10
    content[start:stop] = bytes(stop - start)
    path.write_bytes(content)
    with ClipReader(path, CONTRACT) as clip:
        assert clip.info.duration_s == pytest.approx(20, abs=0.1)
        assert clip.gone_s == pytest.approx(longest_pause(path) - 1 / 25, abs=0.01)
        assert clip.gone_s > 2


def ivf(path: Path, times: list[int]) -> Path:
    """VP8 in IVF, whose frames have these times, of 64 bits each."""
    path = write_video(path, numbered_frames(len(times)), codec="libvpx", options={"g": "1"})
    content = bytearray(path.read_bytes())
    at = 32
    for time in times:
        size = int.from_bytes(content[at : at + 4], "little")
        content[at + 4 : at + 12] = (time % 2**64).to_bytes(8, "little")
        at += 12 + size
    path.write_bytes(content)
    return path


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=8))
@settings(deadline=None, max_examples=25)
@example([0, 2**63 - 6, -(2**63) + 6, 7] * 2)
def test_no_time_is_too_wild_to_be_read_or_refused(times: list[int]) -> None:
    with TemporaryDirectory() as folder:
        path = ivf(Path(folder) / "a.ivf", times)
        with suppress(VideoError), ClipReader(path, CONTRACT, threads=1) as clip:
            assert len(list(clip.frames())) == len(clip.plan.targets)


def test_a_pause_is_no_loss(tmp_path: Path) -> None:
    """The sound goes on while the picture stands still, or nothing is written at all."""
    quiet = [number / 25 + (10 if number > 50 else 0) for number in range(100)]
    for name in ("a.mkv", "a.mp4"):
        path = write_video(
            tmp_path / name, numbered_frames(100), options=X264, sound="aac", times=quiet
        )
        with ClipReader(path, CONTRACT) as clip:
            assert clip.info.duration_s == pytest.approx(14, abs=0.1)
            assert clip.gone_s == 0


def with_poster(path: Path, poster_first: bool, default: bool) -> Path:
    """A video of 50 small frames beside one large picture that is not flagged as a cover."""
    with av.open(str(path), "w") as output:
        kinds = [("mjpeg", (640, 480), 1), ("libx264", (320, 240), 50)]
        tracks = []
        for codec, size, count in kinds if poster_first else reversed(kinds):
            stream = output.add_stream(codec, 25)
            stream.width, stream.height = size
            stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
            picture = codec == "mjpeg"
            stream.disposition = av.stream.Disposition(int(default == picture))
            tracks.append((stream, [card(size)] if picture else numbered_frames(count, size)))
        for stream, pictures in tracks:
            for number, pixels in enumerate(pictures):
                frame = av.VideoFrame.from_ndarray(pixels).reformat(format=stream.pix_fmt)
                frame.pts = number
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("default", [True, False])
def test_a_picture_never_beats_a_video(
    default: bool, first: bool, suffix: str, tmp_path: Path
) -> None:
    path = with_poster(tmp_path / f"a.{suffix}", first, default)
    assert probe(path).num_frames == 50
    assert shown(path) == [2 * i + 1 for i in range(25)]
