"""What a result was measured on: machine, versions, commit. Nothing that names the machine."""

import os
import platform
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from process_tree import cpu_seconds

_FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "amx_int8")
_PACKAGES = ("clipkind", "av", "numpy", "openvino", "pillow", "timm", "torch")
BUSY = 0.5
"""Load average from which the figures deserve a warning: others are at work."""


def describe(arguments: list[str], script: str) -> dict[str, Any]:
    """Everything a reader needs to repeat or judge a measurement."""
    cpu = _cpu()
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": shlex.join(["python", f"benchmarks/{script}", *map(_portable, arguments)]),
        "commit": _commit(),
        "machine": {
            "cpu": cpu["model name"],
            "cores": cores(),
            "flags": [flag for flag in _FLAGS if flag in cpu["flags"].split()],
            "memory_gb": round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1),
            "os": f"{platform.freedesktop_os_release()['PRETTY_NAME']}, {platform.release()}",
            "load_1min_before": round(os.getloadavg()[0], 2),
        },
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in _PACKAGES},
    }


def warn_if_busy() -> None:
    """Say so where others use the machine: the figures would then be theirs too."""
    load = os.getloadavg()[0]
    if load > BUSY:
        print(f"load is {load:.2f}: other work runs on this machine and spoils the figures")


def cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0))


class Neighbours:
    """How much of the machine others took while something was measured."""

    def __init__(self) -> None:
        self._started = time.perf_counter()
        self._busy, self._stolen = _machine_cpu_s()
        self._own = cpu_seconds(os.getpid())

    def so_far(self) -> dict[str, float]:
        """Share of all cores' time used by other processes, and taken by the hypervisor."""
        busy, stolen = _machine_cpu_s()
        own = cpu_seconds(os.getpid()) - self._own
        capacity = (time.perf_counter() - self._started) * (os.cpu_count() or 1)
        return {
            "others_share": round(max(busy - self._busy - own, 0) / capacity, 3),
            "stolen_share": round((stolen - self._stolen) / capacity, 3),
        }


def _machine_cpu_s() -> tuple[float, float]:
    """Seconds since boot that the cores worked, and that the hypervisor withheld."""
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0].split()
    user, nice, system, _idle, _wait, irq, soft, stolen = (int(value) for value in first[1:9])
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + soft) / ticks, stolen / ticks


def _portable(argument: str) -> str:
    """Paths outside the checkout are nobody's business: their last part is enough."""
    return Path(argument).name if Path(argument).is_absolute() else argument


def _cpu() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    pairs = (line.partition(":") for line in lines)
    return {"model name": platform.machine(), "flags": ""} | {
        key.strip(): value.strip() for key, _, value in pairs
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit() -> str:
    """Commit of the checkout, with a `+` where files were changed; `unknown` outside git."""
    git = shutil.which("git")
    if git is None:
        return "unknown"

    def ask(*arguments: str) -> str:
        command = [git, "-C", str(Path(__file__).parent), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = ask("rev-parse", "HEAD")
    changed = ask("status", "--porcelain", "--untracked-files=no", "--", "../src", "*.py")
    return (commit + ("+" if changed else "")) or "unknown"


if sys.platform != "linux":
    raise SystemExit("the benchmarks read /proc and run on Linux only")
