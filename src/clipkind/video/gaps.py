"""Time that is gone from the middle of a video, because zeros stand where its packets were."""

from typing import BinaryIO

import numpy as np

from clipkind.video.packets import Packets

_HOLE = 4096
"""Bytes between two packets of a stream, from which on it is looked what they are."""
_LOOKED_AT = 1 << 20
"""Most bytes of a hole that are read."""
_STEPS = 3
"""Frame intervals between the packets' frames, from which on time is missing."""


def seconds_gone(file: BinaryIO, packets: Packets) -> float:
    """Seconds without frames where the file holds nothing but zeros.

    A pause, in which other streams go on or nothing is written at all, is none of them.
    """
    if len(packets.pts) < 2:
        return 0.0
    times, _, _ = packets.clock()
    latest = np.maximum.accumulate(times)[:-1]
    following = np.minimum.accumulate(times[::-1])[::-1][1:]
    step = int(np.median(np.diff(np.sort(times))))
    gap = following - latest
    start, end = (packets.position + packets.size)[:-1], packets.position[1:]
    known = (packets.position[:-1] >= 0) & (end >= 0)
    holes = np.flatnonzero(known & (gap > _STEPS * step) & (end - start > _HOLE))
    gone = [hole for hole in holes.tolist() if _zeros(file, int(start[hole]), int(end[hole]))]
    return float(sum(int(gap[hole]) - step for hole in gone) * packets.base)


def _zeros(file: BinaryIO, start: int, end: int) -> bool:
    """Whether one run of zeros fills at least half of what lies there: silence comes in blocks."""
    file.seek(start)
    content = file.read(min(end - start, _LOOKED_AT))
    return bytes(max(len(content) // 2, 1)) in content
