"""Every file of a data set ends in the manifest, with what is wrong with it."""

import hashlib
import os
import shutil
from pathlib import Path

import av
import pytest

from broken_media import BROKEN
from clipkind.dataset.layouts import items_of
from clipkind.dataset.manifest import read_manifest, write_manifest
from clipkind.dataset.scan import ScanResult, scan
from clipkind.dataset.taxonomy import load_taxonomy
from clipkind.errors import ClipkindError, FileFormatError, Reason
from media import KINDS, make, numbered_frames, write_video


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, ...]:
    """Different videos of 1.2 s, 160 x 120, 25 frames a second."""
    folder = tmp_path_factory.mktemp("clips")
    return tuple(
        write_video(folder / f"{n}.mp4", numbered_frames(30, (160, 120), n * 40)).read_bytes()
        for n in range(4)
    )


def put(root: Path, **files: bytes) -> None:
    """Write files; `__` in a name stands for a folder's slash."""
    for name, content in files.items():
        path = root / f"{name.replace('__', '/')}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def found(result: ScanResult, root: Path) -> dict[str, str]:
    """What became of each file: `ok` or the reason."""
    return {os.path.relpath(e.path, root): e.reason or e.status for e in result.entries}


def test_a_good_video_is_described_and_called_by_its_content(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, val__Cats__tabby__a=clips[0])
    (entry,) = scan(tmp_path).entries
    assert entry.id == hashlib.sha256(clips[0]).hexdigest()[:16]
    assert Path(entry.path).read_bytes() == clips[0]
    assert (entry.split, entry.label, entry.subcategory) == ("val", "Cats", "tabby")
    assert (entry.width, entry.height, entry.fps, entry.duration_s) == (160, 120, 25.0, 1.2)
    assert (entry.status, entry.reason, entry.message) == ("ok", "", "")


def test_every_kind_of_broken_file_is_listed_with_its_reason(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0])
    reasons = {
        "text": Reason.NOT_A_VIDEO,
        "empty": Reason.EMPTY,
        "truncated": Reason.NOT_A_VIDEO,
        "no_frames": Reason.NO_FRAMES,
        "one_pixel": Reason.TOO_SMALL,
        "huge_gif": Reason.TOO_LARGE,
        "huge_png": Reason.UNDECODABLE,
        "fifo": Reason.NOT_A_FILE,
        "dangling_link": Reason.MISSING,
    }
    expected = {"Cats/a.mp4": "ok"}
    for name, reason in reasons.items():
        expected[os.path.relpath(BROKEN[name](tmp_path / "Cats"), tmp_path)] = reason
    (tmp_path / "Cats" / "notes.txt").touch()
    result = scan(tmp_path, jobs=2)
    assert found(result, tmp_path) == expected
    assert all(e.message for e in result.entries if e.status == "refused")
    assert sum(result.reasons.values()) + len(result.ok) == len(result.entries)
    assert result.reasons["not_a_video"] == 2
    assert result.passed_over.by_name == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_nobody_may_read_is_listed_without_an_id(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0])
    BROKEN["forbidden"](tmp_path / "Cats")
    _, refused = scan(tmp_path).entries
    assert (refused.id, refused.reason) == ("", "permission")


def test_a_video_cut_short_is_ok_and_its_message_says_so(tmp_path: Path) -> None:
    (tmp_path / "Cats").mkdir()
    BROKEN["truncated_faststart"](tmp_path / "Cats")
    (entry,) = scan(tmp_path).entries
    assert entry.status == "ok"
    assert entry.message == f"is cut short: ends at {entry.duration_s:.1f} s of 2.4 s"


def test_short_videos_and_still_pictures_are_too_short(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0])
    make(tmp_path / "Cats", KINDS["single-frame.mp4"])
    write_video(tmp_path / "Cats" / "still.gif", numbered_frames(1), codec="gif", pix_fmt="pal8")
    reasons = {"Cats/a.mp4": "ok", "Cats/single-frame.mp4": "too_short"}
    reasons["Cats/still.gif"] = "too_short"
    assert found(scan(tmp_path), tmp_path) == reasons
    assert set(found(scan(tmp_path, min_duration_s=0), tmp_path).values()) == {"ok"}
    with pytest.raises(ClipkindError, match="'Cats' has no video that can be used"):
        scan(tmp_path, min_duration_s=1.3)
    assert scan(tmp_path, min_duration_s=1.2).ok[0].duration_s == 1.2


def test_a_slow_still_picture_is_too_short_however_long_it_is_shown(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0])
    path = write_video(tmp_path / "Cats" / "b.mp4", numbered_frames(1), fps=1)
    with av.open(str(path)) as file:
        assert file.duration == av.time_base
    assert scan(tmp_path, min_duration_s=0.5).entries[1].reason == "too_short"


def test_of_the_same_content_the_first_by_path_is_kept(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__b__x=clips[0], Cats__c=clips[0], Dogs__a=clips[1], Dogs__d=clips[0])
    result = scan(tmp_path, jobs=2)
    assert found(result, tmp_path) == {
        "Cats/b/x.mp4": "ok",
        "Cats/c.mp4": "duplicate",
        "Dogs/a.mp4": "ok",
        "Dogs/d.mp4": "duplicate",
    }
    messages = {Path(e.path).name: e.message for e in result.entries}
    first = tmp_path / "Cats" / "b" / "x.mp4"
    assert messages["c.mp4"] == f"has the same content as {first}"
    assert messages["d.mp4"] == (
        f"has the same content as {first}, which is kept, labelled 'Cats': "
        "one of the labels is wrong"
    )
    assert result.label_conflicts == 1
    ids = [entry.id for entry in result.ok]
    assert len(set(ids)) == len(ids)


def test_copies_of_a_broken_file_are_broken_and_no_duplicates(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0], Cats__b=b"no video", Cats__c=b"no video")
    assert scan(tmp_path).reasons == {"not_a_video": 2}


def test_a_scanned_manifest_scans_to_itself_and_becomes_items(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, train__Cats__a=clips[0], val__Dogs__b=clips[1], test__Cats__c=clips[0])
    put(tmp_path, val__Cats__d=b"no video")
    first = scan(tmp_path)
    write_manifest(tmp_path / "m.csv", list(first.entries))
    again = scan(tmp_path / "m.csv")
    assert again.entries == first.entries == tuple(read_manifest(tmp_path / "m.csv"))
    items, _ = items_of(tmp_path / "m.csv")
    assert [(i.id, i.path, i.label) for i in items] == [(e.id, e.path, e.label) for e in first.ok]


def test_a_list_names_missing_files_and_what_it_has_twice(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, a=clips[0], b=clips[1])
    table = tmp_path / "list.csv"
    table.write_text(
        "path,label,group\na.mp4,Cats,film 1\nb.mp4,Dogs,\ngone.mp4,Dogs,\na.mp4,Dogs,film 1\n"
    )
    result = scan(table)
    assert [e.reason for e in result.entries] == ["", "", "missing", "duplicate"]
    assert result.entries[3].message.startswith(f"is listed twice: {tmp_path / 'a.mp4'}, which")
    assert [e.group for e in result.entries] == ["film 1", "", "", "film 1"]
    assert result.label_conflicts == 1


def test_videos_without_class_folders_are_listed_without_labels(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, a=clips[0], b=clips[1])
    assert [(e.label, e.status) for e in scan(tmp_path).entries] == [("", "ok")] * 2


def test_what_lies_beside_the_class_folders_is_listed_and_makes_no_class(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0])
    (tmp_path / "LICENSE").write_text("You may copy it.")
    assert found(scan(tmp_path), tmp_path) == {"LICENSE": "not_a_video", "Cats/a.mp4": "ok"}
    shutil.rmtree(tmp_path / "Cats")
    with pytest.raises(ClipkindError, match="the folder has no video that can be used"):
        scan(tmp_path)


def test_names_that_are_not_utf8_are_scanned_and_kept(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0], Cats__b=clips[1])
    odd = os.fsencode(tmp_path / "Cats") + b"/\xff\n,.mp4"
    os.rename(tmp_path / "Cats" / "b.mp4", odd)  # noqa: PTH104 - bytes
    shutil.copy(odd, os.fsencode(tmp_path) + b"/Cats/\xff2.mp4")
    result = scan(tmp_path)
    assert sorted(result.reasons) == ["duplicate"]
    assert r"\xff\x0a,.mp4" in result.entries[-1].message
    write_manifest(tmp_path / "m.csv", list(result.entries))
    assert {os.fsencode(e.path) for e in scan(tmp_path / "m.csv").ok} == {
        os.fsencode(tmp_path / "Cats" / "a.mp4"),
        odd,
    }


def test_a_taxonomy_gives_classes_to_folders_of_subcategories(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cartoon__a=clips[0], minecraft__b=clips[1], Animation__c=clips[2])
    (tmp_path / "Naruto").mkdir()  # empty, but its class is not
    result = scan(tmp_path, taxonomy=load_taxonomy())
    assert [(e.label, e.subcategory) for e in result.entries] == [
        ("Animation", "Animation"),
        ("Animation", "Cartoon"),
        ("Gaming", "Minecraft"),
    ]


def test_a_taxonomy_mends_labels_that_differ_in_spelling(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, **{"Natural Content__a": clips[0], "Natural_Content__b": clips[1]})
    with pytest.raises(ClipkindError) as caught:
        scan(tmp_path)
    assert "labels 'Natural Content' and 'Natural_Content' differ only in" in str(caught.value)
    assert "rename one, or give --taxonomy" in str(caught.value)
    mended = scan(tmp_path, taxonomy=load_taxonomy())
    assert {entry.label for entry in mended.entries} == {"Natural_Content"}
    put(tmp_path, Sprots__c=clips[2])
    with pytest.raises(ClipkindError, match="'Sprots' is no class or subcategory"):
        scan(tmp_path, taxonomy=load_taxonomy())


def test_a_class_without_a_usable_video_is_refused(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, Cats__a=clips[0], Dogs__b=b"no video", Dogs__c=clips[0])
    with pytest.raises(ClipkindError) as caught:
        scan(tmp_path)
    message = str(caught.value)
    assert "'Dogs' has no video that can be used (2 files: 1 not_a_video, 1 duplicate)" in message
    assert "\n" not in message


def test_an_empty_class_folder_is_refused_before_anything_is_read(
    clips: tuple[bytes, ...], tmp_path: Path
) -> None:
    put(tmp_path, train__Cats__a=clips[0])
    (tmp_path / "train" / "Dogs").mkdir()
    reads: list[int] = []
    with pytest.raises(ClipkindError, match="class folder 'Dogs' holds no video"):
        scan(tmp_path, progress=lambda done, _total: reads.append(done))
    assert not reads
    put(tmp_path, val__Dogs__b=clips[1])  # a class may lack videos in one split
    assert len(scan(tmp_path).ok) == 2


@pytest.mark.parametrize("name", ["nowhere", "nothing", "empty.csv"])
def test_a_source_without_videos_is_refused_in_one_line(name: str, tmp_path: Path) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "empty.csv").write_text("path,label\n")
    says = "there is no such file" if name == "nowhere" else "lists no videos"
    with pytest.raises(ClipkindError, match=says) as caught:
        scan(tmp_path / name)
    assert str(caught.value).startswith(str(tmp_path / name))


def test_a_bad_line_of_a_manifest_ends_the_scan(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text('{"path": "a.mp4"}\n{"path": \n')
    with pytest.raises(FileFormatError, match=r"list\.jsonl, line 2: is not JSON"):
        scan(tmp_path / "list.jsonl")


def test_progress_counts_every_file_once(clips: tuple[bytes, ...], tmp_path: Path) -> None:
    put(tmp_path, Cats__a=clips[0], Cats__b=clips[0], Cats__c=b"x", Cats__e=clips[0])
    (tmp_path / "Cats" / "d.mp4").symlink_to("nowhere")
    calls: list[tuple[int, int]] = []
    scan(tmp_path, jobs=2, progress=lambda done, total: calls.append((done, total)))
    assert calls == sorted(calls)
    assert calls[-1] == (5, 5)


@pytest.mark.corpus
def test_the_shared_clips_agree_with_their_own_list(corpus: Path) -> None:
    folder, listed = scan(corpus / "clips", jobs=2), read_manifest(corpus / "manifest.csv")
    assert not folder.reasons
    known = {os.path.abspath(e.path): e for e in listed}  # noqa: PTH100
    assert len(folder.entries) == len(known)
    for entry in folder.entries:
        other = known[os.path.abspath(entry.path)]  # noqa: PTH100
        assert (entry.label, entry.subcategory) == (other.label, other.subcategory)
        assert (entry.width, entry.height) == (other.width, other.height)
        assert entry.duration_s == pytest.approx(other.duration_s, abs=0.1)
