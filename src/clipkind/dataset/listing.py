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
    the latter. A path that does not exist, or a folder that cannot be read, comes out as it is, to
    be refused with a reason: what lies in such a folder must not go missing in silence.
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
        unreadable: list[str] = []

        def note(error: OSError) -> None:
            unreadable.append(error.filename or folder)

        for parent, folders, files in os.walk(folder, onerror=note):
            yield from unreadable
            unreadable.clear()
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if name.startswith("."):
                    continue
                if Path(name).suffix.lower() in NOT_VIDEO:
                    self.skipped += 1
                    continue
                yield os.path.join(parent, name)  # noqa: PTH118
        yield from unreadable
