"""A link whose video cannot be kept fails, and nothing else does."""

import errno
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from clipkind.web.jobs.failures import Failure
from clipkind.web.jobs.fetching import Fetcher
from clipkind.web.jobs.job import Job
from clipkind.web.links import LinkReason
from clipkind.web.settings import Settings
from media import numbered_frames, write_video
from web.inside import Inside, prepared
from web.site import Site, site_with
from web.small_disk import small_disk


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with site_with(write_video(tmp_path / "clip.mp4", numbered_frames(5))) as site:
        yield site


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """Without workers: tests fetch themselves."""
    inside = prepared(Settings(state=tmp_path / "state", allowed_addresses=("127.0.0.1/32",)))
    yield inside
    inside.store.close()


def claimed(inside: Inside, site: Site) -> Job:
    inside.send(source="link", url=site.url("/clip"))
    job = inside.store.claim("test", links=True)
    assert job is not None
    return job


def fetch(inside: Inside, job: Job) -> Job:
    Fetcher(inside.settings, inside.store, inside.spool).fetch(job)
    return inside.job(job.id)


@pytest.mark.parametrize("call", ["mkdir", "fsync"])
def test_a_full_disk_fails_the_one_link(
    inside: Inside, site: Site, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    job = claimed(inside, site)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        failed = fetch(inside, job)
    assert (failed.state, failed.reason, failed.kept) == ("failed", Failure.QUOTA_FULL, False)
    assert list(inside.spool.folder.iterdir()) == []
    after = fetch(inside, claimed(inside, site))
    assert (after.state, after.name) == ("queued", "my clip.mp4")


def test_a_disk_that_fills_while_a_link_is_fetched_fails_the_one_link(
    inside: Inside, site: Site
) -> None:
    """In the process that fetches, where nothing of ours can stand in: a real disk, of 4 kB."""
    site.clip += bytes(8000)
    job = claimed(inside, site)
    with small_disk(inside.spool.folder, "4k"):
        failed = fetch(inside, job)
        left = list(inside.spool.folder.iterdir())
    assert (failed.state, failed.reason) == ("failed", Failure.QUOTA_FULL)
    assert left == []


def test_a_folder_that_cannot_be_made_fails_the_one_link(inside: Inside, site: Site) -> None:
    job = claimed(inside, site)
    (inside.spool.folder / job.id).write_text("in the way")
    failed = fetch(inside, job)
    assert (failed.state, failed.reason) == ("failed", LinkReason.CRASHED)
    assert "\n" not in failed.message
    assert str(inside.settings.state) not in failed.message


def test_the_files_of_a_link_outlive_a_failure_that_could_not_be_stored(
    inside: Inside, site: Site
) -> None:
    """Its job is fetched again, and what is fetched then must not be taken for nobody's."""
    job = claimed(inside, site)
    with sqlite3.connect(inside.settings.database) as db:
        db.execute(
            "CREATE TRIGGER t BEFORE UPDATE OF state ON jobs WHEN NEW.state = 'failed' "
            "BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
    db.close()
    with pytest.raises(sqlite3.IntegrityError):
        fetch(inside, replace(job, url=f"http://[::1]:{site.server_port}/"))  # is refused
    assert inside.job(job.id).kept
    assert job.id in inside.store.known()


def test_a_link_that_was_cancelled_when_it_was_fetched_leaves_no_file(
    inside: Inside, site: Site
) -> None:
    """After its last look whether anybody wants it, that is."""
    job = claimed(inside, site)
    with sqlite3.connect(inside.settings.database) as db:
        db.execute(
            "CREATE TRIGGER t AFTER UPDATE OF step ON jobs WHEN NEW.step = 'fetching' "
            "BEGIN UPDATE jobs SET stop = 1 WHERE id = NEW.id; END"
        )
    db.close()
    cancelled = fetch(inside, job)
    assert (cancelled.state, cancelled.kept) == ("cancelled", False)
    assert list(inside.spool.folder.iterdir()) == []
