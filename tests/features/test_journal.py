"""The journal: what was appended is there after a kill, and nothing else is."""

import subprocess
import sys
from pathlib import Path

import pytest
from full_disk import disk_full_at
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.features.journal import Journal

BLOCKS = [b"first", b"", b"third" * 50]


def fill(path: Path, blocks: list[bytes]) -> list[int]:
    """Append the blocks; the file's size before the first and after each."""
    journal = Journal(path, {"made": "first"})
    sizes = [path.stat().st_size]
    for i, block in enumerate(blocks):
        journal.append({"n": i}, block)
        sizes.append(path.stat().st_size)
    journal.close()
    return sizes


def content(path: Path) -> list[tuple[int, bytes]]:
    journal = Journal(path, {"made": "later"})
    found = [(record.meta["n"], journal.block(record)) for record in journal.records]
    journal.close()
    return found


def test_records_and_header_come_back(tmp_path: Path) -> None:
    path = tmp_path / "j"
    fill(path, BLOCKS)
    journal = Journal(path, {"made": "later"})
    assert journal.header == {"made": "first"}
    assert [journal.block(record) for record in journal.records] == BLOCKS
    journal.close()


def test_cut_anywhere_keeps_every_whole_record_and_takes_new_ones(tmp_path: Path) -> None:
    path = tmp_path / "j"
    sizes = fill(path, BLOCKS)
    whole = path.read_bytes()
    for cut in range(len(whole) + 1):
        path.write_bytes(whole[:cut])
        kept = sum(size <= cut for size in sizes[1:])
        journal = Journal(path, {"made": "later"})
        assert [journal.block(record) for record in journal.records] == BLOCKS[:kept]
        journal.append({"n": kept}, b"new")
        journal.close()
        assert content(path)[kept:] == [(kept, b"new")]
        path.unlink()


@pytest.mark.parametrize("tail", [b"\0" * 4096, b"\xff" * 7, b"\xff" * 4096])
def test_a_tail_left_by_a_power_cut_is_dropped(tmp_path: Path, tail: bytes) -> None:
    path = tmp_path / "j"
    fill(path, BLOCKS)
    whole = path.read_bytes()
    path.write_bytes(whole + tail)
    assert [block for _, block in content(path)] == BLOCKS
    assert path.read_bytes() == whole


def test_damage_before_the_end_is_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "j"
    sizes = fill(path, BLOCKS)
    data = bytearray(path.read_bytes())
    data[sizes[1] - 1] ^= 1
    path.write_bytes(data)
    with pytest.raises(FileFormatError, match=rf"j: damaged at byte {sizes[0]} of .*delete it"):
        Journal(path, {})
    assert path.read_bytes() == data


def test_another_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_bytes(b"my notes")
    with pytest.raises(FileFormatError, match="not a clipkind journal"):
        Journal(path, {})
    assert path.read_bytes() == b"my notes"


def test_a_journal_without_records_leaves_no_file(tmp_path: Path) -> None:
    Journal(tmp_path / "j", {}).close()
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_no_half_record(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path, {})
    journal.append({"n": 0}, b"a")
    with disk_full_at(path.stat().st_size + 20), pytest.raises(OSError, match="File too large"):
        journal.append({"n": 1}, b"b" * 1000)
    journal.append({"n": 2}, b"c")
    journal.close()
    assert content(path) == [(0, b"a"), (2, b"c")]


def test_a_second_process_is_kept_out(tmp_path: Path) -> None:
    path = tmp_path / "j"
    code = (
        "import sys; from pathlib import Path; from clipkind.features.journal import Journal\n"
        "j = Journal(Path(sys.argv[1]), {}); j.append({'n': 0}); print(flush=True); input()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(ClipkindError, match="j: another process is writing here"):
            Journal(path, {})
        other.kill()
    assert content(path) == [(0, b"")]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=6), st.data())
def test_any_cut_of_any_journal_gives_a_prefix(
    tmp_path_factory: pytest.TempPathFactory, blocks: list[bytes], data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("journal") / "j"
    sizes = fill(path, blocks)
    if not blocks:
        assert not path.exists()
        return
    cut = data.draw(st.integers(0, sizes[-1]))
    path.write_bytes(path.read_bytes()[:cut])
    kept = sum(size <= cut for size in sizes[1:])
    assert content(path) == list(enumerate(blocks))[:kept]
