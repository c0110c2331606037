"""`clipkind doctor` on a machine where something is installed and does not work."""

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest


def doctor(
    modules: Path, address_space: int = resource.RLIM_INFINITY
) -> subprocess.CompletedProcess[str]:
    """The command, with the modules in that folder in place of others of their names."""
    places = filter(None, [str(modules), os.environ.get("PYTHONPATH")])
    return subprocess.run(
        [sys.executable, "-m", "clipkind.cli.main", "doctor"],
        capture_output=True, text=True, timeout=120, check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(places)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space)),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("module", "line", "remedy"),
    [
        ("openvino", "OpenVINO CPU", "pip install --force-reinstall openvino"),
        ("torch", "torch", "pip install --force-reinstall torch torchvision"),
        ("av", "FFmpeg", "pip install --force-reinstall av"),
    ],
)
@pytest.mark.parametrize("error", ["ImportError", "OSError"])
def test_a_broken_package_is_a_fail_line_with_what_to_do(
    error: str, module: str, line: str, remedy: str, tmp_path: Path
) -> None:
    (tmp_path / f"{module}.py").write_text(f"raise {error}('libodd.so.1:\\ncannot open it')\n")
    done = doctor(tmp_path)
    assert done.returncode == 3
    assert done.stderr == ""
    failed = [text for text in done.stdout.splitlines() if text.startswith("FAIL")]
    (told,) = [text for text in failed if "libodd.so.1" in text]
    assert told.split(maxsplit=1)[1].startswith(line)
    assert remedy in told
    assert "bundled model" in done.stdout  # the checks after it were made all the same


def test_torch_that_is_not_there_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    done = doctor(tmp_path)
    assert done.returncode == 0, done.stdout
    assert "needs torch" in done.stdout


def test_a_limit_on_memory_is_seen_and_no_package_blamed_for_it(tmp_path: Path) -> None:
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError('no torch', name='torch')\n")
    for kilobytes, code in ((5_000_000, 0), (700_000, 3)):
        done = doctor(tmp_path, address_space=1024 * kilobytes)
        assert done.returncode == code, done.stdout
        assert f"(ulimit -v {kilobytes})" in done.stdout
        assert "--force-reinstall" not in done.stdout
        assert done.stderr == ""
