"""The decoding process: reads requests on stdin, writes pictures on stdout. See `isolation`.

Messages to the parent are a JSON line and, for pictures, the raw bytes it announces:
    {"kind": "ready"}                                   once, when the process has started
    {"kind": "start", "frames": K}                      the plan
    {"kind": "pictures", "positions": [...], "new": n}  n new pictures; a position is an index into
                                                        all pictures sent so far
    {"kind": "end", ...}                                description of the video, what was lost
    {"kind": "refused", "reason": ..., "message": ...}
"""

import json
import os
import sys
from dataclasses import asdict
from hashlib import blake2b
from typing import Any, BinaryIO

import av.logging

from clipkind.contract import Contract
from clipkind.errors import Reason, VideoError
from clipkind.memory import cap_address_space, limit_told
from clipkind.video.decode import ClipReader
from clipkind.video.isolation import working_folder

CHUNK = 8
"""Pictures per message: small enough to start embedding early, large enough to be cheap."""

THREADED = 4 << 30
"""Address space that a codec's threads may take; where the system gives less, there is one."""
TIGHT = 1 << 30
"""Address space that any video can be decoded in by one thread."""


def main() -> None:
    """Serve requests until stdin closes."""
    av.logging.set_libav_level(av.logging.PANIC)  # PyAV's own would take the GIL in decoder threads
    out = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)  # whatever a codec prints must not end up between the messages
    limit = int(sys.argv[1])
    most = limit_told(below=limit) or f"one video may take {limit / 1e6:.0f} MB"
    one_thread = bool(limit_told(below=THREADED))
    tight = limit_told(below=TIGHT)
    cap_address_space(limit)
    _send(out, {"kind": "ready"})
    for line in sys.stdin.buffer:
        request = json.loads(line)
        request["threads"] = 1 if one_thread else request["threads"]
        alarm(2 * request["timeout_s"])
        try:
            _serve(_place(request), request, out)
        except VideoError as error:
            message = str(error)
            if error.reason == Reason.UNDECODABLE and tight:  # a codec need not say that it is so
                message += f"; perhaps it needs more memory: {tight}"
            _send(out, {"kind": "refused", "reason": error.reason, "message": message})
        except MemoryError:
            message = f"needs more memory to decode than it may have: {most}"
            _send(out, {"kind": "refused", "reason": "too_large", "message": message})
        alarm(0)


def _place(request: dict[str, Any]) -> str:
    """The video's path from here: the folder where its name starts may have changed since this
    process started. Where it has not, the name stays: the folders above may be closed to us."""
    path, folder = (os.fsdecode(bytes.fromhex(request[name])) for name in ("path", "folder"))
    return path if folder == working_folder() else os.path.join(folder, path)  # noqa: PTH118


def alarm(seconds: float) -> None:
    """End this process after so long (0: never mind): the parent may have died with its clock."""
    if sys.platform != "win32":
        import signal

        signal.setitimer(signal.ITIMER_REAL, seconds)


def _serve(path: str, request: dict[str, Any], out: BinaryIO) -> None:
    contract = Contract.from_json(request["contract"])
    seen: dict[bytes, int] = {}
    with ClipReader(path, contract, threads=request["threads"], whole=request["whole"]) as clip:
        _send(out, {"kind": "start", "frames": len(clip.plan.targets)})
        positions: list[int] = []
        fresh: list[bytes] = []
        for _, picture in clip.frames():
            content = picture.tobytes()
            known = len(seen)
            index = seen.setdefault(blake2b(content, digest_size=16).digest(), known)
            positions.append(index)
            if index == known:
                fresh.append(content)
            if len(fresh) == CHUNK:
                _send_pictures(out, positions, fresh)
        _send_pictures(out, positions, fresh)
        end = {
            "kind": "end",
            "info": asdict(clip.info),
            "scales": [scale.tolist() for scale in clip.plan.scales],
            "times_s": clip.plan.times_s.tolist(),
            "distinct": clip.plan.distinct,
            "lost": clip.lost,
            "decoded": clip.decoded,
            "damaged": clip.table.damaged,
            "gone_s": clip.gone_s,
        }
        _send(out, end)


def _send_pictures(out: BinaryIO, positions: list[int], fresh: list[bytes]) -> None:
    _send(out, {"kind": "pictures", "positions": positions, "new": len(fresh)}, b"".join(fresh))
    positions.clear()
    fresh.clear()


def _send(out: BinaryIO, message: dict[str, Any], payload: bytes = b"") -> None:
    data = memoryview(json.dumps(message).encode() + b"\n" + payload)
    while data:
        data = data[out.write(data) :]


if __name__ == "__main__":
    main()
