"""From a manifest's videos to links, report and page: every file read, every finding kept."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from clipkind.checks import MOST_JOBS, require_whole
from clipkind.contract import Contract
from clipkind.dataset.check.fingerprint import FingerprintStore, fingerprint_many, fingerprints_file
from clipkind.dataset.check.matching import find_links
from clipkind.dataset.check.page import families, page, shown_families
from clipkind.dataset.check.report import CheckReport, check
from clipkind.dataset.check.thumbnails import strips
from clipkind.dataset.links import links_file, write_links
from clipkind.dataset.manifest import Entry
from clipkind.errors import ClipkindError
from clipkind.features.engines import Engine
from clipkind.features.pipeline import Refusal
from clipkind.files import write_file
from clipkind.text import printable
from clipkind.video.isolation import TIMEOUT_S

Stage = Callable[[str, int, int], None]
"""Called with what is being done (`fingerprints`, `pairs`), how much of it is done, and of what."""


@dataclass(frozen=True, slots=True)
class CheckRun:
    """What a run found and where it lies."""

    report: CheckReport
    refusals: tuple[Refusal, ...]
    """Videos that are ok by the manifest and could not be read now."""
    links: Path
    page: Path


def page_file(manifest: Path) -> Path:
    """Where the page of a manifest goes by default."""
    return manifest.with_suffix(".check.html")


def run_check(
    manifest: Path,
    entries: Sequence[Entry],
    engine: Engine,
    contract: Contract,
    *,
    html: Path | None = None,
    jobs: int = 1,
    timeout_s: float = TIMEOUT_S,
    stage: Stage = lambda _what, _done, _total: None,
) -> CheckRun:
    """Find the near-duplicates of a manifest's ok videos and judge the data set.

    Writes the links, the fingerprints (a later run reads new and changed videos only) and the page,
    beside the manifest, which stays as it is. `engine` runs the backbone of `contract`.
    Raises ClipkindError where no entry is ok, OSError where a file cannot be written, ValueError
    for jobs or seconds out of range.
    """
    require_whole("jobs", jobs, 1, MOST_JOBS)
    videos = {entry.id: entry.path for entry in entries if entry.status == "ok"}
    if not videos:
        raise ClipkindError(
            f"{printable(str(manifest))}: lists no video that can be used; scan the folder again"
        )
    done = 0

    def count(_refusal: Refusal | None) -> None:
        nonlocal done
        done += 1
        stage("fingerprints", done, len(videos))

    with FingerprintStore(fingerprints_file(manifest), contract) as store:
        refusals = fingerprint_many(
            videos, store, engine, contract, jobs=jobs, timeout_s=timeout_s, progress=count
        )
        unread = {refusal.path for refusal in refusals}
        readable = [id for id, path in videos.items() if path not in unread]
        links = find_links(
            store, readable, progress=lambda pair, total: stage("pairs", pair, total)
        )
    write_links(links_file(manifest), links, compared=readable)
    report = check(entries, links, unread=len(unread))
    target = html or page_file(manifest)
    _, pictured = shown_families(families(entries, report.links))
    pictures = strips(
        dict.fromkeys(entry.path for entry in pictured), contract, jobs=jobs, timeout_s=timeout_s
    )
    write_file(target, page(report, entries, pictures, title=manifest.name))
    return CheckRun(report, tuple(refusals), links_file(manifest), target)
