"""Strips of small pictures of videos, as JPEG, for pages that people look at."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
from av.video.frame import VideoFrame

from clipkind.contract import Contract
from clipkind.errors import VideoError
from clipkind.features.feed import IDLE, Feed
from clipkind.video.isolation import TIMEOUT_S, DecodeWorker, End, Pictures
from clipkind.video.jpeg import jpeg
from clipkind.video.picture import Picture
from clipkind.video.probe import VideoInfo

HEIGHT = 76
"""Pixels."""
WIDEST = 136
NARROWEST = 36
MOMENTS = 4


def strips(
    paths: Iterable[str], contract: Contract, *, jobs: int = 1, timeout_s: float = TIMEOUT_S
) -> dict[str, bytes]:
    """For each video that can be read, a JPEG of MOMENTS pictures side by side, in order of time.

    Of `contract` only the size of its pictures is used.
    """
    view = replace(
        contract, num_frames=MOMENTS, window=(0.0, 1.0), multi_scale="single", keyframe_snap=0.5
    )
    workers = [DecodeWorker(threads=1, timeout_s=timeout_s, whole=True) for _ in range(jobs)]
    pictures: dict[int, list[Picture]] = {}
    positions: dict[int, list[int]] = {}
    found: dict[str, bytes] = {}
    try:
        with Feed(paths, workers, view) as feed:
            while item := feed.next(idle=False, eager=False):
                if item is IDLE:
                    continue
                message = item.message
                if isinstance(message, Pictures):
                    pictures.setdefault(item.number, []).extend(message.new)
                    positions.setdefault(item.number, []).extend(message.positions)
                elif isinstance(message, End | VideoError):
                    feed.release()
                    distinct = pictures.pop(item.number, [])
                    shown = positions.pop(item.number, [])
                    if isinstance(message, End):
                        all_shown = [distinct[shown[i]] for i in message.scales[0]]
                        found[item.path] = _strip(all_shown, _shape(message.info))
    finally:
        for worker in workers:
            worker.close()
    return found


def _shape(info: VideoInfo) -> float:
    """Width over height as shown."""
    shape = info.width * info.sample_aspect / info.height
    return 1 / shape if info.rotation in (90, 270) else shape


def _strip(pictures: Sequence[Picture], shape: float) -> bytes:
    width = min(max(round(HEIGHT * shape), NARROWEST), WIDEST)
    scaled = [
        VideoFrame.from_ndarray(picture, format="rgb24")
        .reformat(width, HEIGHT, interpolation="AREA")
        .to_ndarray()
        for picture in pictures
    ]
    return jpeg(np.concatenate(scaled, axis=1))
