"""How long the first answer takes: --help, a cold `classify`, and the size of the installation.

    python benchmarks/startup.py --venv VENV      VENV: where `pip install clipkind` put the command

Without --venv the command of the running Python is timed and no size is given. Every run is a new
process; the system's file cache is warm after the first, which is dropped.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any

import clips
import machine

HERE = Path(__file__).parent
GOALS = {"help_s": 0.2, "size_mb": 480}


def main() -> None:
    """Measure, print, write the results."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--venv", type=Path, help="virtual environment with the base install")
    parser.add_argument("--clips", type=Path, default=HERE / ".cache", help="folder of test clips")
    parser.add_argument("--model", type=Path, help="model bundle folder [the bundled one]")
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--out", type=Path, default=HERE / "results" / "startup.json")
    arguments = parser.parse_args()
    folder = arguments.venv / "bin" if arguments.venv else Path(sys.executable).parent
    command = str(folder / "clipkind")
    clip = clips.ensure(clips.CLIPS[clips.QUICK], arguments.clips)
    model = ["--model", str(arguments.model)] if arguments.model else []
    machine.warn_if_busy()
    results: dict[str, Any] = {
        **machine.describe(sys.argv[1:], "startup.py"),
        "goals": GOALS,
        "help": _repeat([command, "--help"], arguments.runs),
        "classify_cold": {"clip": clips.QUICK}
        | _repeat([command, "classify", "--json", *model, str(clip)], arguments.runs),
        "size": _size(arguments.venv) if arguments.venv else None,
    }
    if arguments.venv:
        results["packages"] = _packages(arguments.venv)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    _print(results)


def _repeat(command: list[str], runs: int) -> dict[str, Any]:
    """Median of `runs` new processes; the one before them only warms the file cache."""
    found = [_once(command) for _ in range(runs + 1)]
    return {
        "wall_s": round(median(run["wall_s"] for run in found[1:]), 4),
        "cpu_s": round(median(run["cpu_s"] for run in found[1:]), 3),
        "first_run_wall_s": found[0]["wall_s"],
        "runs": found[1:],
    }


def _once(command: list[str]) -> dict[str, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    wall = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 4), "cpu_s": round(cpu, 3)}


def _size(venv: Path) -> dict[str, Any]:
    """MB (10^6 bytes) of all files, and of the largest packages; pip's compiled copies included."""
    total = 0
    packages: dict[str, int] = {}
    for file in venv.rglob("*"):
        if file.is_symlink() or not file.is_file():
            continue
        size = file.stat().st_size
        total += size
        parts = file.relative_to(venv).parts
        if "site-packages" in parts:
            name = parts[parts.index("site-packages") + 1]
            packages[name] = packages.get(name, 0) + size
    largest = sorted(packages.items(), key=lambda item: -item[1])[:10]
    return {
        "total_mb": round(total / 1e6, 1),
        "largest_mb": {name: round(size / 1e6, 1) for name, size in largest},
    }


def _packages(venv: Path) -> dict[str, str]:
    """Versions of what is installed there, which need not be what runs this script."""
    found = (info.stem.partition("-") for info in venv.rglob("site-packages/*.dist-info"))
    return dict(sorted((name, version) for name, _, version in found))


def _print(results: dict[str, Any]) -> None:
    print(f"clipkind --help      {results['help']['wall_s']:.3f} s (goal {GOALS['help_s']} s)")
    print(f"clipkind classify    {results['classify_cold']['wall_s']:.2f} s, {clips.QUICK}, cold")
    if results["size"]:
        print(f"base environment     {results['size']['total_mb']} MB (goal {GOALS['size_mb']} MB)")


if __name__ == "__main__":
    main()
