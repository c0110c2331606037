"""Workers that die, servers that die: no accepted job is lost, none runs for ever."""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipkind.model.bundle import DEFAULT_BUNDLE
from clipkind.web.jobs.failures import Failure, QuotaFull, StorageError
from clipkind.web.models import Models
from clipkind.web.settings import Settings
from inference.calibrated import calibrated_bundle
from media import numbered_frames, write_video
from slow_video import slow_video
from web.inside import Inside, alive, children, prepared, serving, until


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    return write_video(path, numbered_frames(5), options={"g": "1"})


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return slow_video(tmp_path_factory.mktemp("clips") / "slow.mov")


def hold(inside: Inside, clip: Path) -> tuple[str, int]:
    """A job that is running until its decoder (the second value) or its worker is killed."""
    decoder = inside.decoder
    os.kill(decoder, signal.SIGSTOP)
    id = inside.send(clip)
    inside.running(id)
    return id, decoder


def test_a_job_whose_worker_is_killed_begins_again(tmp_path: Path, clip: Path) -> None:
    with serving(tmp_path) as inside:
        worker = inside.answerer
        id, decoder = hold(inside, clip)
        os.kill(worker, signal.SIGKILL)
        os.kill(decoder, signal.SIGKILL)
        job = inside.ended(id)
        assert (job.state, job.attempts) == ("done", 2)
        assert inside.answerer != worker


def test_a_job_that_kills_every_worker_fails_and_the_next_one_is_answered(
    tmp_path: Path, clip: Path, slow: Path
) -> None:
    with serving(tmp_path, links=False) as inside:
        id, after = inside.send(slow), inside.send(clip)
        for attempt in (1, 2):
            inside.running(id, attempt)
            os.kill(inside.supervisor.pids[0], signal.SIGKILL)
        job = inside.ended(id)
        assert (job.state, job.reason) == ("failed", Failure.WORKER_CRASHED)
        assert inside.ended(after).state == "done"


def test_a_server_that_ends_in_order_leaves_its_jobs_to_the_next(
    tmp_path: Path, clip: Path, slow: Path
) -> None:
    # of two models in use: the more there is to end, the more time an answer has to go wrong
    models = (None, calibrated_bundle(tmp_path / "model").path)
    with serving(tmp_path, models=models) as inside:
        for model in Models(models).names:
            assert inside.ended(inside.send(clip, model=model)).state == "done"
        id, waiting = inside.send(slow), inside.send(clip)
        inside.running(id)
        processes = [*inside.supervisor.pids, *children(inside.answerer)]
    until(lambda: not any(map(alive, processes)))
    again = prepared(Settings(state=tmp_path))
    job = again.job(id)
    assert (job.state, job.attempts, job.step) == ("queued", 0, "waiting")
    again.store.cancel(id)
    again.store.close()
    with serving(tmp_path) as inside:
        assert inside.ended(waiting).state == "done"


def test_a_signal_to_all_processes_at_once_costs_no_job(tmp_path: Path, clip: Path) -> None:
    """As a service manager sends it: the server has it too, and ends the others in order."""
    with serving(tmp_path) as inside:
        worker = inside.answerer
        id, decoder = hold(inside, clip)
        for process in (*inside.supervisor.pids, decoder):
            os.kill(process, signal.SIGTERM)
        os.kill(decoder, signal.SIGCONT)
        job = inside.ended(id)
        assert (job.state, job.attempts) == ("done", 1)
        assert inside.answerer == worker


def test_what_was_cancelled_when_its_server_died_leaves_no_file(tmp_path: Path) -> None:
    inside = idle(tmp_path, links=False)
    id = inside.send(b"video")
    assert inside.store.claim("of a server that was killed") is not None
    inside.store.cancel(id)
    with inside.supervisor:
        assert (inside.job(id).state, inside.job(id).kept) == ("cancelled", False)
        assert inside.spool.used() == 0
    inside.store.close()


SERVE = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from web.inside import serving
with serving(Path(sys.argv[1])) as inside:
    print("ready", *inside.supervisor.pids, flush=True)
    time.sleep(600)
"""


def test_a_server_that_is_killed_loses_no_job(tmp_path: Path, clip: Path, slow: Path) -> None:
    client = prepared(Settings(state=tmp_path))
    ids = [client.send(video) for video in (slow, clip, clip)]
    tests = str(Path(__file__).parents[1])
    with subprocess.Popen(
        [sys.executable, "-c", SERVE, str(tmp_path), tests], stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        workers = [int(word) for word in server.stdout.readline().split()[1:]]
        client.running(ids[0])
        decoders = [pid for worker in workers for pid in children(worker)]
        assert decoders
        half = client.spool.part(client.spool.new_id())  # of an upload that was under way
        half.write_bytes(b"half")
        os.kill(server.pid, signal.SIGKILL)
    until(lambda: not any(map(alive, [*workers, *decoders])))
    assert client.job(ids[0]).state == "running"  # nobody is left to say otherwise
    client.store.cancel(ids[0])  # it need not take the test's time
    client.store.close()
    with serving(tmp_path) as inside:
        assert [inside.ended(id).state for id in ids] == ["cancelled", "done", "done"]
        assert inside.store.counts()["running"] == 0
        assert not half.parent.exists()


def idle(state: Path, **more: Any) -> Inside:
    """A server without workers."""
    return prepared(Settings(state=state, workers=0, **more))


def test_two_servers_cannot_have_one_state_folder(tmp_path: Path) -> None:
    one, other = idle(tmp_path, links=False), idle(tmp_path, links=False)
    with one.supervisor:
        with pytest.raises(StorageError, match="another server works here") as caught:
            other.supervisor.start()
        assert "\n" not in str(caught.value)
        other.supervisor.stop()
    with other.supervisor:
        assert not other.supervisor.ready()
    one.store.close()
    other.store.close()


def test_links_that_a_server_no_longer_fetches_do_not_wait_for_ever(tmp_path: Path) -> None:
    inside = idle(tmp_path, links=False)
    id = inside.send(source="link", url="http://127.0.0.1/x")
    with inside.supervisor:
        job = inside.ended(id)
    assert (job.state, job.reason) == ("failed", Failure.LINKS_OFF)
    inside.store.close()


def test_files_and_answers_are_kept_as_long_as_the_operator_said(
    tmp_path: Path, clip: Path
) -> None:
    inside = idle(tmp_path, links=False, keep_s=3600.0, keep_jobs=3)
    ids = [inside.send(clip) for _ in range(5)]
    for _ in ids[:4]:
        job = inside.store.claim("w")
        assert job is not None
        inside.spool.keep_frames(job.id, [b"jpeg"])
        inside.store.finish(job.id, {"label": "Gaming"})
    inside.supervisor.tidy()
    assert [inside.store.get(id) is not None for id in ids] == [False] + [True] * 4
    assert [inside.spool.video(id).exists() for id in ids] == [False] + [True] * 4
    short = idle(tmp_path, links=False, keep_s=0.0)
    short.supervisor.tidy()
    kept = [short.job(id).kept for id in ids[1:]]
    assert kept == [False] * 3 + [True]
    assert short.job(ids[1]).result == {"label": "Gaming"}
    assert [short.spool.video(id).exists() for id in ids[1:]] == kept
    inside.store.close()
    short.store.close()


def test_files_of_finished_jobs_make_room_before_their_time(tmp_path: Path) -> None:
    inside = idle(tmp_path, links=False, quota=1000)
    finished = [inside.send(b"x" * 300) for _ in range(2)]
    for _ in finished:
        job = inside.store.claim("w")
        assert job is not None
        inside.store.finish(job.id, {"label": "Gaming"})
    waiting = inside.send(b"x" * 300)
    with pytest.raises(QuotaFull):
        inside.send(b"x" * 300)
    inside.supervisor.tidy()
    assert [inside.job(id).kept for id in (*finished, waiting)] == [False, True, True]
    assert inside.job(finished[0]).state == "done"
    inside.send(b"x" * 300)
    inside.supervisor.tidy()
    assert [inside.job(id).kept for id in (*finished, waiting)] == [False, False, True]
    inside.store.close()


def test_a_worker_that_cannot_start_is_told_and_tried_again(
    tmp_path: Path, clip: Path, caplog: pytest.LogCaptureFixture
) -> None:
    model = tmp_path / "model"
    shutil.copytree(DEFAULT_BUNDLE, model)
    away = tmp_path / "away"
    model.rename(away)
    inside = prepared(Settings(state=tmp_path / "state", models=(model,), links=False))
    id = inside.send(clip)
    with inside.supervisor:
        until(lambda: caplog.messages)
        assert "does not exist" in caplog.messages[0]
        assert "\n" not in caplog.messages[0]
        assert not inside.supervisor.ready()
        assert inside.job(id).state == "queued"
        away.rename(model)
        assert inside.ended(id).state == "done"
    inside.store.close()


def pipe_of_messages(worker: int) -> Path:
    """Where the worker writes what it tells its supervisor, which is this process."""
    ours = {file.readlink() for file in opened("self")}
    for file in opened(str(worker)):
        link = file.readlink()
        if int(file.name) > 2 and link.name.startswith("pipe:") and link in ours:
            return file
    raise AssertionError("it tells nobody anything")


def opened(process: str) -> list[Path]:
    return [file for file in Path(f"/proc/{process}/fd").iterdir() if file.is_symlink()]


def test_a_worker_that_can_no_longer_be_heard_is_ended_and_its_job_begins_again(
    tmp_path: Path, clip: Path
) -> None:
    with serving(tmp_path, links=False) as inside:
        worker = inside.answerer
        id, decoder = hold(inside, clip)
        pipe_of_messages(worker).write_bytes(b"no message\n")
        until(lambda: not alive(worker))
        os.kill(decoder, signal.SIGKILL)
        job = inside.ended(id)
        assert (job.state, job.attempts) == ("done", 2)


class _FullDisk(logging.Handler):
    """Of a log that cannot be written."""

    def emit(self, record: logging.LogRecord) -> None:
        raise OSError(28, "No space left on device")


def test_a_log_that_cannot_be_written_holds_up_no_job(tmp_path: Path, clip: Path) -> None:
    logger, handler = logging.getLogger("clipkind.web.jobs.supervisor"), _FullDisk()
    logger.addHandler(handler)
    try:
        with serving(tmp_path, links=False) as inside:
            id, decoder = hold(inside, clip)
            for process in (inside.answerer, decoder):
                os.kill(process, signal.SIGKILL)
            assert inside.ended(id).state == "done"
    finally:
        logger.removeHandler(handler)


def test_several_workers_share_the_queue(tmp_path: Path, clip: Path, slow: Path) -> None:
    with serving(tmp_path, workers=2, links=False) as inside:
        until(lambda: len(inside.supervisor.pids) == 2)
        held = inside.send(slow)
        inside.running(held)
        assert inside.ended(inside.send(clip)).state == "done"
        assert inside.job(held).state == "running"


def test_settings_reach_the_workers_whole_but_for_the_secret(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(b"/caf\xe9"))
    settings = Settings(
        state=tmp_path, models=(None, odd), dataset=odd, allowed_addresses=("127.0.0.0/8",)
    )
    assert Settings.from_json(json.loads(json.dumps(settings.to_json()))) == settings
    inside = prepared(replace(settings, models=(None,), dataset=None, token="a-secret"))  # noqa: S106
    with inside.supervisor:
        until(lambda: inside.supervisor.pids)
        for pid in inside.supervisor.pids:
            for what in ("cmdline", "environ"):
                assert b"a-secret" not in Path(f"/proc/{pid}/{what}").read_bytes()
    inside.store.close()
