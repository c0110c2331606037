"""The journal by itself: damage, and two runs at once. Kills are tried in `test_youtube8m_run`."""

import subprocess
import sys
from pathlib import Path

import pytest

from clipkind.dataset.youtube8m.journal import Journal
from clipkind.errors import ClipkindError, FileFormatError


@pytest.mark.parametrize("line", [b"{}", b"[1]", b"not json", b'{"status": "lost"}', b"\xff"])
def test_a_journal_damaged_before_its_end_is_refused_with_its_line(
    line: bytes, tmp_path: Path
) -> None:
    (tmp_path / "journal.jsonl").write_bytes(line + b"\n")
    with pytest.raises(FileFormatError, match=r"journal\.jsonl, line 1: is damaged"):
        Journal(tmp_path)


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    other = (
        "import sys, pathlib; from clipkind.dataset.youtube8m.journal import Journal\n"
        "with Journal(pathlib.Path(sys.argv[1])): print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", other, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"open\n"
        with pytest.raises(ClipkindError, match="another process is downloading to this folder"):
            Journal(tmp_path)
        process.communicate(b"")
    Journal(tmp_path).__exit__()
