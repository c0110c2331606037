"""What `import clipkind` offers; what type checkers make of it is in `public_names.py`."""

import subprocess
import sys

import clipkind


def test_every_name_that_is_offered_is_there() -> None:
    assert [name for name in clipkind.__all__ if getattr(clipkind, name, None) is None] == []


def test_the_package_runs_as_the_command_does() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clipkind", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"clipkind {clipkind.__version__}\n"
