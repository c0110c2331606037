"""The web app under load: throughput against the command line, pages, a crowd, memory.

    python benchmarks/web.py            some 20 minutes on 2 cores; writes results/web.json
    python benchmarks/web.py --quick    little of each: does it run? Writes nothing without --out

Everything speaks HTTP to a real `clipkind serve` on loopback, from this process: what the clients
cost is taken from the same cores. See README.md for what every figure means.
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from typing import Any

import clips
import machine
from process_tree import cpu_seconds
from web_load import look_at_pages, send_crowd
from web_server import Server

HERE = Path(__file__).parent
GOALS = {"throughput_ratio": 0.8, "page_p99_ms": 50, "jobs_lost": 0}
SMALL = clips.Clip("160p-1s", (240, 160), 1, 9)
SENDERS = 4
"""Uploads at a time when throughput is measured."""
LIMIT_S = 3600.0
"""Seconds after which a crowd is sent home."""


def main() -> None:
    """Measure, print, write the results."""
    arguments = _arguments()
    clip = clips.ensure(clips.CLIPS[clips.QUICK], arguments.clips)
    small = clips.ensure(SMALL, arguments.clips)
    clip.read_bytes()  # into the system's cache
    machine.warn_if_busy()
    results: dict[str, Any] = {**machine.describe(sys.argv[1:], "web.py"), "goals": GOALS}
    neighbours = machine.Neighbours()
    results["throughput"] = _throughput(clip, arguments)
    _write(arguments.out, results)
    with Server("--max-queue", str(arguments.queue), model=arguments.model) as server:
        results["pages"] = look_at_pages(server, clip, arguments.queue, arguments.requests)
    _write(arguments.out, results)
    with Server(model=arguments.model) as server:
        results["crowd"] = send_crowd(server, small, arguments.clients, arguments.jobs, LIMIT_S)
    results["crowd"]["clip"] = clips.describe(SMALL, small)
    results["disturbance"] = neighbours.so_far()
    _write(arguments.out, results)
    _print(results)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clips", type=Path, default=HERE / ".cache", help="folder of test clips")
    parser.add_argument("--model", type=Path, help="model bundle folder [the bundled one]")
    parser.add_argument("--runs", type=int, default=3, help="turns of command line and server")
    parser.add_argument("--uploads", type=int, default=40, help="videos of a turn")
    parser.add_argument(
        "--queue", type=int, default=100, help="jobs that may wait: full, for pages"
    )
    parser.add_argument("--requests", type=int, default=2100, help="for pages, while it is full")
    parser.add_argument("--clients", type=int, default=200, help="of the crowd")
    parser.add_argument("--jobs", type=int, default=1000, help="of the crowd, all together")
    parser.add_argument("--quick", action="store_true", help="little of each")
    parser.add_argument("--out", type=Path, help="results file")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.runs, arguments.uploads, arguments.queue = 1, 6, 5
        arguments.requests, arguments.clients, arguments.jobs = 210, 20, 40
    elif arguments.out is None:
        arguments.out = HERE / "results" / "web.json"
    return arguments


def _throughput(clip: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """The same videos by the command line and by uploads, in turns."""
    turns: dict[str, list[dict[str, float]]] = {"command_line": [], "server": []}
    with tempfile.TemporaryDirectory(prefix="clipkind-web-") as folder:
        files = [Path(folder) / f"{number:03d}.mp4" for number in range(arguments.uploads)]
        for file in files:
            shutil.copyfile(clip, file)
        for turn in range(arguments.runs):
            print(f"throughput, turn {turn + 1} of {arguments.runs} …", flush=True)
            turns["command_line"].append(_by_command(files, arguments.model))
            turns["server"].append(_by_server(files, arguments.model))
    found = {way: _medians(runs) for way, runs in turns.items()}
    ours, theirs = found["server"], found["command_line"]
    return {
        "clip": clips.QUICK,
        "videos": arguments.uploads,
        **found,
        "ratio": round(ours["sustained_per_min"] / theirs["sustained_per_min"], 3),
        "cpu_ratio": round(ours["cpu_s_per_video"] / theirs["cpu_s_per_video"], 3),
    }


def _by_command(files: list[Path], model: Path | None) -> dict[str, float]:
    """`clipkind classify`, which writes each answer as it has it."""
    command = [str(Path(sys.executable).with_name("clipkind")), "classify", "--json"]
    command += [*(["--model", str(model)] if model else []), *map(str, files)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.time()
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout  # noqa: S101 - a pipe by construction
        finished = [time.time() for _ in process.stdout]
    if process.returncode:
        raise SystemExit(f"clipkind classify ended with code {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return _rates(started, finished, cpu)


def _by_server(files: list[Path], model: Path | None) -> dict[str, float]:
    """Uploads to a warm server, as many at a time as SENDERS."""
    with Server(model=model) as server, ThreadPoolExecutor(SENDERS) as pool:
        _finished(server, [_upload(server, 0, files[0])])  # the first answer is slower
        cpu, started = cpu_seconds(server.pid), time.time()
        posted = pool.map(lambda item: _upload(server, *item), enumerate(files))
        finished = _finished(server, list(posted))
        return _rates(started, finished, cpu_seconds(server.pid) - cpu)


def _upload(server: Server, number: int, file: Path) -> str:
    reply = server.client(number).post(file)
    if reply.status != 202:
        raise SystemExit(f"an upload was answered {reply.status}: {reply.body[:300]!r}")
    return str(reply.json()["id"])


def _finished(server: Server, ids: list[str]) -> list[float]:
    """When each job was done, by the server's clock, which is ours. Waits for all."""
    client, times = server.client(2000), []
    for id in ids:
        while not (job := client.get(f"/api/v1/jobs/{id}").json())["finished_at"]:
            time.sleep(0.5)
        if job["state"] != "done":
            raise SystemExit(f"a job ended as {job['state']}: {job['message']}")
        times.append(float(job["finished_at"]))
    return times


def _rates(started: float, finished: list[float], cpu_s: float) -> dict[str, float]:
    """Between the first answer and the last; start-up and what goes before stay out of it."""
    finished = sorted(finished)
    return {
        "sustained_per_min": round(60 * (len(finished) - 1) / (finished[-1] - finished[0]), 2),
        "wall_s": round(finished[-1] - started, 2),
        "cpu_s_per_video": round(cpu_s / len(finished), 3),
    }


def _medians(runs: list[dict[str, float]]) -> dict[str, Any]:
    return {key: round(median(run[key] for run in runs), 3) for key in runs[0]} | {"runs": runs}


def _write(path: Path | None, results: dict[str, Any]) -> None:
    """After every part, so that a run that is stopped leaves what it has."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def _print(results: dict[str, Any]) -> None:
    throughput, pages, crowd = (results[key] for key in ("throughput", "pages", "crowd"))
    memory = crowd["memory"]
    for way in ("command_line", "server"):
        print(f"{way:13} {throughput[way]['sustained_per_min']:.1f} videos a minute")
    print(f"ratio         {throughput['ratio']:.2f} (goal {GOALS['throughput_ratio']})")
    print(f"pages         p50 {pages['p50_ms']} ms, p99 {pages['p99_ms']} ms, queue full")
    print(f"crowd         {crowd['jobs_accepted']} jobs accepted, {crowd['jobs_lost']} lost")
    if memory:
        first, last = memory["first_quarter_mb"], memory["last_quarter_mb"]
        print(f"memory        {first} MB in the first quarter, {last} MB in the last")


if __name__ == "__main__":
    main()
