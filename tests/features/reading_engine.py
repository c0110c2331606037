"""An engine whose features say which frames it was given."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from clipkind.contract import Contract
from clipkind.features.engines import Embeddings
from clipkind.features.multiscale import assemble
from clipkind.video.picture import Picture
from media import numbered_frames, read_number, write_video

READING = Contract(
    backbone="reading",
    weights_sha256="",
    feature_dim=1,
    num_frames=20,
    multi_scale="single",
    keyframe_snap=0.0,
    resize=74,
    crop=64,
)


class ReadingEngine:
    """Embeds a picture as the number drawn on it (see `media.numbered_frames`)."""

    name = "reading"

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        """The numbers in every batch."""

    def embed(self, pictures: Sequence[Picture]) -> Embeddings:
        numbers = [read_number(picture) for picture in pictures]
        self.batches.append(numbers)
        return np.array(numbers, dtype=np.float32)[:, None]


def numbered_video(path: Path, first: int, count: int) -> Path:
    """A video of `count` frames numbered from `first`."""
    options = {"preset": "ultrafast", "g": "12"}
    return write_video(path, numbered_frames(count, (160, 120), first), options=options)


def expected_features(first: int, count: int, contract: Contract = READING) -> Embeddings:
    """[T, 1]: the numbers on screen at the samples' times, joined as the contract says."""
    return assemble(
        contract,
        [
            np.array([[first + (2 * i + 1) * count // (2 * n)] for i in range(n)], dtype=np.float32)
            for n in contract.sample_lengths
        ],
    )
