"""Time that is gone from the middle of a video, because the file's bytes there were lost."""

from contextlib import suppress

import av.error
import numpy as np
from av.container import InputContainer

from clipkind.video.packets import IntArray, Packets

_HOLE = 4096
"""Bytes between two packets of a stream, from which on it is asked whose they are."""
_STEPS = 3
"""Frame intervals between them, from which on time is missing."""


def holes(packets: Packets) -> IntArray:
    """Places of packets before which there is a gap in time and in the file, ascending."""
    if len(packets.pts) < 2:
        return np.empty(0, dtype=np.int64)
    gap, step = _gaps(packets)
    apart = packets.position[1:] - packets.position[:-1] - packets.size[:-1]
    return np.flatnonzero((gap > _STEPS * step) & (apart > _HOLE)) + 1


def seconds_gone(container: InputContainer, packets: Packets, places: IntArray) -> float:
    """Seconds without frames at those of the holes whose bytes belong to no stream's packet.

    Reads all packets of the container, which must be at its start, with no stream discarded.
    """
    starts = (packets.position + packets.size)[places - 1]
    ends = packets.position[places]
    known = np.zeros(len(places), dtype=np.int64)
    with suppress(av.error.FFmpegError, OSError):
        for packet in container.demux():
            if packet.pos is not None:
                known += packet.size * ((starts <= packet.pos) & (packet.pos < ends))
    gap, step = _gaps(packets)
    lost = known < (ends - starts) / 2
    return float((gap[places - 1] - step)[lost].sum() * packets.base)


def _gaps(packets: Packets) -> tuple[IntArray, int]:
    """Ticks between all frames of the packets up to each place and all after; the usual step."""
    times, _, _ = packets.clock()
    latest = np.maximum.accumulate(times)[:-1]
    following = np.minimum.accumulate(times[::-1])[::-1][1:]
    return following - latest, int(np.median(np.diff(np.sort(times))))
