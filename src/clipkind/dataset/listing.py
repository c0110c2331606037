"""Which files a person means: names, folders walked, lists on standard input."""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

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


@dataclass(slots=True)
class Listing:
    """Iterates over the files meant by `paths`: a folder means every file below it, sorted.

    Hidden files and those that are no videos by name are passed over in folders; `skipped` counts
    the latter. A link to a folder elsewhere is followed, once; what it leads to within a folder
    walked is found there. A path that does not exist, or a folder that cannot be read, comes out as
    it is, to be refused with a reason: what lies in such a folder must not go missing in silence.
    """

    paths: Iterable[str]
    skipped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[str]:
        for path in self.paths:
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
                if entry.name.startswith("."):
                    continue
                if _is_folder(entry):
                    if not entry.is_symlink() or _leads_out(entry.path, followed):
                        folders.append(entry.path)
                elif Path(entry.name).suffix.lower() in NOT_VIDEO:
                    self.skipped += 1
                else:
                    yield entry.path
            rest += reversed(folders)


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
