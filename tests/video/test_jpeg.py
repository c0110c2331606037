"""Pictures as JPEG files: each a file of its own that shows what it should."""

import io

import av
import numpy as np
import pytest

from clipkind.video.jpeg import jpeg, jpegs
from clipkind.video.picture import Picture
from media import card, numbered_frames, patches, read_number


def decoded(file: bytes) -> Picture:
    with av.open(io.BytesIO(file), format="mjpeg") as container:
        (frame,) = container.decode(video=0)
        return frame.to_ndarray(format="rgb24")


def test_colours_come_back() -> None:
    picture = decoded(jpeg(card((256, 256))))
    for patch in patches():
        found = picture[round(patch.y * 256), round(patch.x * 256)].astype(int)
        assert np.abs(found - patch.rgb).max() <= 8


def test_each_picture_of_many_is_in_its_own_file() -> None:
    sizes = [(320, 240), (64, 64), (1001, 333)]
    pictures = [next(numbered_frames(1, size, k)) for k, size in enumerate(sizes)] * 30
    files = list(jpegs(pictures, width=160, height=120))
    assert len(files) == len(pictures)
    for k, file in enumerate(files):
        assert file.startswith(b"\xff\xd8\xff")
        assert file.endswith(b"\xff\xd9")
        picture = decoded(file)
        assert picture.shape == (120, 160, 3)
        assert read_number(picture) == k % 3


def test_a_file_comes_as_soon_as_its_picture() -> None:
    given = numbered_frames(3)
    files = jpegs(given, width=160, height=160)
    assert read_number(decoded(next(files))) == 0
    assert read_number(next(given)) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (159, 7)])
def test_odd_sizes_are_kept(size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), 120, dtype=np.uint8)
    assert decoded(jpeg(picture)).shape == picture.shape
