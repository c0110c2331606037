"""The job store with several processes and threads at it, some of which are killed."""

import itertools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

from clipkind.web.jobs.store import JobStore
from web.jobs import add

CLAIM = """
import sys
from pathlib import Path
from clipkind.web.jobs.store import JobStore
store = JobStore(Path(sys.argv[1]), durable=False)
print("here", flush=True)
sys.stdin.readline()
while job := store.claim(sys.argv[2]):
    print(job.id)
"""


def test_no_job_goes_to_two_workers(store: JobStore, path: Path) -> None:
    wanted = [add(store).id for _ in range(300)]
    workers = [
        subprocess.Popen(
            [sys.executable, "-c", CLAIM, str(path), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        for name in "abc"
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "here\n"
    for worker in workers:  # all at once
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    found = [worker.communicate()[0].split() for worker in workers]
    assert sorted(itertools.chain(*found)) == sorted(wanted)
    assert sum(map(bool, found)) > 1  # it was a race
    assert store.counts()["running"] == len(wanted)


def test_threads_may_use_one_store(store: JobStore) -> None:
    ids: list[str] = []

    def accept() -> None:
        for _ in range(20):
            ids.append(add(store).id)
            store.places(ids)

    threads = [threading.Thread(target=accept) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.counts()["queued"] == len(ids) == 160
    created = [job.created_at for job in store.find(limit=1000)]
    assert len(set(created)) == 160  # or paging would lose some


ACCEPT = """
import sys
from pathlib import Path
from clipkind.web.jobs.job import NewJob
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
store = JobStore(Path(sys.argv[1]))
while True:
    job = store.add(NewJob(id=Spool.new_id(), source="upload", name="n", model="m"), 10**6)
    print(job.id, flush=True)
    if claimed := store.claim("w"):
        store.finish(claimed.id, {"label": "Gaming"}) if int(job.created_at * 1e6) % 2 else None
"""


def test_what_was_accepted_outlives_a_kill(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", ACCEPT, str(path)], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        accepted = [process.stdout.readline().strip() for _ in range(50)]
        os.kill(process.pid, signal.SIGKILL)
        accepted += process.stdout.read().split()
    store = JobStore(path)
    kept = {job.id: job for job in store.find(limit=10**6)}
    assert kept.keys() >= set(accepted[:-1])  # the last line may be torn
    store.recover()
    assert store.counts()["running"] == 0
    store.close()
