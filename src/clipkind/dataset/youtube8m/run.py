"""The walk down the lists of a plan: what is downloaded, kept, counted and left for later.

The folder is `label/subcategory/<YouTube id>.<ext>`, with `metadata.csv` (in which the group is
the channel) as `clipkind dataset scan` reads it, `metadata/<YouTube id>.json` and the journal.
"""

import csv
import importlib.util
import json
import os
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from clipkind.dataset.youtube8m.download import Limits, Outcome, download
from clipkind.dataset.youtube8m.index import (
    INDEX_URL,
    FetchError,
    Unavailable,
    category_ids,
    youtube_id,
)
from clipkind.dataset.youtube8m.journal import Journal, Record, Status
from clipkind.dataset.youtube8m.plan import PlanRow
from clipkind.errors import MissingDependency
from clipkind.files import replacing, sync_folder, write_file
from clipkind.text import printable

VIDEO_URL = "https://www.youtube.com/watch?v={id}"
PARTS = ".downloading"
"""Folder of what is not complete yet; emptied when a run starts."""
TRIED_AGAIN = frozenset(Status) - {Status.DOWNLOADED, Status.DUPLICATE}
"""What `retry` means."""
_TROUBLE = (Status.FAILED, Status.TIMEOUT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a plan is carried out."""

    index_url: str = INDEX_URL
    video_url: str = VIDEO_URL
    """With `{id}` where the YouTube id goes."""
    limits: Limits = field(default_factory=Limits)
    pause_s: float = 2.0
    """Between two downloads."""
    retry: bool = False
    """Try again what did not come in earlier runs, where a row needs it."""
    give_up: int = 10
    """Stop when so many in a row fail: then it is not the videos."""


@dataclass(slots=True)
class RowResult:
    """A row of the plan and what became of each of its ids."""

    row: PlanRow
    got: int = 0
    ids: int | None = None
    """How many the index lists; None where it was not read."""
    counts: Counter[Status] = field(default_factory=Counter)
    problem: str = ""

    @property
    def filled(self) -> bool:
        return self.got >= self.row.count

    @property
    def pending(self) -> int | None:
        """Ids of the list not tried yet: with the counts they add up to `ids`."""
        return None if self.ids is None else self.ids - self.counts.total()


@dataclass(slots=True)
class Summary:
    """What became of the plan."""

    rows: list[RowResult]
    stopped: str = ""
    """Why the run ended before the plan did."""


Progress = Callable[[Summary, RowResult, str, Record | None], None]
"""Called with a row and an id: with no record before it is tried, then with its record."""


def run_plan(
    plan: list[PlanRow], out: Path, settings: Settings, progress: Progress = lambda *_: None
) -> Summary:
    """Download what the plan asks for into `out`, going on where an earlier run stopped.

    Raises MissingDependency without yt-dlp, ClipkindError when another run has the folder,
    OSError when the disk fails.
    """
    if importlib.util.find_spec("yt_dlp") is None:
        raise MissingDependency("yt-dlp is not installed: pip install 'clipkind[youtube]'")
    out.mkdir(parents=True, exist_ok=True)
    with Journal(out) as journal:
        shutil.rmtree(out / PARTS, ignore_errors=True)
        (out / PARTS).mkdir()
        try:
            return _Run(plan, out, settings, journal, progress).walk()
        finally:
            shutil.rmtree(out / PARTS, ignore_errors=True)


class _Stop(Exception):
    """The run cannot usefully go on."""


class _Run:
    """One run over one folder."""

    def __init__(
        self,
        plan: list[PlanRow],
        out: Path,
        settings: Settings,
        journal: Journal,
        progress: Progress,
    ) -> None:
        self._out = out
        self._settings = settings
        self._journal = journal
        self._progress = progress
        self._tried: set[str] = set()
        """Short ids tried in this run: `retry` tries them once."""
        self._failures = 0
        """Failed downloads since the last that did not."""
        self._downloads = 0
        self._summary = Summary([RowResult(row, got=self._got(row)) for row in plan])

    def walk(self) -> Summary:
        self._write_table()
        try:
            for result in self._summary.rows:
                self._walk_row(result)
        except _Stop as stop:
            self._summary.stopped = str(stop)
        return self._summary

    def _got(self, row: PlanRow) -> int:
        return sum(r.status is Status.DOWNLOADED for r in self._journal.row(row).values())

    def _walk_row(self, result: RowResult) -> None:
        try:
            ids = category_ids(self._settings.index_url, result.row.category)
        except FetchError as error:
            result.problem = str(error)
            return
        records = self._journal.row(result.row)
        result.ids = len(ids)
        result.counts.update(records[id].status for id in ids if id in records)
        for id in ids:
            if result.filled:
                break
            before = self._journal.row(result.row).get(id)
            if before is None or (self._settings.retry and before.status in TRIED_AGAIN):
                self._progress(self._summary, result, id, None)
                record = self._attempt(result.row, id)
                self._journal.append(record)
                if before:
                    result.counts[before.status] -= 1
                result.counts[record.status] += 1
                self._after(result, record)

    def _after(self, result: RowResult, record: Record) -> None:
        if record.status is Status.DOWNLOADED:
            result.got += 1
            self._write_table()
        self._progress(self._summary, result, record.short_id, record)
        if self._failures >= self._settings.give_up:
            raise _Stop(
                f"{self._failures} ids in a row failed, the last with: {record.reason}; "
                "try later, with --retry-failed"
            )

    def _attempt(self, row: PlanRow, id: str) -> Record:
        """What becomes of an id: by what is known, or by trying."""
        record = Record(
            category=row.category,
            label=row.label,
            subcategory=row.subcategory,
            short_id=id,
            status=Status.FAILED,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        known = self._journal.known(id)
        if known and known.status is Status.DOWNLOADED:
            return _duplicate(record, known)
        if known and (id in self._tried or not self._settings.retry):
            return replace(
                record, status=known.status, reason=known.reason, youtube_id=known.youtube_id
            )
        self._tried.add(id)
        record = self._resolve(record)
        if record.status in _TROUBLE:
            self._failures += 1
        elif record.status is not Status.DUPLICATE:
            self._failures = 0
        return record

    def _resolve(self, record: Record) -> Record:
        try:
            video = youtube_id(self._settings.index_url, record.short_id)
        except Unavailable as error:
            return replace(record, status=Status.UNAVAILABLE, reason=str(error))
        except FetchError as error:
            return replace(record, reason=str(error))
        record = replace(record, youtube_id=video)
        owner = self._journal.video(video)
        if owner:
            return _duplicate(record, owner)
        return self._complete(record) or self._download(record)

    def _complete(self, record: Record) -> Record | None:
        """The record of a download that was complete when a kill came before its line."""
        folder = self._out / record.label / record.subcategory
        file = next(folder.glob(f"{record.youtube_id}.*"), None)
        about = self._out / "metadata" / f"{record.youtube_id}.json"
        if file is None or not about.exists():
            return None
        return self._downloaded(record, file, json.loads(about.read_bytes()))

    def _download(self, record: Record) -> Record:
        limits = self._settings.limits
        if shutil.disk_usage(self._out).free < limits.max_size:
            raise _Stop(
                f"{printable(str(self._out))}: less than {limits.max_size / 1e6:g} MB free, which "
                "one video may need; make room or lower --max-size"
            )
        if self._downloads:
            time.sleep(self._settings.pause_s)
        self._downloads += 1
        url = self._settings.video_url.replace("{id}", record.youtube_id)
        with tempfile.TemporaryDirectory(dir=(self._out / PARTS).absolute()) as folder:
            outcome = download(url, Path(folder), limits)
            if outcome.file is None or outcome.metadata is None:
                return replace(record, status=outcome.status, reason=outcome.reason)
            return self._keep(record, outcome, outcome.file)

    def _keep(self, record: Record, outcome: Outcome, file: Path) -> Record:
        """Move a complete download to its place; its line in the journal comes last."""
        about = {
            "id": record.youtube_id,
            "yt8m_id": record.short_id,
            "yt8m_category": record.category,
            "label": record.label,
            "subcategory": record.subcategory,
            "downloaded_at": record.at,
            **(outcome.metadata or {}),
        }
        target = self._out / record.label / record.subcategory / (record.youtube_id + file.suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        (self._out / "metadata").mkdir(exist_ok=True)
        told = json.dumps(about, indent=1) + "\n"
        write_file(self._out / "metadata" / f"{record.youtube_id}.json", told)
        with file.open("rb") as stream:
            os.fsync(stream.fileno())
        file.rename(target)
        sync_folder(target.parent)
        return self._downloaded(record, target, about)

    def _downloaded(self, record: Record, file: Path, about: dict[str, Any]) -> Record:
        group = about.get("channel_id") or about.get("uploader_id") or about.get("uploader")
        return replace(
            record,
            status=Status.DOWNLOADED,
            file=file.relative_to(self._out).as_posix(),
            group=printable(group or ""),
            title=printable(about.get("title") or ""),
        )

    def _write_table(self) -> None:
        """What `clipkind dataset scan` and Hugging Face's VideoFolder read."""
        with (
            replacing(self._out / "metadata.csv") as temporary,
            temporary.open("w", newline="", encoding="utf-8") as file,
        ):
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["file_name", "label", "subcategory", "group", "youtube_id", "title"])
            for r in self._journal.videos():
                writer.writerow([r.file, r.label, r.subcategory, r.group, r.youtube_id, r.title])


def _duplicate(record: Record, owner: Record) -> Record:
    return replace(
        record,
        status=Status.DUPLICATE,
        youtube_id=owner.youtube_id,
        duplicate_of=owner.file,
        reason=f"is {owner.label}/{owner.subcategory} already",
    )
