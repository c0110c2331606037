"""The documented way from a file to an answer, for comparison.

As the documented system is described: 64 frames evenly over the video; for each of the three
temporal scales a pass of its own over 64, 54 and 73 of them; one seek for every wanted frame;
shorter side to 294 and centre crop of 256 with PIL; the CNN in torch, float32, NCHW, batches of 24;
three zero-padded lists averaged to 73 rows; one video at a time. Backbone, its normalisation and
heads are those of the bundle, so that only the way differs.

Where the description leaves room, the cheaper reading is taken: a seek goes to the last key frame
before the wanted one (OpenCV's starts 16 frames earlier), the decoder uses every core.
"""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipkind.features.backbones import load_backbone
from clipkind.features.multiscale import documented_index_lists
from clipkind.model.bundle import Bundle
from clipkind.model.heads import TemporalConfig, build_head
from clipkind.model.temporal_head import TemporalHead

FRAMES, SCALES = 64, (1.0, 0.85, 1.15)
RESIZE, CROP, BATCH = 294, 256, 24


@dataclass(frozen=True, slots=True)
class Answer:
    """One video's probabilities and what they took."""

    probabilities: list[float]
    stages: dict[str, float]
    """Seconds by stage: `decode_1` to `decode_3` by pass (seeks and decoding), `prepare`, `embed`,
    `heads`."""
    decoded: int
    """Frames that came out of the decoder, over all passes."""


class DocumentedWay:
    """Loads the networks once; `classify` then answers file by file."""

    def __init__(self, bundle: Bundle) -> None:
        backbone = load_backbone(bundle.contract.backbone)
        if backbone.weights_sha256 != bundle.contract.weights_sha256:
            raise SystemExit("the bundle was made with other weights than this backbone's")
        self._backbone = backbone.module
        self._mean = torch.tensor(backbone.preprocessing.mean).view(3, 1, 1)
        self._std = torch.tensor(backbone.preprocessing.std).view(3, 1, 1)
        self._heads = [_head(bundle, number) for number in range(len(bundle.members))]
        self._stages: dict[str, float] = defaultdict(float)
        self._decoded = 0

    def classify(self, path: Path) -> Answer:
        """Probabilities [C] of one video."""
        self._stages, self._decoded = defaultdict(float), 0
        per_scale = []
        for number, indices in enumerate(documented_index_lists(FRAMES, SCALES), start=1):
            frames = self._read(path, indices.tolist(), f"decode_{number}")
            per_scale.append(self._embed(frames))
        started = time.perf_counter()
        rows = max(len(features) for features in per_scale)
        padded = [torch.nn.functional.pad(f, (0, 0, 0, rows - len(f))) for f in per_scale]
        sequence = torch.stack(padded).mean(dim=0)
        with torch.inference_mode():
            votes = torch.cat([head(sequence[None]).softmax(dim=1) for head in self._heads])
        self._add("heads", started)
        return Answer(votes.mean(dim=0).tolist(), dict(self._stages), self._decoded)

    def _read(self, path: Path, indices: Sequence[int], stage: str) -> Tensor:
        """Those of the 64 frames, one seek each: [L, 3, 256, 256] float32."""
        tensors = []
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            wanted = wanted_frames(stream.frames)
            for index in indices:
                started = time.perf_counter()
                image = self._seek(container, stream, wanted[index])
                self._add(stage, started)
                started = time.perf_counter()
                tensors.append(self._prepare(image))
                self._add("prepare", started)
        return torch.stack(tensors)

    def _seek(self, container: Any, stream: Any, number: int) -> Image.Image:
        """Frame `number`, decoded from the key frame before it."""
        pts = (stream.start_time or 0) + round(number / stream.average_rate / stream.time_base)
        container.seek(pts, stream=stream, backward=True)
        for frame in container.decode(stream):
            self._decoded += 1
            if frame.pts >= pts:
                return Image.fromarray(frame.to_ndarray(format="rgb24"))
        raise SystemExit(f"frame {number} could not be read")

    def _prepare(self, image: Image.Image) -> Tensor:
        ratio = RESIZE / min(image.size)
        size = (round(image.width * ratio), round(image.height * ratio))
        left, top = (size[0] - CROP) // 2, (size[1] - CROP) // 2
        resized = image.resize(size, Image.Resampling.BILINEAR)
        cropped = resized.crop((left, top, left + CROP, top + CROP))
        pixels = torch.from_numpy(np.array(cropped)).permute(2, 0, 1).contiguous()
        return (pixels.float() / 255 - self._mean) / self._std

    def _embed(self, frames: Tensor) -> Tensor:
        started = time.perf_counter()
        with torch.inference_mode():
            batches = torch.split(frames, BATCH)
            features = torch.cat([self._backbone(batch) for batch in batches])
        self._add("embed", started)
        return features

    def _add(self, stage: str, started: float) -> None:
        self._stages[stage] += time.perf_counter() - started


def wanted_frames(total: int) -> list[int]:
    """Numbers of the 64 frames: floor(i * N / 64)."""
    return [i * total // FRAMES for i in range(FRAMES)]


def _head(bundle: Bundle, number: int) -> TemporalHead:
    from safetensors.torch import load_file

    member = bundle.members[number]
    head = build_head(TemporalConfig.from_json(member.config))
    state = {k: v.float() for k, v in load_file(bundle.path / member.weights).items()}
    head.load_state_dict(state)
    return head.eval().requires_grad_(False)
