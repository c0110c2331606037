"""How many frames are decoded, against how many no reader of these frames could do without.

The unavoidable number is found here from the packets alone, with none of clipkind's own planning:
for every wanted frame, the packets from the key frame before it up to its own in the file, less
those of other frames that H.264 marks as used by no frame (nal_ref_idc 0). Also counted with them,
for a decoder that cannot leave them out.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av

from clipkind.contract import Contract
from clipkind.video.decode import ClipReader
from documented_way import wanted_frames

_SLICES = (1, 5)
"""NAL unit types of coded pictures: of other pictures, of key pictures."""


@dataclass(frozen=True, slots=True)
class _Packet:
    place: int
    pts: int
    is_key: bool
    is_reference: bool


def decode_waste(path: Path, contracts: Iterable[Contract], documented: int) -> dict[str, Any]:
    """Counts for each contract's mode, and for the documented way, which decoded `documented`."""
    packets = _packets(path)
    found: dict[str, Any] = {}
    for contract in contracts:
        with ClipReader(path, contract) as clip:
            wanted = {int(pts) for pts in clip.plan.targets}
            pictures = {picture.tobytes() for _, picture in clip.frames()}
            counts = _counts(packets, wanted, clip.decoded)
        found[contract.multi_scale] = counts | {"distinct_pictures": len(pictures)}
    in_order = sorted(packet.pts for packet in packets)
    wanted = {in_order[number] for number in wanted_frames(len(packets))}
    found["documented"] = _counts(packets, wanted, documented)
    return found


def _counts(packets: list[_Packet], wanted: set[int], decoded: int) -> dict[str, Any]:
    every, needed = unavoidable(packets, wanted)
    return {
        "frames": len(packets),
        "wanted": len(wanted),
        "decoded": decoded,
        "unavoidable": needed,
        "unavoidable_with_disposable": every,
        "decoded_over_unavoidable": round(decoded / needed, 4),
        "decoded_over_unavoidable_with_disposable": round(decoded / every, 4),
    }


def unavoidable(packets: list[_Packet], wanted: set[int]) -> tuple[int, int]:
    """Packets that must be decoded for the frames at these times: with disposable ones, without."""
    keys = [packet for packet in packets if packet.is_key]
    needed: set[int] = set()
    for packet in packets:
        if packet.pts in wanted:
            key = max((k for k in keys if k.pts <= packet.pts), key=lambda k: k.pts)
            needed.update(range(key.place, packet.place + 1))
    strict = [n for n in needed if packets[n].is_reference or packets[n].pts in wanted]
    return len(needed), len(strict)


def _packets(path: Path) -> list[_Packet]:
    found: list[_Packet] = []
    with av.open(str(path)) as container:
        for packet in container.demux(container.streams.video[0]):
            if packet.size and packet.pts is not None:
                reference = _is_reference(bytes(packet))
                found.append(_Packet(len(found), packet.pts, packet.is_keyframe, reference))
    return found


def _is_reference(data: bytes) -> bool:
    """Whether the picture in an mp4 packet (NAL units behind four bytes of length) is one."""
    place = 0
    while place < len(data):
        length = int.from_bytes(data[place : place + 4])
        header = data[place + 4]
        if header & 31 in _SLICES:
            return bool(header >> 5 & 3)
        place += 4 + length
    raise ValueError("a packet without a picture")
