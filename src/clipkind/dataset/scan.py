"""A data set looked through: all of its files, and what is wrong with each."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from clipkind.checks import LONGEST_S, MOST_JOBS, require_number, require_whole
from clipkind.dataset.layouts import Listed, Listings, list_videos
from clipkind.dataset.listing import PassedOver
from clipkind.dataset.manifest import Entry
from clipkind.dataset.probing import Progress, Seen, look_at
from clipkind.dataset.taxonomy import Taxonomy, name_key
from clipkind.errors import ClipkindError, Reason, VideoError
from clipkind.text import printable

ID_DIGITS = 16
"""Hex digits of an id: 64 bits of the content's sha256."""
MIN_DURATION_S = 1.0
"""Videos shorter than this are refused, as the documented system drops them."""


@dataclass(frozen=True, slots=True)
class ScanResult:
    """Every file of a source, in its order, each `ok` or refused."""

    entries: tuple[Entry, ...]
    passed_over: PassedOver
    """What was left out in the folder; it is no entries."""
    label_conflicts: int
    """Duplicates whose label is not that of the file they are a copy of."""

    @property
    def ok(self) -> tuple[Entry, ...]:
        """The entries that can be used."""
        return tuple(entry for entry in self.entries if entry.status == "ok")

    @property
    def reasons(self) -> dict[str, int]:
        """How many entries were refused for each reason, the most frequent first."""
        return _reasons(self.entries)


def scan(
    source: Path,
    *,
    min_duration_s: float = MIN_DURATION_S,
    taxonomy: Taxonomy | None = None,
    jobs: int = 1,
    progress: Progress = lambda _done, _total: None,
) -> ScanResult:
    """List the videos of a folder or manifest, each `ok` or refused with the reason.

    Of files with the same bytes the first by path is kept. A file that is cut short is ok as far
    as it goes; its message says so. `jobs` files are read at a time, in processes of their own.
    Raises FileFormatError where `source` is neither folder nor manifest, ClipkindError where there
    are no videos, a class has none that can be used, two labels differ only in case, spaces or
    underscores, or `taxonomy` does not know a label; ValueError for jobs or seconds out of range.
    """
    require_whole("jobs", jobs, 1, MOST_JOBS)
    require_number("min_duration_s", min_duration_s, 0.0, LONGEST_S)
    shown = printable(str(source))
    found = list_videos(source)
    if taxonomy is not None:
        found = _placed(found, taxonomy)
    if not found.videos:
        raise ClipkindError(
            f"{shown}: lists no videos; give a folder that holds class folders, or a manifest"
        )
    _check_labels(found, shown)
    seen = look_at({video.path for video in found.videos}, jobs=jobs, progress=progress)
    entries = [_entry(video, seen[video.path], min_duration_s) for video in found.videos]
    originals = _originals(entries, seen)
    conflicts = 0
    for number, entry in enumerate(entries):
        original = originals.get(seen[entry.path].sha256, number)
        if entry.status == "ok" and original != number:
            entries[number] = _duplicate(entry, entries[original])
            conflicts += entry.label != entries[original].label
    _check_classes(found, entries, shown)
    return ScanResult(tuple(entries), found.passed_over, conflicts)


def _placed(found: Listings, taxonomy: Taxonomy) -> Listings:
    """`found` under the names of the taxonomy."""
    pairs = {(video.label, video.subcategory) for video in found.videos}
    places = taxonomy.place(pairs | {(name, "") for name in found.class_folders})
    videos = []
    for video in found.videos:
        label, subcategory = places[video.label, video.subcategory]
        videos.append(replace(video, label=label, subcategory=subcategory))
    folders = {places[name, ""][0] for name in found.class_folders}
    return replace(found, videos=tuple(videos), class_folders=tuple(sorted(folders)))


def _check_labels(found: Listings, shown: str) -> None:
    """Before hours of reading: the folders and labels must make sense."""
    spellings: dict[str, str] = {}
    labels = {video.label for video in found.videos}
    for label in sorted(labels | set(found.class_folders)):
        other = spellings.setdefault(name_key(label), label)
        if other != label:
            raise ClipkindError(
                f"{shown}: labels {printable(other)!r} and {printable(label)!r} differ only in "
                "case, spaces or underscores; rename one, or give --taxonomy"
            )
    empty = [name for name in found.class_folders if name not in labels]
    if empty:
        raise ClipkindError(
            f"{shown}: class folder {printable(empty[0])!r} holds no video; add some, or remove it"
        )


def _entry(video: Listed, seen: Seen, min_duration_s: float) -> Entry:
    """What is known of a video by itself, without the others."""
    entry = Entry(
        id=seen.sha256[:ID_DIGITS],
        path=video.path,
        label=video.label,
        subcategory=video.subcategory,
        group=video.group,
        split=video.split,
    )
    info = seen.found
    if isinstance(info, VideoError):
        return _refused(entry, info.reason, str(info))
    entry = replace(
        entry,
        duration_s=round(info.duration_s, 3),
        fps=round(info.fps, 3),
        width=info.width,
        height=info.height,
        message=seen.note,
    )
    if info.num_frames < 2 and min_duration_s > 0:
        return _refused(entry, Reason.TOO_SHORT, "is a single picture")
    if entry.duration_s < min_duration_s:
        message = f"lasts {entry.duration_s:g} s; {min_duration_s:g} s are asked for"
        return _refused(entry, Reason.TOO_SHORT, message)
    return entry


def _originals(entries: Iterable[Entry], seen: dict[str, Seen]) -> dict[str, int]:
    """For each content the number of the entry to keep: the first by path."""
    numbered = sorted(enumerate(entries), key=lambda pair: (pair[1].path, pair[0]))
    originals: dict[str, int] = {}
    for number, entry in numbered:
        originals.setdefault(seen[entry.path].sha256, number)
    return originals


def _duplicate(entry: Entry, original: Entry) -> Entry:
    message = f"has the same content as {original.path}"
    if entry.path == original.path:
        message = f"is listed twice: {original.path}"
    if entry.label != original.label:
        kept = f"labelled {original.label!r}" if original.label else "without a label"
        message += f", which is kept, {kept}: one of the labels is wrong"
    return _refused(entry, Reason.DUPLICATE, message)


def _refused(entry: Entry, reason: Reason, message: str) -> Entry:
    return replace(entry, status="refused", reason=reason.value, message=printable(message))


def _check_classes(found: Listings, entries: list[Entry], shown: str) -> None:
    """A model that silently lacks a class is worse than none."""
    usable = {entry.label for entry in entries if entry.status == "ok"}
    if usable:
        usable.add("")  # what lies beside the class folders makes no class
    for label in sorted({video.label for video in found.videos} - usable):
        files = [entry for entry in entries if entry.label == label]
        why = ", ".join(f"{count} {reason}" for reason, count in _reasons(files).items())
        what = f"class {printable(label)!r}" if label else "the folder"
        raise ClipkindError(
            f"{shown}: {what} has no video that can be used ({len(files)} files: {why}), such as "
            f"{printable(files[0].path)}, which {files[0].message}; add videos or remove it"
        )


def _reasons(entries: Iterable[Entry]) -> dict[str, int]:
    return dict(Counter(e.reason for e in entries if e.reason).most_common())
