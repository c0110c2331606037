"""Processes that heed Ctrl-C, even where the tests themselves run in the background."""

import signal
import subprocess
from typing import Any


def start(command: list[str], **options: Any) -> "subprocess.Popen[Any]":
    """Popen; a shell starts background jobs deaf to SIGINT, which their children would inherit."""

    def hear() -> None:
        signal.signal(signal.SIGINT, signal.SIG_DFL)

    return subprocess.Popen(command, preexec_fn=hear, **options)
