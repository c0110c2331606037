"""The job store: what was accepted stays, each job goes to one worker, lists are what was asked."""

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from clipkind.web.jobs.database import VERSION
from clipkind.web.jobs.failures import Failure, QueueFull, StorageError
from clipkind.web.jobs.job import NewJob
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import DEATHS, STARTS, JobStore
from web.jobs import add, new_job


def test_a_job_is_stored_as_it_was_asked_for(store: JobStore, path: Path) -> None:
    new = new_job(
        source="link", name="ü <b>\x1b", tta=True, risk=0.05, url="https://example.org/ü",
        video_id="v", truth="Gaming", client="::1",
    )  # fmt: skip
    began = time.time()
    job = store.add(new, limit=1)
    again = JobStore(path)
    assert again.get(new.id) == job
    again.close()
    for name in NewJob.__dataclass_fields__:
        assert getattr(job, name) == getattr(new, name)
    assert (job.state, job.step, job.over, job.kept) == ("queued", "waiting", False, True)
    assert began - 1 <= job.created_at <= time.time() + 1
    assert store.get(Spool.new_id()) is None


def test_a_job_comes_to_its_answer(store: JobStore) -> None:
    job = add(store)
    claimed = store.claim("w")
    assert claimed is not None
    assert (claimed.id, claimed.state, claimed.attempts) == (job.id, "running", 1)
    assert store.progress(job.id, "decoding", 3, 64)
    shown = store.get(job.id)
    assert shown is not None
    assert (shown.step, shown.done, shown.total) == ("decoding", 3, 64)
    store.finish(job.id, {"label": "Gaming", "attention": [0.5, 0.5]})
    done = store.get(job.id)
    assert done is not None
    assert (done.state, done.step, done.over) == ("done", "finished", True)
    assert done.result == {"label": "Gaming", "attention": [0.5, 0.5]}
    assert done.started_at is not None
    assert done.finished_at is not None
    assert store.seconds_per_job() == pytest.approx(done.finished_at - done.started_at)
    store.fail(job.id, "late", "too late")
    assert store.cancel(job.id) == done
    assert not store.progress(job.id, "decoding", 4, 64)
    assert store.get(job.id) == done


def test_the_queue_is_bounded_and_has_room_again(store: JobStore) -> None:
    for _ in range(3):
        store.add(new_job(), limit=3)
    with pytest.raises(QueueFull, match="3 videos are waiting"):
        store.add(new_job(), limit=3)
    assert store.claim("w") is not None
    store.add(new_job(), limit=3)


def test_places_count_those_before(store: JobStore) -> None:
    ids = [add(store).id for _ in range(5)]
    assert store.places(reversed(ids)) == {id: k + 1 for k, id in enumerate(ids)}
    store.claim("w")
    store.cancel(ids[2])
    assert store.places([*ids, "nobody"]) == {ids[1]: 1, ids[3]: 2, ids[4]: 3}


def test_lists_hold_what_was_asked_for_newest_first(store: JobStore) -> None:
    jobs = [add(store, name=f"{k % 3} ÉTÉ_{k}.mp4") for k in range(6)]
    link = add(store, source="link", name="x", url="https://example.org/100%")
    for label in ("Gaming", "Animation"):
        claimed = store.claim("w")
        assert claimed is not None
        store.finish(claimed.id, {"label": label})

    def ids(**how: Any) -> list[str]:
        return [job.id for job in store.find(**how)]

    newest_first = [job.id for job in reversed([*jobs, link])]
    assert ids() == newest_first
    assert ids(label="Animation") == [jobs[1].id]
    assert ids(state="done") == [jobs[1].id, jobs[0].id]
    assert ids(source="link") == [link.id]
    assert ids(text="été_4") == [jobs[4].id]
    assert ids(text="e\u0301te\u0301_4") == [jobs[4].id]
    assert ids(text="0%") == [link.id]
    assert ids(text="e%m") == []
    assert ids(text="été", state="queued") == [job.id for job in reversed(jobs[2:])]
    pages, before = [], None
    while page := store.find(before=before, limit=3):
        pages += [job.id for job in page]
        before = page[-1].created_at
    assert pages == newest_first
    assert ids(before=link.created_at + 60) == newest_first
    assert ids(before=jobs[0].created_at) == []
    assert store.counts() == {"queued": 5, "running": 0, "done": 2, "failed": 0, "cancelled": 0}


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_when_its_worker_hears(
    store: JobStore,
) -> None:
    queued = add(store)
    cancelled = store.cancel(queued.id)
    assert cancelled is not None
    assert cancelled.state == "cancelled"
    assert store.claim("w") is None
    running = add(store)
    store.claim("w")
    asked = store.cancel(running.id)
    assert asked is not None
    assert asked.state == "running"
    assert not store.wanted(running.id)
    assert not store.progress(running.id, "network", 64, 64)
    store.finish(running.id, {"label": "Gaming"})
    told = store.get(running.id)
    assert told is not None
    assert (told.state, told.result) == ("cancelled", None)
    assert store.cancel("nobody") is None


def test_only_jobs_that_are_over_can_be_deleted(store: JobStore) -> None:
    job = add(store)
    assert not store.delete(job.id)
    store.claim("w")
    assert not store.delete(job.id)
    store.fail(job.id, "empty", "the file is empty")
    assert store.delete(job.id)
    assert store.get(job.id) is None
    assert not store.delete(job.id)


def test_a_link_is_fetched_first_and_keeps_its_place(store: JobStore) -> None:
    link = add(store, source="link", url="https://example.org/a")
    after = add(store)
    assert store.claim("f", links=True) is not None
    assert store.claim("f", links=True) is None
    store.progress(link.id, "fetching", 10, 20)
    store.fetched(link.id, "a.mp4")
    waiting = store.get(link.id)
    assert waiting is not None
    assert (waiting.state, waiting.step, waiting.name) == ("queued", "waiting", "a.mp4")
    assert store.places([link.id, after.id]) == {link.id: 1, after.id: 2}
    answered = store.claim("w")
    assert answered is not None
    assert answered.id == link.id


def test_a_job_of_a_dead_worker_begins_again_and_is_given_up_when_it_kills_every_one(
    store: JobStore,
) -> None:
    deadly, other = add(store), add(store)
    for death in range(DEATHS):
        claimed = store.claim(f"w{death}")
        assert claimed is not None
        assert claimed.id == deadly.id
        assert store.release("somebody else") == []
        assert store.release(f"w{death}") == [deadly.id]
    failed = store.get(deadly.id)
    assert failed is not None
    assert (failed.state, failed.reason) == ("failed", Failure.WORKER_CRASHED)
    assert "\n" not in failed.message
    claimed = store.claim("w")
    assert claimed is not None
    assert claimed.id == other.id


def test_a_worker_that_dies_with_several_jobs_lays_it_on_one_only_where_it_knows_which(
    store: JobStore,
) -> None:
    jobs = [add(store, source="link") for _ in range(2)]

    def die(**how: str) -> list[str]:
        for thread in range(2):
            assert store.claim(f"w-{thread}", links=True) is not None
        assert store.release("w", **how) == [job.id for job in jobs]
        return [job.state for each in jobs if (job := store.get(each.id))]

    for _ in range(DEATHS):
        assert die() == ["queued", "queued"]
    assert die(guilty="w-0") == ["queued", "queued"]
    assert die(guilty="w-0") == ["failed", "queued"]


def test_links_of_a_client_that_has_none_under_way_come_first(store: JobStore) -> None:
    """Slow links of one must not keep all the others waiting."""
    many = [add(store, source="link", client="192.0.2.1") for _ in range(3)]
    other = add(store, source="link", client="192.0.2.2")
    claimed = [store.claim("f", links=True) for _ in range(4)]
    wanted = [many[0], other, many[1], many[2]]
    assert [job.id for job in claimed if job] == [job.id for job in wanted]


def test_what_fetching_cost_is_not_added_to_what_decoding_costs(store: JobStore) -> None:
    link = add(store, source="link")
    for links in (True, False):
        assert store.claim("w", links=links) is not None
        store.release("w")
        assert store.claim("w", links=links) is not None
        if links:
            store.fetched(link.id, "a.mp4")
    running = store.get(link.id)
    assert running is not None
    assert running.state == "running"


def test_a_server_that_ends_in_order_costs_its_jobs_nothing(store: JobStore) -> None:
    job = add(store)
    for _ in range(3 * STARTS):
        assert store.claim("w") is not None
        store.release("w", died=False)
    again = store.get(job.id)
    assert again is not None
    assert (again.state, again.attempts, again.started_at) == ("queued", 0, None)


def test_a_job_that_ends_every_server_is_given_up(store: JobStore) -> None:
    job = add(store)
    for _ in range(STARTS):
        assert store.claim("w") is not None
        store.recover()
    failed = store.get(job.id)
    assert failed is not None
    assert (failed.state, failed.reason) == ("failed", Failure.WORKER_CRASHED)


def test_files_are_deleted_of_jobs_over_for_long_and_the_oldest_answers_are_forgotten(
    store: JobStore,
) -> None:
    jobs = [add(store) for _ in range(4)]
    for _ in jobs[:3]:
        claimed = store.claim("w")
        assert claimed is not None
        store.finish(claimed.id, {})
    assert store.expired(time.time() - 60) == []
    over = [job.id for job in jobs[:3]]
    assert store.expired(time.time() + 60) == over
    store.forget(over[:1])
    assert store.expired(time.time() + 60) == over[1:]
    assert store.known() == {job.id for job in jobs[1:]}
    assert store.trim(2) == over[:1]
    assert store.trim(2) == []
    assert [job.id for job in store.find()] == [job.id for job in reversed(jobs[1:])]


def test_changes_show_in_the_version_and_looking_does_not(store: JobStore, path: Path) -> None:
    version = store.version()
    job = add(store)
    assert store.version() != version
    version = store.version()
    store.get(job.id)
    store.find()
    store.claim("w", links=True)
    assert store.version() == version
    other = JobStore(path, durable=False)
    other.claim("w")
    other.close()
    assert store.version() != version


def test_a_file_of_a_newer_clipkind_or_of_something_else_is_refused(path: Path) -> None:
    path.parent.mkdir()
    newer = sqlite3.connect(path)
    newer.execute(f"PRAGMA user_version = {VERSION + 1}")
    newer.close()
    with pytest.raises(StorageError, match="newer clipkind") as caught:
        JobStore(path)
    assert "\n" not in str(caught.value)
    other = path.with_name("other.sqlite3")
    theirs = sqlite3.connect(other)
    theirs.execute("CREATE TABLE jobs (x)")
    theirs.close()
    with pytest.raises(StorageError, match="no job store"):
        JobStore(other)
    text = path.with_name("text")
    text.write_text("no database, but long enough to be taken for the head of one" * 50)
    with pytest.raises(StorageError, match="cannot be used"):
        JobStore(text)
    with pytest.raises(StorageError, match="cannot be used"):
        JobStore(text / "jobs.sqlite3")
