"""A web page with a video: yt-dlp finds it, kept to plain HTTP and to one video that has an end.

Runs in the fetching process with its guard set, so that whatever yt-dlp is led to is refused where
it is not public.
"""

from pathlib import Path
from typing import Any

from clipkind.web.links.fetch import SILENCE_S, Limits, Report, too_large
from clipkind.web.links.guard import Guard
from clipkind.web.links.refused import LinkReason, LinkRefused
from clipkind.web.names import shown_name

MAX_HEIGHT = 720
# pictures only, as files first, then in pieces that yt-dlp itself puts together
_OURS = (
    f"[height<=?{MAX_HEIGHT}][protocol~='^https?$']",
    f"[height<=?{MAX_HEIGHT}][protocol~='^(http_dash_segments|m3u8_native)$']",
)
FORMAT = "/".join(f"bv*{ours}/b{ours}" for ours in _OURS)
_RETRIES = 2
_LIVE = frozenset({"is_live", "is_upcoming", "post_live"})


def is_known_site(url: str) -> bool:
    """Whether yt-dlp knows the site by name, so that it may get through where a plain GET did not.

    Nothing is connected to.
    """
    try:
        from yt_dlp.extractor import gen_extractor_classes
    except ImportError:
        return False
    suitable = (each for each in gen_extractor_classes() if each.suitable(url))
    return any(each.ie_key() != "Generic" for each in suitable)


def fetch_page_video(url: str, file: Path, guard: Guard, limits: Limits, report: Report) -> str:
    """Fetch the video of a page into `file`, in an empty working folder. Returns its title.

    Raises LinkRefused.
    """
    try:
        import yt_dlp
    except ImportError:
        raise LinkRefused(
            LinkReason.PAGE,
            "the link leads to a web page, and this server fetches video files only: link to the "
            "file itself (for pages the operator installs clipkind[youtube])",
        ) from None
    try:
        with yt_dlp.YoutubeDL(_options(file, limits, report)) as downloader:
            info = downloader.extract_info(url) or {}
    except yt_dlp.utils.YoutubeDLError as error:
        raise guard.refused or _full(file, limits) or _refusal(error) from None
    if info.get("_type", "video") != "video":
        raise _several()
    if not file.is_file():
        raise guard.refused or too_large(limits.max_size)  # the one thing yt-dlp gives up quietly
    return shown_name(str(info.get("title") or "")) or "video"


def _options(file: Path, limits: Limits, report: Report) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "outtmpl": file.name,  # never by title, which may be anything
        "noplaylist": True,
        "playlist_items": "1",
        "extract_flat": "in_playlist",
        "match_filter": _one_finished_video,
        "max_filesize": limits.max_size,
        "progress_hooks": [_progress(limits, report)],
        "external_downloader": "native",
        "js_runtimes": {},
        "postprocessors": [],
        "fixup": "never",
        "proxy": "",
        "socket_timeout": SILENCE_S,
        "retries": _RETRIES,
        "fragment_retries": _RETRIES,
        "extractor_retries": _RETRIES,
        "skip_unavailable_fragments": False,
        "updatetime": False,
        "cachedir": False,
        "quiet": True,
        "noprogress": True,
        "color": "no_color",
        "logger": _Silent(),
    }


def _one_finished_video(info: dict[str, Any], *, incomplete: bool = False) -> None:
    if info.get("playlist_index") is not None:
        raise _several()
    if info.get("is_live") or info.get("live_status") in _LIVE:
        raise LinkRefused(
            LinkReason.UNSUPPORTED,
            "the link leads to a live stream, which has no end: link to a recording",
        )


def _several() -> LinkRefused:
    return LinkRefused(
        LinkReason.UNSUPPORTED, "the link leads to several videos: link to one of them"
    )


def _progress(limits: Limits, report: Report) -> Any:
    # yt-dlp's own max_filesize believes the server's word and knows nothing of pieces
    def check(progress: dict[str, Any]) -> None:
        limits.left_s()
        done = int(progress.get("downloaded_bytes") or 0)
        total = int(progress.get("total_bytes") or 0)
        limits.check_size(max(done, total))
        limits.check_speed(done)
        report(done, total)

    return check


class _Silent:
    """Takes yt-dlp's messages."""

    def debug(self, message: str) -> None: ...

    warning = error = info = debug


def _full(file: Path, limits: Limits) -> LinkRefused | None:
    """Whether the system kept a file from growing beyond its limit: yt-dlp writes much at once."""
    sizes = (part.stat().st_size for part in file.parent.iterdir())
    return too_large(limits.max_size) if max(sizes, default=0) >= limits.max_size else None


def _refusal(error: Exception) -> LinkRefused:
    from yt_dlp.utils import UnsupportedError

    from clipkind.dataset.youtube8m.worker import refusal

    causes = (error, getattr(error, "exc_info", (None, None))[1])
    if any(isinstance(cause, UnsupportedError) for cause in causes):
        return LinkRefused(
            LinkReason.PAGE,
            "the link leads to a web page on which no video is found: link to the file itself",
        )
    return LinkRefused(
        LinkReason.PAGE,
        f"no video could be had from that web page ({refusal(error).reason}): link to the file "
        "itself, or download the video and upload it",
    )
