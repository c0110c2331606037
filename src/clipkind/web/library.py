"""The videos of a data set that people may choose from: names and ids, never paths."""

from base64 import urlsafe_b64encode
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from clipkind.dataset.layouts import Listed, list_videos
from clipkind.text import composed, folded, printable

PAGE = 24
"""Videos a page shows unless told otherwise; full rows of two, three, four and six."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One video of the data set, as clients see it."""

    id: str
    """Opaque, the same as long as the video keeps its place in the data set; no path of a file."""
    name: str
    """The file's own name, printable."""
    label: str = ""
    """Its class as the data set says, printable; empty: not known."""

    def to_json(self) -> dict[str, str]:
        return {"id": self.id, "name": self.name, "label": self.label}


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the videos that were asked for."""

    videos: tuple[Video, ...]
    total: int
    """How many there are on all pages."""
    page: int
    """From 1."""
    pages: int
    """At least 1, be it empty."""


class Library:
    """The videos of a folder (`class/[subcategory/]video`) or manifest; with None, of nothing.

    They are listed once, when it is made: what is added later is seen after a restart. What an
    earlier scan refused is left out. Raises FileFormatError where `source` is neither a folder nor
    a manifest, or names the place where it is damaged.
    """

    def __init__(self, source: Path | None) -> None:
        listed = () if source is None else list_videos(source).videos
        self._paths: dict[str, Path] = {}
        self._found: dict[str, Video] = {}
        for video, path in _videos(listed):
            if video.id not in self._found:  # listed twice
                self._found[video.id], self._paths[video.id] = video, path
        self.videos: tuple[Video, ...] = tuple(self._found.values())
        """In the data set's order."""
        counts = Counter(video.label for video in self.videos if video.label)
        self.labels: dict[str, int] = dict(sorted(counts.items()))
        """How many videos each class has."""

    def get(self, video_id: str) -> Video | None:
        """The video with this id, if there is one."""
        return self._found.get(video_id)

    def path(self, video_id: str) -> Path | None:
        """Where the video lies; for this machine only, never for clients."""
        return self._paths.get(video_id)

    def find(
        self, text: str = "", label: str | None = None, page: int = 1, size: int = PAGE
    ) -> Page:
        """The videos with `text` in their name, whatever its case, and of class `label`.

        A page beyond the last is the last, one before the first the first.
        """
        wanted = folded(text.strip())
        found = [
            video
            for video in self.videos
            if (label is None or video.label == composed(label)) and wanted in folded(video.name)
        ]
        pages = max(1, -(-len(found) // size))
        page = min(max(page, 1), pages)
        return Page(tuple(found[(page - 1) * size : page * size]), len(found), page, pages)


def _videos(listed: Iterable[Listed]) -> Iterator[tuple[Video, Path]]:
    for one in listed:
        if not one.refused:
            path = Path(one.path)
            name, label = printable(path.name), printable(one.label)
            yield Video(id=_id(one.name), name=name, label=label), path


def _id(name: str) -> str:
    digest = blake2b(name.encode("utf-8", "surrogateescape"), digest_size=16).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
