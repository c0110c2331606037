"""Which files a person means: names, folders walked, lists on standard input."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unicodedata import normalize

NOT_VIDEO = frozenset(
    f".{ending}"
    for endings in (
        "7z avif bmp css csv db doc docx flac gz h5 hdf5 heic htm html ini jpeg jpg js journal",
        "json jsonl lock log m3u m3u8 m4a md mp3 nfo npy npz onnx parquet part pdf png pt pth py",
        "rar safetensors sh srt sub svg tar tif tiff tmp toml tsv txt vtt wav webp xml yaml yml",
        "zip",
    )
    for ending in endings.split()
)
"""Endings skipped while walking a folder. A file named by itself is always tried."""
_LITTER = frozenset(
    (
        *("@eadir", "@recycle", "#recycle", "#snapshot"),  # network drives
        *("$recycle.bin", "recycler", "system volume information", "found.000"),  # Windows
        *("__macosx", "network trash folder", "temporary items", "icon\r"),  # macOS
        *("lost+found", "__pycache__"),
    )
)
"""What systems and tools leave in people's folders, besides hidden files and folders."""


def is_litter(name: str) -> bool:
    """Whether a file or folder of this name is hidden, or one that a system keeps for itself."""
    return name.startswith(".") or name.lower() in _LITTER


def existing(path: str) -> str:
    """`path`, or where nothing lies there, the path of what does under a name that looks the same.

    macOS decomposes accents (NFD) in names that other systems, and lists, keep composed (NFC).
    """
    if path.isascii() or os.path.lexists(path):
        return path
    found = [""]  # several where folders stand side by side whose names look the same
    for part in path.split("/"):
        forms = dict.fromkeys((part, *(normalize(form, part) for form in ("NFC", "NFD"))))
        found = [f"{above}{form}/" for above in found for form in forms]
        found = [place for place in found if os.path.lexists(place.rstrip("/") or "/")]
    return found[0].rstrip("/") if found else path


@dataclass(frozen=True, slots=True)
class PassedOver:
    """What a walk through folders has left out, by why."""

    by_name: int = 0
    """Files that are no videos by name."""
    litter: int = 0
    """Files and folders that are hidden or of a system; what such a folder holds is not counted."""

    def __str__(self) -> str:
        """A line for people; empty where nothing was passed over."""
        parts = []
        if self.by_name:
            parts.append(f"{self.by_name} no videos by name")
        if self.litter:
            parts.append(f"{self.litter} hidden or of the system")
        return f"passed over in the folders: {', '.join(parts)}" if parts else ""


@dataclass(slots=True)
class Listing:
    """Iterates over the files meant by `paths`: a folder means every file below it, sorted.

    In folders, `is_litter` and files that are no videos by name are left out; `passed_over` counts
    them. A link to a folder elsewhere is followed, once; what it leads to within a folder
    walked is found there. A path that does not exist (see `existing`), or a folder that cannot be
    read, comes out as it is, to be refused with a reason: what lies in such a folder must not go
    missing in silence.
    """

    paths: Iterable[str]
    passed_over: PassedOver = field(default_factory=PassedOver, init=False)

    def __iter__(self) -> Iterator[str]:
        for path in map(existing, self.paths):
            if os.path.isdir(path):  # noqa: PTH112 - names may hold bytes that are not UTF-8
                yield from self._walk(path)
            else:
                yield path

    def _walk(self, folder: str) -> Iterator[str]:
        # not os.walk: before Python 3.12 it calls itself, and a thousand folders deep is too deep
        followed = [os.path.realpath(folder)]
        rest = [folder]
        while rest:
            parent = rest.pop()
            try:
                with os.scandir(parent) as found:
                    entries = sorted(found, key=lambda entry: entry.name)
            except OSError:
                yield parent
                continue
            folders = []
            for entry in entries:
                if is_litter(entry.name):
                    self._pass_over(litter=1)
                elif _is_folder(entry):
                    if not entry.is_symlink() or _leads_out(entry.path, followed):
                        folders.append(entry.path)
                elif Path(entry.name).suffix.lower() in NOT_VIDEO:
                    self._pass_over(by_name=1)
                else:
                    yield entry.path
            rest += reversed(folders)

    def _pass_over(self, by_name: int = 0, litter: int = 0) -> None:
        before = self.passed_over
        self.passed_over = PassedOver(before.by_name + by_name, before.litter + litter)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: it comes out as a file, to be refused
        return False


def _leads_out(link: str, followed: list[str]) -> bool:
    """Whether a link leads to what is not walked: not in `followed`, nor around the first of it."""
    target = os.path.realpath(link)
    if _is_within(followed[0], target) or any(_is_within(target, other) for other in followed):
        return False
    followed.append(target)
    return True


def _is_within(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder
