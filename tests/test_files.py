"""Files at names that people give: links, pipes, devices and descriptors are respected."""

import os
import pty
import stat
import tty
from collections.abc import Callable
from pathlib import Path

import pytest

from clipkind.errors import ClipkindError
from clipkind.files import kind, output, replacing, write_file


def pipe(path: Path) -> None:
    os.mkfifo(path)


def device(path: Path) -> None:
    """A link to one: only root may make a device."""
    path.symlink_to("/dev/null")


def descriptor(path: Path) -> None:
    path.symlink_to("/dev/stdout")


KINDS: dict[str, Callable[[Path], None]] = {
    "pipe": pipe, "device": device, "descriptor": descriptor, "folder": Path.mkdir,
}  # fmt: skip


def test_replacing_is_all_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(path) as temporary:  # noqa: PT012
        temporary.write_bytes(b"half")
        raise RuntimeError
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]
    with replacing(path) as temporary:
        temporary.write_bytes(b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"new")]


@pytest.mark.parametrize("name", KINDS)
def test_what_is_no_file_is_never_replaced(name: str, tmp_path: Path) -> None:
    path = tmp_path / "x"
    KINDS[name](path)
    before = path.lstat()
    with pytest.raises(ClipkindError, match=f"x: is a {name}"), replacing(path):
        pass
    assert (path.lstat(), kind(path)) == (before, name)
    assert list(tmp_path.iterdir()) == [path]


def test_links_stay_and_what_they_lead_to_is_replaced_beside_itself(tmp_path: Path) -> None:
    disk, here = tmp_path / "disk", tmp_path / "here"
    disk.mkdir(), here.mkdir()
    (here / "near").symlink_to("../disk/far")
    (disk / "far").symlink_to(disk / "data")
    for content in (b"made", b"replaced"):  # it leads nowhere at first
        with replacing(here / "near") as temporary:
            assert temporary.parent == disk
            temporary.write_bytes(content)
        assert (disk / "data").read_bytes() == content
        assert (here / "near").readlink() == Path("../disk/far")
        assert {path.name for path in disk.iterdir()} == {"far", "data"}
    (here / "a").symlink_to("b")
    (here / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        write_file(here / "a", "lost")


def test_a_private_file_stays_private_and_its_owners(tmp_path: Path) -> None:
    path = tmp_path / "private"
    path.write_text("old")
    path.chmod(0o600)
    if os.geteuid() == 0:
        os.chown(path, 4321, 1234)
    before = path.stat()
    with output(path) as stream:
        assert stat.S_IMODE((tmp_path / "private.tmp").stat().st_mode) == 0o600
        stream.write(b"new")
    after = path.stat()
    assert path.read_text() == "new"
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip


def test_a_part_stays_when_work_is_cut_short(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), output(tmp_path / "x", part=True) as stream:  # noqa: PT012
        stream.write(b"half")
        raise KeyboardInterrupt
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("x.part", b"half")]


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    write_file(tmp_path / "link", "tëxt")
    assert os.read(reader, 100) == "tëxt".encode()
    os.close(reader)
    assert kind(tmp_path / "pipe") == "pipe"


def test_a_device_is_written_to() -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    name = Path(os.ttyname(slave))
    write_file(name, b"answers")
    assert os.read(master, 100) == b"answers"
    assert kind(name) == "device"
    os.close(master)
    os.close(slave)


@pytest.mark.parametrize("name", ["/dev/fd/{}", "/proc/self/fd/{}", "link"])
def test_an_open_descriptor_is_gone_on_with(name: str, tmp_path: Path) -> None:
    with (tmp_path / "file").open("wb", buffering=0) as file:
        (tmp_path / "link").symlink_to(f"/dev/fd/{file.fileno()}")
        file.write(b"before ")
        write_file(tmp_path / name.format(file.fileno()), "within ")
        file.write(b"after")
    assert (tmp_path / "file").read_bytes() == b"before within after"


def test_a_reader_that_goes_away_ends_the_block_and_nothing_else() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with output(Path(f"/dev/fd/{writer}")) as stream:
        for _ in range(1_000_000):
            stream.write(b"answer")
        pytest.fail("nobody reads this")
    os.close(writer)


def test_a_link_where_the_unfinished_file_would_lie_is_not_followed(tmp_path: Path) -> None:
    victim, target = tmp_path / "victim", tmp_path / "out.json"
    victim.write_text("precious")
    target.write_text("old")
    target.with_name("out.json.tmp").symlink_to(victim)
    write_file(target, "new")
    assert (victim.read_text(), target.read_text()) == ("precious", "new")
    assert not target.is_symlink()
