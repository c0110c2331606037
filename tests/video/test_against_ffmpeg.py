"""What clipkind reads of a file is what FFmpeg shows of it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from clipkind.errors import VideoError
from clipkind.video.decode import ClipReader
from clipkind.video.probe import VideoInfo, probe
from video.ffmpeg_reference import Shown, number, shown
from video.made_files import Files, Row
from video.odd_timelines import INGREDIENTS, ROWS
from video.sampled import sampled

pytestmark = pytest.mark.skipif(
    not (shutil.which("ffmpeg") and shutil.which("ffprobe")),
    reason="there is no ffmpeg here; apt-get install ffmpeg",
)

ROUNDING = 0.002
"""Seconds by which a frame's time may differ: containers count in milliseconds, at worst."""


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    return Files(tmp_path_factory.mktemp("ffmpeg"), (*ROWS, *INGREDIENTS))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_it_is_read_as_ffmpeg_shows_it(row: Row, files: Files) -> None:
    found = differences(row, files(row.name))
    assert not found, "\n".join(found)


def differences(row: Row, path: Path) -> list[str]:
    """What clipkind says otherwise than FFmpeg, one line each."""
    reference = shown(path, row.stream, row.even)
    try:
        found = [*of_info(probe(path), reference, row)]
        for samples, snap in ((64, 0.0), (7, 0.0), (64, 0.5)):
            found += of_samples(path, reference, row, samples, snap)
    except VideoError as error:
        return [f"refused: {error}"]
    return found


def of_info(info: VideoInfo, reference: Shown, row: Row) -> list[str]:
    found = []
    if (info.width, info.height) != reference.size:
        found.append(f"stream: {info.width}x{info.height}, not {reference.size}")
    if info.num_frames != len(reference.numbers):
        found.append(f"frames: {info.num_frames}, not {len(reference.numbers)}")
    if abs(info.duration_s - reference.duration_s) > reference.step + ROUNDING:
        found.append(f"length: {info.duration_s:.3f} s, not {reference.duration_s:.3f} s")
    if row.good and info.truncated:
        found.append(f"truncated: {info.duration_s:.3f} s of {info.declared_s:.3f} s")
    return found


def of_samples(path: Path, reference: Shown, row: Row, samples: int, snap: float) -> list[str]:
    """Whether each sample is the frame on screen then, or a key frame less than `snap` away."""
    with ClipReader(path, sampled(samples, snap), threads=1) as clip:
        pictures = [np.mean(p, axis=2).astype(np.uint8) for _, p in clip.frames()]
        numbers = [number(picture) for picture in pictures]
        times = clip.plan.times_s
        reach = snap * clip.info.duration_s / samples + ROUNDING
        taken = [numbers[place] for place in clip.plan.scales[0]]
        wrong = [
            f"{time:.3f} s: {n}, not {sorted(expected)}"
            for time, n in zip(times, taken, strict=True)
            if n not in (expected := reference.between(time - reach, time + reach, row.slack))
        ]
        what = f"{samples} samples, snap {snap}"
        found = [f"{what}: {len(wrong)} differ ({'; '.join(wrong[:3])})"] if wrong else []
        if row.good and (clip.lost or clip.table.damaged):
            found.append(f"{what}: {clip.lost} lost, damaged: {clip.table.damaged}")
    return found
