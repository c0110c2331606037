"""PNGs and thumbnails: they are there, they show something, and odd names do no harm."""

from pathlib import Path

import numpy as np
import pytest
from evaluation_sample import evaluation, system
from PIL import Image

from clipkind.evaluation.report.pictures import write_pngs
from clipkind.evaluation.report.thumbnails import thumbnail, thumbnails
from media import numbered_frames, write_video

_ALL = {
    "systems",
    "confusion_matrix",
    "f1_per_class",
    "roc",
    "pr",
    "reliability",
    "learning_curve",
}


def test_every_plot_is_written_and_shows_something(tmp_path: Path) -> None:
    written = write_pngs(evaluation(), tmp_path / "png")
    assert {path.stem for path in written} == _ALL
    assert {path.name for path in (tmp_path / "png").iterdir()} == {p.name for p in written}
    for path in written:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
        assert pixels.shape[1] >= 480
        blue = (pixels[..., 2].astype(int) - pixels[..., 0] > 60).mean()
        assert blue > 0.0002, path.name  # the figures themselves, not only grey axes


def test_what_has_no_figures_has_no_picture(tmp_path: Path) -> None:
    sample = evaluation()
    sample["systems"] = [system("hard", 0.7, probabilities=False)]
    sample["learning_curve"] = []
    written = write_pngs(sample, tmp_path)
    assert {path.stem for path in written} == {"systems", "confusion_matrix", "f1_per_class"}
    sample["systems"] = []
    assert write_pngs(sample, tmp_path / "none") == []


def test_names_in_any_script_are_drawn(tmp_path: Path) -> None:
    sample = evaluation()
    sample["systems"][1]["name"] = (
        "動画\x1b $x_1$ \udce9"  # matplotlib would warn or read it as TeX
    )
    assert {path.stem for path in write_pngs(sample, tmp_path)} == _ALL


@pytest.mark.parametrize("name", ["clip.mp4", "caf\udce9 <b>.mp4"])
def test_a_thumbnail_is_a_jpeg_of_four_moments(tmp_path: Path, name: str) -> None:
    path = write_video(tmp_path / "v.mp4", numbered_frames(12)).rename(tmp_path / name)
    url = thumbnail(path)
    assert url
    assert url.startswith("data:image/jpeg;base64,/9j/")
    assert len(url) < 60_000


def test_a_video_that_cannot_be_read_has_none(tmp_path: Path) -> None:
    (tmp_path / "no.mp4").write_bytes(b"no video")
    good = write_video(tmp_path / "v.mp4", numbered_frames(3))
    assert thumbnail(tmp_path / "missing.mp4") is None
    assert set(thumbnails([str(tmp_path / "no.mp4"), str(good)])) == {str(good)}
