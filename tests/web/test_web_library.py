"""The data set that people may choose from, and its pictures."""

import io
import os
import threading
import time
from collections import Counter
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import media
from clipkind.errors import FileFormatError
from clipkind.web import thumbnails
from clipkind.web.jobs.spool import valid_id
from clipkind.web.library import Library
from clipkind.web.thumbnails import Busy, Thumbnails
from slow_video import slow_video

WORDS = ("Animation", "Gaming", "")


def folder_of(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"not looked at")
    return root


def test_a_folder_gives_names_and_classes_but_no_paths(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "Gaming/a.mp4", "Gaming/indie/b.mp4", "Animation/c.webm")
    library = Library(root)
    assert [(v.name, v.label) for v in library.videos] == [
        ("c.webm", "Animation"),
        ("a.mp4", "Gaming"),
        ("b.mp4", "Gaming"),
    ]
    assert library.labels == {"Animation": 1, "Gaming": 2}
    for video in library.videos:
        assert str(tmp_path) not in str(video.to_json())
        path = library.path(video.id)
        assert path is not None
        assert path.is_relative_to(root)
        assert path.name == video.name
        assert valid_id(video.id)


def test_ids_are_of_places_not_of_order(tmp_path: Path) -> None:
    root = folder_of(tmp_path, "Gaming/b.mp4", "Animation/b.mp4")
    before = {video.label: video.id for video in Library(root).videos}
    folder_of(root, "Animation/a.mp4", "Zoo/z.mp4")
    after = {v.label: v.id for v in Library(root).videos if v.name == "b.mp4"}
    assert before == after
    assert len(set(before.values())) == 2


def test_a_manifest_with_its_classes_and_without_what_was_refused(tmp_path: Path) -> None:
    folder_of(tmp_path, "clips/a.mp4", "clips/b.mp4")
    manifest = tmp_path / "set.csv"
    manifest.write_text(
        "path,label,status,reason\nclips/a.mp4,Gaming,ok,\nclips/b.mp4,Gaming,refused,too_short\n"
        "clips/a.mp4,Gaming,ok,\n"
    )
    library = Library(manifest)
    assert [(video.name, video.label) for video in library.videos] == [("a.mp4", "Gaming")]
    assert library.path(library.videos[0].id) == tmp_path / "clips" / "a.mp4"


def test_names_that_are_no_text_are_shown_and_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.mp4")
    library = Library(folder_of(tmp_path, f"Gaming/{name}"))
    (video,) = library.videos
    assert video.name == "caf\\xe9.mp4"
    path = library.path(video.id)
    assert path is not None
    assert path.read_bytes()


def test_nothing_and_what_is_no_data_set(tmp_path: Path) -> None:
    assert Library(None).videos == ()
    assert Library(None).find().pages == 1
    with pytest.raises(FileFormatError, match="no such file"):
        Library(tmp_path / "absent")


@pytest.mark.parametrize("id", ["", "../../etc/passwd", "A" * 22, "Gaming/a.mp4"])
def test_only_its_own_ids_lead_to_files(tmp_path: Path, id: str) -> None:
    library = Library(folder_of(tmp_path, "Gaming/a.mp4"))
    assert library.get(id) is None
    assert library.path(id) is None


@given(
    videos=st.lists(
        st.tuples(st.sampled_from(WORDS), st.text("abXY", min_size=1, max_size=3)), max_size=30
    ),
    text=st.text("abxy", max_size=2),
    label=st.sampled_from((None, *WORDS[:2])),
    size=st.integers(1, 9),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pages_show_every_video_that_fits_once(
    tmp_path: Path, videos: list[tuple[str, str]], text: str, label: str | None, size: int
) -> None:
    rows = "".join(f"{n}/{name}.mp4,{word}\n" for n, (word, name) in enumerate(videos))
    manifest = tmp_path / "set.csv"
    manifest.write_text("path,label\n" + rows)
    library = Library(manifest)
    first = library.find(text, label, 1, size)
    pages = [library.find(text, label, page, size) for page in range(1, first.pages + 1)]
    shown = [video.id for page in pages for video in page.videos]
    wanted = [
        f"{name}.mp4"
        for word, name in videos
        if text in f"{name}.mp4".lower() and label in (None, word)
    ]
    assert len(shown) == len(set(shown)) == first.total == len(wanted)
    assert Counter(v.name for page in pages for v in page.videos) == Counter(wanted)
    assert all(len(page.videos) == size for page in pages[:-1])
    assert library.find(text, label, first.pages + 5, size) == pages[-1]
    assert library.find(text, label, -1, size) == first


def size_of(jpeg: bytes) -> tuple[int, int]:
    with av.open(io.BytesIO(jpeg)) as picture:
        frame = next(picture.decode(video=0))
        assert frame.width
        return frame.width, frame.height


def test_a_thumbnail_has_the_videos_shape_and_is_made_once(tmp_path: Path) -> None:
    wide = media.write_video(tmp_path / "wide.mp4", media.numbered_frames(8, (320, 180)))
    tall = media.write_video(tmp_path / "tall.mp4", media.numbered_frames(8, (180, 320)))
    with Thumbnails(tmp_path / "made") as pictures:
        found = pictures.get("w", wide)
        assert found is not None
        assert size_of(found) == (320, 180)
        other = pictures.get("t", tall)
        assert other is not None
        assert size_of(other) == (180, 320)
        made = sorted((tmp_path / "made").iterdir())
        assert pictures.get("w", wide) == found
        assert sorted((tmp_path / "made").iterdir()) == made
        os.utime(wide, ns=(1, 1))  # changed: another picture
        pictures.get("w", wide)
        assert len(list((tmp_path / "made").iterdir())) == 3


def test_what_is_no_video_has_no_thumbnail(tmp_path: Path) -> None:
    text = tmp_path / "notes.mp4"
    text.write_text("<script>alert(1)</script>")
    with Thumbnails(tmp_path / "made") as pictures:
        assert pictures.get("x", text) is None
        assert pictures.get("x", text) is None
        assert pictures.get("y", tmp_path / "absent.mp4") is None
    assert not (tmp_path / "made").exists()


def test_a_video_that_was_not_read_in_time_gets_its_thumbnail_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    video = slow_video(tmp_path / "slow.mov", frames=4)
    with Thumbnails(tmp_path / "made", timeout_s=0.001) as pictures:
        assert pictures.get("s", video) is None
        pictures._worker._timeout_s = 60.0
        assert pictures.get("s", video) is None  # not at once: it would take the others' turn
        later = time.monotonic() + thumbnails.AGAIN_S
        monkeypatch.setattr(time, "monotonic", lambda: later)
        assert pictures.get("s", video) is not None


def test_a_thumbnail_that_cannot_be_kept_is_given_away_all_the_same(tmp_path: Path) -> None:
    clip = media.write_video(tmp_path / "clip.mp4", media.numbered_frames(4))
    (tmp_path / "made").write_text("no folder")
    with Thumbnails(tmp_path / "made") as pictures:
        assert pictures.get("c", clip)


def test_the_oldest_thumbnails_make_room(tmp_path: Path) -> None:
    clip = media.write_video(tmp_path / "clip.mp4", media.numbered_frames(4))
    with Thumbnails(tmp_path / "made", kept=2) as pictures:
        for id in "abcd":
            assert pictures.get(id, clip)
        assert len(list((tmp_path / "made").iterdir())) == 2


def test_requests_that_would_wait_for_long_are_told_to_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the pictures of one page could take all threads of the server."""
    monkeypatch.setattr(thumbnails, "WAITING", 2)
    clip = media.write_video(tmp_path / "clip.mp4", media.numbered_frames(4))
    with Thumbnails(tmp_path / "made") as pictures:
        pictures._turn.acquire()
        waiting = [threading.Thread(target=pictures.get, args=(id, clip)) for id in "ab"]
        for thread in waiting:
            thread.start()
        while pictures._places._value:
            pass
        with pytest.raises(Busy):
            pictures.get("c", clip)
        pictures._turn.release()
        for thread in waiting:
            thread.join()
        assert pictures.get("c", clip)
