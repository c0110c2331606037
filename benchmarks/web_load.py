"""What many do to a server at once: fill its queue, look at pages, send a thousand videos."""

import math
import threading
import time
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from process_tree import tree
from web_server import Client, Server, memory_mb

PAGES = ("/", "/jobs", "/jobs/{id}", "/model", "/api/v1/jobs", "/api/v1/jobs/{id}", "/healthz")
FEEDERS = 4
POLL_S = 2.0
"""Between two looks of a client at a job."""
SAMPLE_S = 1.0
"""Between two looks at the memory."""
WARM_SHARE = 0.1
"""Of the jobs, before which memory may grow: caches fill, threads start."""


def percentile(values: list[float], share: float) -> float:
    """The smallest value that `share` of all do not exceed."""
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def look_at_pages(server: Server, video: Path, queue: int, requests: int) -> dict[str, Any]:
    """Times of `requests` GETs, one after the other, while uploads keep a queue of `queue` full."""
    with _full_queue(server, video, queue) as turned_away:
        client = server.client(100)
        job = client.get("/api/v1/jobs?limit=1").json()["jobs"][0]["id"]
        paths = [page.replace("{id}", job) for page in PAGES]
        before = turned_away()
        times: dict[str, list[float]] = {page: [] for page in PAGES}
        statuses: Counter[int] = Counter()
        for number in range(requests):
            page = PAGES[number % len(PAGES)]
            reply = client.get(paths[number % len(PAGES)])
            times[page].append(reply.wall_s * 1000)
            statuses[reply.status] += 1
            time.sleep(0.02)  # people are no load test; the workers have the cores meanwhile
        full = turned_away() - before
    every = [value for values in times.values() for value in values]
    return {
        "queue": queue,
        "uploads_turned_away_meanwhile": full,
        "requests": requests,
        "statuses": dict(statuses),
        **_times(every),
        "pages": {page: _times(values) for page, values in times.items()},
    }


def _times(values: list[float]) -> dict[str, float]:
    return {
        "p50_ms": round(percentile(values, 0.5), 2),
        "p99_ms": round(percentile(values, 0.99), 2),
        "max_ms": round(max(values), 2),
    }


@contextmanager
def _full_queue(server: Server, video: Path, queue: int) -> Any:
    """Keep uploading from many addresses; gives a function that counts the uploads turned away."""
    stop, full = threading.Event(), threading.Event()
    turned_away = 0

    def feed(number: int) -> None:
        nonlocal turned_away
        turn = 0
        while not stop.is_set():
            turn += 1
            client = server.client(200 + (turn * FEEDERS + number) % 2000)
            try:
                status = client.post(video).status
            except OSError:
                continue
            if status == 503:
                turned_away += 1
                full.set()
                stop.wait(0.25)

    threads = [threading.Thread(target=feed, args=(number,)) for number in range(FEEDERS)]
    for thread in threads:
        thread.start()
    try:
        if not full.wait(30 + queue):
            raise SystemExit(f"a queue of {queue} was never full")
        yield lambda: turned_away
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@dataclass
class Crowd:
    """What a crowd of clients met."""

    accepted: list[str] = field(default_factory=list)
    statuses: Counter[str] = field(default_factory=Counter)
    """Of uploads: `202`, `503`, or what became of the connection."""
    states: Counter[str] = field(default_factory=Counter)
    """Of jobs in the end."""
    post_ms: list[float] = field(default_factory=list)
    memory: list[tuple[int, float]] = field(default_factory=list)
    """Jobs that were over, and the MB of all processes then."""


def send_crowd(server: Server, video: Path, clients: int, jobs: int, limit_s: float) -> Any:
    """`clients` at once upload `jobs` videos between them, each waiting for its own."""
    crowd = Crowd()
    started = time.perf_counter()
    deadline = time.monotonic() + limit_s
    shares = [jobs // clients + (number < jobs % clients) for number in range(clients)]
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(server, crowd, over))
    watch.start()
    sent: list[Future[None]] = []
    with ThreadPoolExecutor(clients) as pool:
        for number, share in enumerate(shares):
            client = server.client(number)
            sent.append(pool.submit(_one_client, client, video, share, deadline, crowd))
    wall = time.perf_counter() - started
    over.set()
    watch.join()
    for one in sent:
        one.result()  # what stopped a client stops the measurement
    lost = len(crowd.accepted) - crowd.states["done"]
    return {
        "clients": clients,
        "jobs_wanted": jobs,
        "jobs_accepted": len(crowd.accepted),
        "jobs_lost": lost,
        "states": dict(crowd.states),
        "uploads": dict(crowd.statuses),
        "upload_p50_ms": round(percentile(crowd.post_ms, 0.5), 1) if crowd.post_ms else None,
        "upload_p99_ms": round(percentile(crowd.post_ms, 0.99), 1) if crowd.post_ms else None,
        "wall_s": round(wall, 1),
        "jobs_per_min": round(60 * crowd.states["done"] / wall, 1),
        "memory": _memory(crowd.memory),
    }


def _one_client(client: Client, video: Path, share: int, deadline: float, crowd: Crowd) -> None:
    waiting = []
    while share and time.monotonic() < deadline:
        try:
            reply = client.post(video)
        except OSError as error:
            crowd.statuses[type(error).__name__] += 1
            time.sleep(1)
            continue
        crowd.statuses[str(reply.status)] += 1
        if reply.status == 202:
            crowd.post_ms.append(reply.wall_s * 1000)
            id = reply.json()["id"]
            crowd.accepted.append(id)
            waiting.append(id)
            share -= 1
        elif reply.status in (429, 503):
            time.sleep(reply.retry_after_s or 1)
        else:
            share -= 1  # refused for good; it counts as neither accepted nor lost
    for id in waiting:
        crowd.states[_end_of(client, id, deadline)] += 1


def _end_of(client: Client, id: str, deadline: float) -> str:
    """The state a job ends in: `running` and the like where it never does, or `missing`."""
    state = "unknown"
    while time.monotonic() < deadline:
        try:
            reply = client.get(f"/api/v1/jobs/{id}")
        except OSError:
            time.sleep(1)
            continue
        if reply.status == 404:
            return "missing"
        if reply.status == 200:
            state = reply.json()["state"]
            if state in ("done", "failed", "cancelled"):
                return str(state)
        time.sleep(POLL_S)
    return state


def _watch(server: Server, crowd: Crowd, over: threading.Event) -> None:
    """The memory as jobs get done: how many are is asked of the server's own figures."""
    client = server.client(2500)
    while not over.wait(SAMPLE_S):
        try:
            text = client.get("/metrics").body.decode()
        except OSError:
            continue
        done = [line.split()[-1] for line in text.splitlines() if _counts_done(line)]
        if done:
            jobs = int(float(done[0]))
            crowd.memory.append((jobs, memory_mb(tree(server.pid))))


def _counts_done(line: str) -> bool:
    return not line.startswith("#") and "jobs" in line.partition("{")[0] and 'state="done"' in line


def _memory(samples: list[tuple[int, float]]) -> dict[str, Any] | None:
    """Whether memory grows with the jobs, once warm."""
    if not samples:
        return None
    last = max(jobs for jobs, _ in samples)
    warm = [(jobs, mb) for jobs, mb in samples if jobs >= WARM_SHARE * last]
    jobs, mb = np.array(warm).T
    quarters = np.quantile(jobs, (0.25, 0.75))
    slope = np.polyfit(jobs, mb, 1)[0] if len(set(jobs)) > 1 else 0.0
    return {
        "what": "PSS of the server and all its processes, MB",
        "samples": len(warm),
        "first_quarter_mb": round(median(mb[jobs <= quarters[0]].tolist()), 1),
        "last_quarter_mb": round(median(mb[jobs >= quarters[1]].tolist()), 1),
        "peak_mb": round(float(mb.max()), 1),
        "growth_mb_per_1000_jobs": round(float(slope) * 1000, 1),
        "every_tenth": [[int(jobs), round(float(mb), 1)] for jobs, mb in warm[::10]],
    }
