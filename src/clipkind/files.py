"""Files at names that people give: what stands there is respected, and changes in one step.

Links are followed and stay. Pipes, devices and open descriptors (`/dev/fd/N`) are written through,
never replaced.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from clipkind.errors import ClipkindError
from clipkind.text import printable

_KINDS = {
    stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFIFO: "pipe", stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "device", stat.S_IFBLK: "device",
}  # fmt: skip
THROUGH = ("pipe", "device", "descriptor")
"""Kinds that are written through."""


def kind(path: Path) -> str:
    """What stands at `path`, links followed: file, folder, pipe, socket or device; empty: nothing.

    `/dev/fd/N`, and what links to it (`/dev/stdout`), is a `descriptor`, wherever that leads.
    """
    if _descriptor(path) is not None:
        return "descriptor"
    try:
        return _KINDS[stat.S_IFMT(path.stat().st_mode)]
    except (FileNotFoundError, NotADirectoryError):
        return ""


def resolved(path: Path) -> Path:
    """The file or folder that `path` stands for: where it is a link, what it leads to."""
    return Path(os.path.realpath(path)) if path.is_symlink() else path


def require_file(path: Path) -> None:
    """Raises ClipkindError where something stands at `path` that is no file."""
    found = kind(path)
    if found not in ("", "file"):
        raise ClipkindError(f"{printable(str(path))}: is a {found}; name a file")


@contextmanager
def replacing(path: Path, *, part: bool = False) -> Iterator[Path]:
    """Yield a file to write beside `path`; at the end it takes the place of `path` in one step.

    Where `path` is a link, all this happens where the link leads. Owner and permissions of a file
    that was there stay. Whatever goes wrong, it stays as it was and the new one, `<path>.tmp`, is
    removed; with `part` it is called `<path>.part` and stays. Raises ClipkindError where `path` is
    no file but a folder, pipe or device. A file mounted by itself is overwritten: nothing can take
    its place.
    """
    require_file(path)
    target = resolved(path)
    temporary = target.with_name(target.name + (".part" if part else ".tmp"))
    try:
        _create(temporary, target.stat() if target.exists() else None)
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        _move(temporary, target)
    except BaseException:
        if not part:
            temporary.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)


@contextmanager
def output(path: Path, *, part: bool = False) -> Iterator[BinaryIO]:
    """Yield a stream to `path`: a file as by `replacing`; what cannot be replaced is written to.

    Opening a pipe waits for its reader; when that goes away, the block ends. Raises as `replacing`.
    """
    if kind(path) not in THROUGH:
        with replacing(path, part=part) as temporary, temporary.open("wb") as stream:
            yield stream
        return
    number = _descriptor(path)  # used as it is: opened by its name a file would begin anew
    where = path if number is None else number
    with suppress(BrokenPipeError), open(where, "wb", closefd=number is None) as stream:
        yield stream


def write_file(path: Path, content: str | bytes | memoryview) -> None:
    """Write `content`, text in UTF-8, as by `output`."""
    with output(path) as stream:
        stream.write(content.encode() if isinstance(content, str) else content)


def sync_folder(folder: Path) -> None:
    """Make names created, replaced or removed in `folder` durable, where its system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # it may be written to, and not read
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno != errno.EINVAL:  # some network drives know no such thing
            raise
    finally:
        os.close(handle)


def _create(new: Path, like: os.stat_result | None) -> None:
    """Make an empty file, whatever stood there, with the owner and permissions of `like` if any.

    Never through a link, which somebody else may have put there.
    """
    new.unlink(missing_ok=True)
    handle = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    try:
        if like:
            with suppress(PermissionError):  # only root may give a file away
                os.fchown(handle, like.st_uid, like.st_gid)
            os.fchmod(handle, stat.S_IMODE(like.st_mode))
    finally:
        os.close(handle)


def _move(temporary: Path, target: Path) -> None:
    try:
        temporary.replace(target)
    except OSError as error:
        if error.errno != errno.EBUSY:  # a file mounted by itself, as containers do
            raise
        shutil.copyfile(temporary, target)
        temporary.unlink()


def _descriptor(path: Path) -> int | None:
    """N where `path` is `/dev/fd/N` or a link that leads there."""
    for _ in range(40):  # as many links as Linux follows
        folder = Path(os.path.realpath(path.parent))
        if str(folder) in (f"/proc/{os.getpid()}/fd", "/dev/fd") and path.name.isdecimal():
            return int(path.name)
        if not path.is_symlink():
            return None
        path = folder / path.readlink()
    return None
