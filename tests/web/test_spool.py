"""The folder of what was received: whole files or none, within the quota, nowhere else."""

import errno
import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipkind.web.jobs.failures import QuotaFull
from clipkind.web.jobs.spool import RECOUNT_S, STALE_S, Spool, valid_id


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "files", quota=1000)


def receive(spool: Spool, size: int) -> str:
    id = spool.new_id()
    with spool.receive(id) as file:
        file.write(b"x" * size)
    return id


def everything(spool: Spool) -> list[Path]:
    return sorted(spool.folder.rglob("*"))


def test_what_was_received_is_the_jobs_video(spool: Spool) -> None:
    id = spool.new_id()
    with spool.receive(id) as file:
        assert file.write(b"abc") == 3
        assert not spool.video(id).exists()
        file.write(memoryview(b"def"))
        assert file.size == 6
        file.seek(0)
        assert file.read() == b"abcdef"
    assert spool.video(id).read_bytes() == b"abcdef"
    assert [path.name for path in everything(spool)] == [id, "video"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, ConnectionResetError])
def test_nothing_stays_of_what_was_broken_off(spool: Spool, error: type[BaseException]) -> None:
    def broken_off() -> None:
        with spool.receive(spool.new_id()) as file:
            file.write(b"x" * 400)
            raise error

    with pytest.raises(error):
        broken_off()
    assert everything(spool) == []
    assert spool.used() == 0


def test_the_quota_is_for_all_together_those_on_their_way_included(spool: Spool) -> None:
    first = receive(spool, 600)
    assert spool.used() == 600
    with pytest.raises(QuotaFull) as caught, spool.receive(spool.new_id()) as file:
        file.write(b"x" * 401)
    assert "\n" not in str(caught.value)
    assert spool.used() == 600
    with spool.receive(spool.new_id()) as file:
        file.write(b"x" * 300)
        with pytest.raises(QuotaFull):
            receive(spool, 101)
    assert spool.used() == 900
    spool.drop(first)
    assert spool.used() == 300
    receive(spool, 700)


def test_what_other_processes_put_there_counts_too(spool: Spool) -> None:
    other = Spool(spool.folder, quota=1000)
    id = receive(other, 500)
    assert spool.used() == 500
    other.keep_frames(id, [b"y" * 30, b"z" * 20])
    fresh = Spool(spool.folder, quota=1000)
    assert fresh.used() == 550
    mine = spool.new_id()
    with pytest.raises(QuotaFull):
        fresh.expect(mine, 451)
    fresh.expect(mine, 450)


def test_what_is_on_its_way_counts_once_however_many_fetch(spool: Spool) -> None:
    one, other = spool.new_id(), spool.new_id()
    spool.expect(one, 0)
    spool.expect(one, 600)  # as its server says
    with pytest.raises(QuotaFull):
        spool.expect(other, 401)
    spool.part(one).write_bytes(b"x" * 100)
    fresh = Spool(spool.folder, quota=1000)
    assert fresh.used() == 100  # of what other processes fetch, what there is
    spool.part(one).write_bytes(b"x" * 600)
    spool.accept(one)
    assert spool.used() == 600
    spool.expect(other, 400)
    spool.drop(other)
    assert spool.used() == 600


def test_what_others_receive_is_seen_to_grow(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    other, id = Spool(spool.folder, quota=1000), spool.new_id()
    with spool.receive(id) as file:
        for size in (100, 200):
            file.write(b"x" * 100)
            later = time.monotonic() + size * RECOUNT_S
            monkeypatch.setattr(time, "monotonic", lambda: later)  # noqa: B023
            assert (other.used(), spool.used()) == (size, size)
    other.drop(id)
    assert other.used() == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_full_disk_is_a_full_quota(spool: Spool) -> None:
    id = spool.new_id()
    spool.part(id).symlink_to("/dev/full")
    with pytest.raises(QuotaFull, match="disk"), spool.receive(id) as file:
        file.write(b"x")
    assert everything(spool) == []


@pytest.mark.parametrize("call", ["mkdir", "fsync"])
def test_a_disk_that_is_full_before_or_after_writing_is_a_full_quota(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, full)
        with pytest.raises(QuotaFull, match="disk"), spool.receive(spool.new_id()) as file:
            file.write(b"x")
    assert everything(spool) == []
    assert spool.used() == 0


def test_pictures_lie_with_their_job_and_go_with_it(spool: Spool) -> None:
    id = receive(spool, 10)
    spool.keep_frames(id, [b"a", b"bc"])
    assert spool.frame(id, 0).read_bytes() == b"a"
    assert spool.frame(id, 1).read_bytes() == b"bc"
    spool.drop(id)
    spool.drop(id)
    assert everything(spool) == []


@given(st.one_of(st.text(max_size=30), st.from_regex(r"[A-Za-z0-9_-]{21}[/.\n\0é]")))
def test_only_ids_become_part_of_a_path(text: str) -> None:
    if valid_id(text):
        assert len(text) == 22
        assert Path(text).name == text
        return
    spool = Spool.__new__(Spool)
    spool.folder = Path("/nowhere")
    for ask in (spool.video, spool.part, spool.drop, lambda id: spool.frame(id, 0)):
        with pytest.raises(ValueError, match="no id"):
            ask(text)


def test_ids_are_valid_and_unlike(spool: Spool) -> None:
    ids = {spool.new_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(map(valid_id, ids))
    assert not valid_id(".." + "a" * 20)
    assert not valid_id("a" * 22 + "\n")


def test_sweeping_takes_what_belongs_to_no_job_when_it_is_old(spool: Spool) -> None:
    known, lost, young = (receive(spool, 1) for _ in range(3))
    os.utime(spool.video(lost).parent, (time.time() - 2 * STALE_S,) * 2)
    os.utime(spool.video(known).parent, (time.time() - 2 * STALE_S,) * 2)
    mine = spool.folder / "not-ours.txt"
    mine.write_text("x")
    assert spool.sweep({known}) == [lost]
    assert spool.video(known).exists()
    assert spool.video(young).exists()
    assert mine.exists()


def test_at_a_servers_start_nothing_is_on_its_way(spool: Spool) -> None:
    known, lost = receive(spool, 1), receive(spool, 1)
    spool.part(known).write_bytes(b"half of a link")
    (spool.part(known).parent / "video.part.fetch").mkdir()
    assert spool.sweep({known}, stale_s=0) == [lost]
    assert [path.name for path in everything(spool)] == [known, "video"]
