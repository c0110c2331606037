"""Which files are meant by the names people give."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipkind.dataset.listing import NOT_VIDEO, Listing, PassedOver


def touch(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def below(root: Path, *names: str) -> list[str]:
    return [str(root / name) for name in names]


def test_a_folder_means_every_file_below_it_in_one_order_everywhere(tmp_path: Path) -> None:
    touch(tmp_path, "c/x.MOV", "b.mp4", "a/2.mkv", "Z.avi", "c/d/e.gif", "plain", "a/10.webm")
    found = list(Listing([str(tmp_path)]))
    assert found == below(
        tmp_path, "Z.avi", "b.mp4", "plain", "a/10.webm", "a/2.mkv", "c/x.MOV", "c/d/e.gif"
    )


def test_what_is_no_video_by_name_is_passed_over_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "notes.txt", "COVER.JPG", "deep/subtitles.srt", "deep/b.ts")
    listing = Listing([str(tmp_path)])
    assert list(listing) == below(tmp_path, "a.mp4", "deep/b.ts")
    assert listing.passed_over == PassedOver(by_name=3)


LITTER = (
    *(
        "@eaDir",
        ".Trashes",
        ".Spotlight-V100",
        ".fseventsd",
        "__MACOSX",
        "#recycle",
        "$RECYCLE.BIN",
    ),
    *("System Volume Information", "lost+found", ".thumbnails", ".git", ".ipynb_checkpoints"),
)


def test_what_systems_and_tools_leave_in_folders_is_passed_over_and_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "c/._a.mp4", ".DS_Store", "c/Icon\r", "c/__macos.mp4")
    touch(tmp_path, *(f"c/{name}/b.mp4" for name in LITTER), *(f"{n}/b.mp4" for n in LITTER))
    touch(tmp_path, "c/Thumbs.db", "desktop.ini")
    listing = Listing([str(tmp_path)])
    assert list(listing) == below(tmp_path, "a.mp4", "c/__macos.mp4")
    assert listing.passed_over == PassedOver(by_name=2, litter=3 + 2 * len(LITTER))
    for name in LITTER:
        assert list(Listing(below(tmp_path, name))) == below(tmp_path, f"{name}/b.mp4")


@pytest.mark.parametrize("name", ["letter.txt", ".hidden.mp4", "a.mp4", "absent.mp4"])
def test_a_file_named_by_itself_is_always_tried(name: str, tmp_path: Path) -> None:
    if name != "absent.mp4":
        touch(tmp_path, name)
    listing = Listing(below(tmp_path, name))
    assert list(listing) == below(tmp_path, name)
    assert not str(listing.passed_over)


def test_files_and_folders_keep_the_order_they_were_named_in(tmp_path: Path) -> None:
    touch(tmp_path, "f/a.mp4", "f/b.mp4", "z.mp4", "g/c.mp4")
    given = below(tmp_path, "z.mp4", "g", "f", "z.mp4")
    assert list(Listing(given)) == below(
        tmp_path, "z.mp4", "g/c.mp4", "f/a.mp4", "f/b.mp4", "z.mp4"
    )


def test_names_that_are_not_utf8_can_be_opened_as_listed(tmp_path: Path) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"caf\xe9 \xff.mp4")  # noqa: PTH118 - bytes
    with open(name, "wb") as file:  # noqa: PTH123
        file.write(b"content")
    (found,) = Listing([str(tmp_path)])
    assert os.fsencode(found) == name
    assert Path(found).read_bytes() == b"content"


def test_links_to_files_are_listed_and_a_loop_of_folders_ends(tmp_path: Path) -> None:
    touch(tmp_path, "real/a.mp4")
    (tmp_path / "link.mp4").symlink_to(tmp_path / "real" / "a.mp4")
    (tmp_path / "real" / "loop").symlink_to(tmp_path)
    assert list(Listing([str(tmp_path)])) == below(tmp_path, "link.mp4", "real/a.mp4")


def test_a_link_to_a_folder_elsewhere_is_followed_once(tmp_path: Path) -> None:
    touch(tmp_path, "disk/cats/1.mp4", "disk/dogs/2.mp4", "set/birds/3.mp4")
    (tmp_path / "set" / "cats").symlink_to(tmp_path / "disk" / "cats")
    (tmp_path / "set" / "dogs").symlink_to("../disk/dogs")
    (tmp_path / "set" / "dogs" / "more").symlink_to(tmp_path / "disk" / "cats")
    (tmp_path / "set" / "up").symlink_to(tmp_path)
    (tmp_path / "set" / "whole").symlink_to(tmp_path / "disk")
    (tmp_path / "set" / "self").symlink_to("self")
    found = list(Listing([str(tmp_path / "set")]))
    assert found == below(
        tmp_path / "set",
        *("self", "birds/3.mp4", "cats/1.mp4", "dogs/2.mp4", "whole/cats/1.mp4"),
        "whole/dogs/2.mp4",
    )


def test_folders_may_be_nested_deeper_than_python_calls(tmp_path: Path) -> None:
    depth = 1200
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=here)
        deeper = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = deeper
    os.close(os.open("a.mp4", os.O_CREAT | os.O_WRONLY, dir_fd=here))
    os.close(here)
    assert list(Listing([str(tmp_path)])) == [str(tmp_path) + "/d" * depth + "/a.mp4"]
    for up in range(depth, 0, -1):  # rmtree of Python 3.11 cannot
        folder = str(tmp_path) + "/d" * up
        if up == depth:
            os.unlink(folder + "/a.mp4")  # noqa: PTH108
        os.rmdir(folder)  # noqa: PTH106


def test_paths_are_drawn_only_as_they_are_needed(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")

    def lines() -> list[str]:
        raise AssertionError("drawn too early")

    def endless() -> object:
        yield str(tmp_path / "a.mp4")
        lines()

    assert next(iter(Listing(endless()))) == str(tmp_path / "a.mp4")  # type: ignore[arg-type]


def test_a_folder_that_cannot_be_read_comes_out_itself_in_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    touch(tmp_path, "a/1.mp4", "locked/2.mp4", "z/3.mp4")
    scandir = os.scandir

    def guarded(path: str) -> Iterator[os.DirEntry[str]]:
        if path.endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    whole = Listing([str(tmp_path)])
    assert list(whole) == below(tmp_path, "a/1.mp4", "locked", "z/3.mp4")
    assert not str(whole.passed_over)
    assert list(Listing(below(tmp_path, "locked", "z"))) == below(tmp_path, "locked", "z/3.mp4")


def test_a_folder_that_goes_away_during_the_walk_comes_out_itself(tmp_path: Path) -> None:
    touch(tmp_path, "0.mp4", "a/1.mp4", "z/2.mp4")
    walk = iter(Listing([str(tmp_path)]))
    assert next(walk) == str(tmp_path / "0.mp4")
    shutil.rmtree(tmp_path / "z")
    assert list(walk) == below(tmp_path, "a/1.mp4", "z")


def test_what_clipkind_leaves_behind_is_no_video(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4", "f.h5.journal", "f.h5.tmp", "f.h5.lock", "answers.csv.part")
    listing = Listing([str(tmp_path)])
    assert list(listing) == below(tmp_path, "a.mp4")
    assert listing.passed_over == PassedOver(by_name=4)


def test_no_ending_of_a_video_is_among_the_others() -> None:
    videos = "mp4 mkv webm avi mov gif apng ts m2ts flv wmv mpg mpeg m4v 3gp ogv h264 mxf vob"
    assert not {f".{ending}" for ending in videos.split()} & NOT_VIDEO
