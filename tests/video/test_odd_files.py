"""Good videos that are put together in ways that trip readers: cut, joined, without an index."""

from pathlib import Path

import av
import numpy as np
import pytest

from clipkind.errors import Reason, VideoError
from clipkind.video.decode import ClipReader
from clipkind.video.probe import probe
from media import card, numbered_frames, patches, read_number, write_video
from video.sampled import sampled

CONTRACT = sampled()


def numbers(path: Path) -> list[int]:
    """The numbers of the frames taken, sample by sample."""
    with ClipReader(path, CONTRACT, threads=1) as clip:
        pictures = [picture for _, picture in clip.frames()]
        assert clip.lost == 0
        return np.array([read_number(p) for p in pictures])[clip.plan.scales[0]].tolist()


def trimmed(source: Path, path: Path, first_shown: int) -> Path:
    """A copy without re-encoding that shows the source from a frame on, by an edit list."""
    options = {"avoid_negative_ts": "disabled"}
    with av.open(source) as old, av.open(path, "w", options=options) as new:
        stream = old.streams.video[0]
        copy = new.add_stream_from_template(stream)
        assert stream.average_rate
        assert stream.time_base
        shift = int(first_shown / stream.average_rate / stream.time_base)
        for packet in old.demux(stream):
            if packet.pts is not None and packet.dts is not None:
                packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
                packet.stream = copy
                new.mux(packet)
    return path


@pytest.mark.parametrize(("gop", "cut"), [(250, 100), (50, 120), (50, 100)])
def test_a_video_trimmed_without_reencoding_shows_what_is_left(
    gop: int, cut: int, tmp_path: Path
) -> None:
    options = {"preset": "ultrafast", "g": str(gop), "bf": "0"}
    whole = write_video(tmp_path / "whole.mp4", numbered_frames(250), options=options)
    path = trimmed(whole, tmp_path / "trimmed.mp4", cut)
    left = 250 - cut
    assert probe(path).num_frames == left
    assert numbers(path) == [cut + (2 * i + 1) * left // 50 for i in range(25)]


def test_recordings_joined_end_to_end_are_read_to_the_end(tmp_path: Path) -> None:
    parts = [
        write_video(
            tmp_path / f"{n}.ts",
            numbered_frames(100, first=n * 100),
            options={"preset": "ultrafast", "g": "25", "bf": "0"},
        )
        for n in (0, 1)
    ]
    path = tmp_path / "joined.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert numbers(path) == [(2 * i + 1) * 200 // 50 for i in range(25)]


@pytest.mark.parametrize("threads", [1, 4])
@pytest.mark.parametrize("samples", [8, 25])
def test_a_container_that_cannot_seek_is_read_once(
    samples: int, threads: int, tmp_path: Path
) -> None:
    options = {"g": "100", "bf": "2"}
    path = write_video(
        tmp_path / "a.mpg", numbered_frames(1500), codec="mpeg2video", options=options
    )
    with ClipReader(path, sampled(samples), threads=threads) as clip:
        found = [read_number(picture) for _, picture in clip.frames()]
        assert clip.lost == 0
    assert found == [(2 * i + 1) * 1500 // (2 * samples) for i in range(samples)]
    assert clip.restarts <= 1


@pytest.mark.parametrize("matrix", [5, 6])
def test_a_tagged_matrix_holds_at_any_height(matrix: int, tmp_path: Path) -> None:
    """BT.601 by either of its two numbers, at a height where untagged video counts as BT.709."""
    path = tmp_path / "hd.mkv"
    names = {5: "bt470bg", 6: "smpte170m"}
    options = {"crf": "1", "preset": "ultrafast", "x264-params": f"colormatrix={names[matrix]}"}
    write_video(path, [card((1280, 720))] * 2, matrix="bt601", tagged=False, options=options)
    with ClipReader(path, CONTRACT) as clip:
        _, picture = next(clip.frames())
    for patch in patches():
        place = patch.in_crop((1280, 720))
        if place and all(0.1 < p < 0.9 for p in place):
            x, y = (int(p * 256) for p in place)
            assert np.abs(picture[y, x].astype(int) - patch.rgb).max() <= 4, patch


def test_an_unknown_codec_is_refused_in_one_line(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", numbered_frames(5))
    path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert caught.value.reason in (Reason.UNDECODABLE, Reason.NO_VIDEO_STREAM)


@pytest.mark.parametrize("share", [0.2, 0.6, 0.95])
def test_a_file_cut_before_its_index_says_so(share: float, tmp_path: Path) -> None:
    whole = write_video(tmp_path / "whole.mp4", numbered_frames(30)).read_bytes()
    assert whole.index(b"mdat") < whole.index(b"moov")  # the index is at the end
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(VideoError, match="its index is missing") as caught:
        probe(cut)
    assert caught.value.reason is Reason.NOT_A_VIDEO


def test_what_only_looks_like_one_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "boxes.mp4"
    path.write_bytes(b"\0\0\0\x10ftypmp42\0\0\0\0" + b"\0\0\0\x08free" * 9)
    with pytest.raises(VideoError) as caught:
        probe(path)
    assert "index" not in str(caught.value)
