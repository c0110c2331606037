"""The downloading process: one request on stdin, one video by yt-dlp, one answer on stdout.

It ends when its time is up, and at once when its parent is gone (stdin closes): a download left
behind by a killed run would meet the next one's. The answer is a JSON line, either
    {"status": "downloaded", "file": name in the folder, "metadata": {...}}
or  {"status": ..., "reason": ...}
"""

import json
import os
import re
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from clipkind.dataset.listing import NOT_VIDEO
from clipkind.dataset.youtube8m.journal import Status
from clipkind.errors import VideoError
from clipkind.text import printable

START_S = 60.0
"""Seconds the process may take to start, on top of its time for the video."""
MAX_HEIGHT = 720
# pictures only: no sound is ever used, and without it nothing has to be merged
FORMAT = f"bv*[height<=?{MAX_HEIGHT}]/b[height<=?{MAX_HEIGHT}]"
SOCKET_TIMEOUT_S = 20
RETRIES = 3
FIELDS = (
    *("title", "channel", "channel_id", "uploader", "uploader_id", "upload_date", "license"),
    *("webpage_url", "duration", "format_id", "vcodec", "width", "height", "fps"),
)
"""What is kept of yt-dlp's description."""
# of videos only: an unavailable format or service is trouble, and may be that of every video
_GONE = re.compile(
    r"video (is )?(unavailable|not available)|private video|video is private|been removed|"
    r"been terminated|no longer available|does not exist|in your country|members.only|"
    r"confirm your age|age.restricted|drm protected",
    re.I,
)
_COME_BACK = re.compile(r"try again|rate.limit|not a bot", re.I)
_WRAPPING = re.compile(r"^ERROR: (\[[^\]]*\] )?|; please report this issue on.*", re.S)
_ENDING = re.compile(r"\.(?!ytdl)\w{1,16}", re.A)
MAX_REASON = 300


class Refused(Exception):
    """The video is not wanted, or not to be had; not a yt-dlp error, so that it passes it."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason


def main() -> None:
    """Serve the one request."""
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)  # whatever yt-dlp prints must not end up in the answer
    request = json.loads(sys.stdin.readline())
    signal.setitimer(signal.ITIMER_REAL, request["timeout_s"] + START_S)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    import yt_dlp  # noqa: F401 - its import is part of the start

    os.chdir(request["folder"])
    signal.setitimer(signal.ITIMER_REAL, request["timeout_s"])
    try:
        metadata = _download(request)
        file = _the_file()
        metadata |= _look(file, request["max_duration_s"])
        answer = {"status": Status.DOWNLOADED, "file": file.name, "metadata": metadata}
    except Refused as refused:
        answer = {"status": refused.status, "reason": refused.reason}
    out.write(json.dumps(answer) + "\n")
    out.flush()


def _end_with_parent() -> None:
    os.read(0, 1)
    os.killpg(os.getpgrp(), signal.SIGKILL)


def _download(request: dict[str, Any]) -> dict[str, Any]:
    """Let yt-dlp put one file into the working folder; what it says of it."""
    import yt_dlp

    log = _Log()
    options = {
        "format": FORMAT,
        "outtmpl": "video.%(ext)s",  # never by title, which may be anything
        "noplaylist": True,
        "allowed_extractors": ["youtube", "generic"],
        "match_filter": _filter(request["max_duration_s"]),
        "progress_hooks": [_size_cap(request["max_size"])],
        "socket_timeout": SOCKET_TIMEOUT_S,
        "retries": RETRIES,
        "fragment_retries": RETRIES,
        "extractor_retries": RETRIES,
        "skip_unavailable_fragments": False,
        "fixup": "never",
        "updatetime": False,
        "cachedir": False,
        "quiet": True,
        "noprogress": True,
        "color": "no_color",
        "logger": log,
    }
    try:
        with yt_dlp.YoutubeDL(options) as downloader:
            found = downloader.extract_info(request["url"])
            info = downloader.sanitize_info(found) or {}
    except yt_dlp.utils.YoutubeDLError as error:
        raise refusal(error) from None
    if info.get("_type", "video") != "video":
        raise Refused(Status.FAILED, "is a playlist")
    if not list(Path().iterdir()):
        raise Refused(Status.FAILED, f"nothing came ({_reason(log.last)})")
    return {name: info.get(name) for name in FIELDS}


def _filter(max_duration_s: float) -> Any:
    def check(info: dict[str, Any], *, incomplete: bool = False) -> None:
        duration = info.get("duration")
        if info.get("playlist_index") is not None:
            raise Refused(Status.FAILED, "is a playlist")
        if info.get("live_status") in ("is_live", "is_upcoming", "post_live"):
            raise Refused(Status.TOO_LONG, "is a live stream")
        if duration is not None:
            _check_duration(duration, max_duration_s)

    return check


def _check_duration(duration_s: float, max_duration_s: float) -> None:
    if duration_s > max_duration_s:
        raise Refused(Status.TOO_LONG, f"{duration_s:.0f} s, more than {max_duration_s:g}")


def _size_cap(max_size: int) -> Any:
    # yt-dlp's own max_filesize believes the server's word and knows nothing of fragments
    def check(progress: dict[str, Any]) -> None:
        size = max(progress.get("downloaded_bytes") or 0, progress.get("total_bytes") or 0)
        if size > max_size:
            raise Refused(Status.TOO_LARGE, f"{size / 1e6:.1f} MB, more than {max_size / 1e6:g}")

    return check


def _the_file() -> Path:
    files = list(Path().iterdir())
    file = files[0]
    if len(files) > 1 or file.suffix.lower() in NOT_VIDEO or not _ENDING.fullmatch(file.suffix):
        names = ", ".join(sorted(printable(each.name) for each in files))
        raise Refused(Status.FAILED, f"left {names} instead of one video")
    return file


def _look(file: Path, max_duration_s: float) -> dict[str, Any]:
    """What the file itself says; the server's word for it need not be true."""
    import av.logging

    from clipkind.memory import cap_address_space
    from clipkind.video.isolation import MEMORY_LIMIT
    from clipkind.video.probe import probe

    av.logging.set_libav_level(av.logging.PANIC)
    cap_address_space(MEMORY_LIMIT)
    try:
        info = probe(file)
    except VideoError as error:
        raise Refused(Status.FAILED, f"came as no video: {error}") from None
    _check_duration(info.duration_s, max_duration_s)
    if min(info.width, info.height) > MAX_HEIGHT:
        raise Refused(Status.FAILED, f"is only offered as {info.width}x{info.height}")
    size = {"width": info.width, "height": info.height, "bytes": file.stat().st_size}
    return {**size, "duration": round(info.duration_s, 3), "fps": round(info.fps, 3)}


class _Log:
    """Keeps yt-dlp's last word, for where it gives up without an error."""

    last = ""

    def debug(self, message: str) -> None:
        self.last = message

    warning = error = debug


def refusal(error: Exception) -> Refused:
    """What an error of yt-dlp means: a video that is gone for good, or trouble that may pass."""
    text = str(error)
    gone = any(getattr(cause, "status", 0) in (404, 410) for cause in _causes(error))
    gone = gone or bool(_GONE.search(text) and not _COME_BACK.search(text))
    return Refused(Status.UNAVAILABLE if gone else Status.FAILED, _reason(text))


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error of yt-dlp and what it wraps."""
    while error is not None:
        yield error
        wrapped = getattr(error, "exc_info", None)
        error = getattr(error, "cause", None) or (wrapped[1] if wrapped else None)


def _reason(text: str) -> str:
    return printable(_WRAPPING.sub("", text).strip())[:MAX_REASON]


if __name__ == "__main__":
    main()
