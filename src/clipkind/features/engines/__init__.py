"""Engines run a backbone on pictures: OpenVINO on CPUs, torch on GPUs (and anywhere else)."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from clipkind.video.picture import Picture

Embeddings = npt.NDArray[np.float32]
"""Feature vectors, shape [B, D]."""


class Engine(Protocol):
    """What extraction and inference need of an engine."""

    name: str
    """For people: engine, precision and device."""

    def embed(self, pictures: Sequence[Picture]) -> Embeddings:
        """[B, D] float32 features of B pictures, each [crop, crop, 3] uint8 RGB."""
        ...
