"""The process that trains one member, started by `clipkind.training.pool`.

It tells its parent in JSON lines on stdout:
    {"kind": "start", "epochs": [...]}       an attempt begins, or goes on after these
    {"kind": "epoch", "result": {...}}       an epoch is over
    {"kind": "failure", "why": ...}          an attempt has failed, the next one begins
    {"kind": "error", "message": ...}        it cannot go on
and ends when stdin does, that is with its parent.
"""

import json
import os
import sys
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from clipkind.errors import ClipkindError
from clipkind.memory import shortage_told


def main() -> None:
    """Train the member that the arguments name."""
    folder, number, device, threads = sys.argv[1:]
    threading.Thread(target=_end_with_parent, daemon=True).start()
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever a library prints must not end up between the messages
    try:
        with shortage_told():
            _train(Path(folder), int(number), device, int(threads), out)
    except ClipkindError as error:
        _send(out, kind="error", message=str(error), exit_code=error.exit_code)
    except OSError as error:
        what = f"{error.filename or 'output'}: {error.strerror or error}"
        _send(out, kind="error", message=what, exit_code=2)


def _train(folder: Path, number: int, device: str, threads: int, out: TextIO) -> None:
    import torch

    from clipkind.training.history import EpochResult
    from clipkind.training.member import train_member
    from clipkind.training.prepare import load_prepared
    from clipkind.training.run import load_run
    from clipkind.training.watch import Watch

    torch.set_num_threads(threads)
    run = load_run(folder)

    def on_start(_member: str, epochs: tuple[EpochResult, ...]) -> None:
        _send(out, kind="start", epochs=[asdict(epoch) for epoch in epochs])

    def on_epoch(_member: str, result: EpochResult) -> None:
        _send(out, kind="epoch", result=asdict(result))

    def on_failure(_member: str, why: str) -> None:
        _send(out, kind="failure", why=why)

    watch = Watch(on_start=on_start, on_epoch=on_epoch, on_failure=on_failure)
    train_member(run, number, load_prepared(run.cache), device=device, watch=watch)


def _end_with_parent() -> None:
    # read, not sys.stdin.read: its lock would hold up the interpreter's end
    while os.read(0, 1024):
        pass
    os._exit(1)


def _send(out: TextIO, **message: Any) -> None:
    out.write(json.dumps(message) + "\n")
    out.flush()


if __name__ == "__main__":
    main()
