"""Extraction of a set: goes on where it stopped, and accounts for every input."""

import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from reading_engine import READING, ReadingEngine, expected_features, numbered_video

from broken_media import BROKEN
from clipkind.dataset.layouts import items_of
from clipkind.errors import ClipkindError, ContractMismatch
from clipkind.features.extract import Item, Summary, extract_to_store
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.features.store import open_features

COUNT = 30
Result = VideoFeatures | Refusal | None


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("made")
    return [numbered_video(folder / f"{i}.mp4", 100 * i, COUNT) for i in range(6)]


@pytest.fixture
def items(made: list[Path], tmp_path: Path) -> list[Item]:
    """Six videos in a folder of the test's own."""
    labels = ("Natural", "Gaming", "", "Animation", "Gaming", "Natural")
    return [
        Item(
            id=f"v{i}",
            path=str(shutil.copy(file, tmp_path / file.name)),
            label=label,
            subcategory="s",
            group="g",
        )
        for i, (file, label) in enumerate(zip(made, labels, strict=True))
    ]


def total(summary: Summary) -> int:
    return summary.ok + summary.partial + summary.refused + summary.reused


def run(items: list[Item], out: Path, **options: Any) -> tuple[Summary, list[str]]:
    """Extract; also the paths decoded in this run."""
    decoded: list[str] = []

    def note(result: Result, _: Summary) -> None:
        if result is not None:
            decoded.append(result.path)

    contract = options.pop("contract", READING)
    with FeatureExtractor(ReadingEngine(), contract, jobs=options.pop("jobs", 1)) as extractor:
        return extract_to_store(items, extractor, out, progress=note, **options), decoded


def check(out: Path, items: list[Item], firsts: list[int]) -> None:
    """The file holds exactly these items with exactly their features."""
    with open_features(out) as file:
        assert file.ids == tuple(sorted(item.id for item in items))
        for item, first in zip(items, firsts, strict=True):
            row = file.rows[file.index(item.id)]
            assert (row.label, row.subcategory, row.group) == (
                item.label,
                item.subcategory,
                item.group or item.id,
            )
            assert row.status == "ok"
            wanted = expected_features(first, COUNT)
            np.testing.assert_array_equal(file.features([item.id])[0], wanted)


FIRSTS = [0, 100, 200, 300, 400, 500]


@pytest.mark.parametrize("jobs", [1, 3])
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_a_set_becomes_a_file(items: list[Item], jobs: int, dtype: str, tmp_path: Path) -> None:
    out = tmp_path / "f.h5"
    summary, decoded = run(items, out, jobs=jobs, dtype=dtype)
    assert sorted(decoded) == sorted(item.path for item in items)
    assert summary == Summary(ok=6, pictures=6 * 20)
    check(out, items, FIRSTS)
    with open_features(out) as file:
        assert file.dtype == dtype
        assert file.contract == replace(READING, class_names=("Animation", "Gaming", "Natural"))


@pytest.mark.parametrize("stop_after", [1, 3, 5])
def test_after_an_interruption_only_the_rest_is_done(
    items: list[Item], stop_after: int, tmp_path: Path
) -> None:
    out = tmp_path / "f.h5"
    finished: list[str] = []

    def interrupt(result: Result, _: Summary) -> None:
        assert result is not None
        finished.append(result.path)
        if len(finished) == stop_after:
            raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt),
        FeatureExtractor(ReadingEngine(), READING) as extractor,
    ):
        extract_to_store(items, extractor, out, progress=interrupt)
    assert not out.exists()
    summary, decoded = run(items, out)
    assert sorted(decoded) == sorted({item.path for item in items} - set(finished))
    assert (summary.ok, summary.reused) == (6 - stop_after, stop_after)
    check(out, items, FIRSTS)


def test_what_is_done_is_not_done_again_but_what_changed_is(
    items: list[Item], tmp_path: Path
) -> None:
    out = tmp_path / "f.h5"
    run(items, out)
    before = out.read_bytes()
    summary, decoded = run(items, out)
    assert (summary, decoded) == (Summary(reused=6), [])
    assert out.read_bytes() == before
    numbered_video(Path(items[3].path), 700, COUNT)
    summary, decoded = run(items, out)
    assert (summary.ok, summary.reused, decoded) == (1, 5, [items[3].path])
    check(out, items, [*FIRSTS[:3], 700, *FIRSTS[4:]])


def test_a_moved_file_is_not_done_again(items: list[Item], tmp_path: Path) -> None:
    out = tmp_path / "f.h5"
    run(items[:2], out)
    (tmp_path / "elsewhere").mkdir()
    moved = replace(items[0], path=shutil.move(items[0].path, str(tmp_path / "elsewhere")))
    summary, _ = run([moved, items[1]], out)
    assert summary == Summary(reused=2)
    with open_features(out) as file:
        assert {row.path for row in file.rows} == {moved.path, items[1].path}


def test_videos_and_classes_can_be_added_later(items: list[Item], tmp_path: Path) -> None:
    out = tmp_path / "f.h5"
    run(items[:2], out)
    summary, decoded = run(items[2:], out)
    assert (summary.ok, summary.reused) == (4, 0)
    assert sorted(decoded) == sorted(item.path for item in items[2:])
    check(out, items, FIRSTS)
    with open_features(out) as file:
        assert file.contract.class_names == ("Animation", "Gaming", "Natural")


def test_a_corrected_label_takes_effect_without_extracting_again(
    items: list[Item], tmp_path: Path
) -> None:
    out = tmp_path / "f.h5"
    run(items, out)
    items[3] = replace(items[3], label="Flat", subcategory="slides", group="other")
    items[2] = replace(items[2], label="Gaming")
    summary, decoded = run(items, out)
    assert (summary, decoded) == (Summary(reused=6), [])
    check(out, items, FIRSTS)
    with open_features(out) as file:
        assert file.contract.class_names == ("Flat", "Gaming", "Natural")


def test_refused_and_partial_videos_are_recorded_and_the_counts_add_up(
    items: list[Item], tmp_path: Path
) -> None:
    refused = {
        name: Item(id=name, path=str(BROKEN[name](tmp_path)), label="Gaming")
        for name in ("text", "absent", "directory", "no_frames")
    }
    cut = Item(id="cut", path=str(BROKEN["truncated_faststart"](tmp_path)), label="Gaming")
    everything = [*items, *refused.values(), cut]
    seen: list[int] = []

    def add_up(_: Result, summary: Summary) -> None:
        seen.append(total(summary))

    with FeatureExtractor(ReadingEngine(), READING) as extractor:
        summary = extract_to_store(everything, extractor, tmp_path / "f.h5", progress=add_up)
    assert (summary.ok, summary.partial, summary.refused) == (6, 1, 4)
    assert seen == sorted(seen)
    assert seen[-1] == total(summary) == len(everything)
    with open_features(tmp_path / "f.h5") as file:
        reasons = {row.id: row.reason for row in file.refused}
        row = file.rows[file.index("cut")]
        assert all("\n" not in row.message for row in file.refused)
    assert reasons == {
        "text": "not_a_video",
        "absent": "missing",
        "directory": "is_directory",
        "no_frames": "no_frames",
    }
    assert (row.status, row.reason, row.length) == ("partial", "truncated", 20)


def test_a_refused_video_is_tried_again_and_may_recover(items: list[Item], tmp_path: Path) -> None:
    out, path = tmp_path / "f.h5", Path(items[0].path)
    good = path.read_bytes()
    path.write_bytes(b"")
    summary, _ = run(items[:2], out)
    assert (summary.ok, summary.refused) == (1, 1)
    path.write_bytes(good)
    summary, decoded = run(items[:2], out)
    assert (summary.ok, summary.refused, summary.reused) == (1, 0, 1)
    assert decoded == [str(path)]
    check(out, items[:2], FIRSTS[:2])
    with open_features(out) as file:
        assert not file.refused


@pytest.mark.parametrize("field", ["id", "path"])
def test_a_video_listed_twice_is_refused_before_any_work(
    field: str, items: list[Item], tmp_path: Path
) -> None:
    twice = replace(items[4], **{field: getattr(items[1], field)})
    with pytest.raises(ClipkindError, match="listed twice") as caught:
        run([*items[:4], twice], tmp_path / "f.h5")
    assert twice.path in str(caught.value)
    assert not (tmp_path / "f.h5").exists()


@pytest.mark.parametrize(("field", "value"), [("num_frames", 10), ("weights_sha256", "other")])
def test_other_rules_are_refused_by_name_before_any_work(
    field: str, value: Any, items: list[Item], tmp_path: Path
) -> None:
    out = tmp_path / "f.h5"
    run(items[:1], out)
    before = out.read_bytes()
    with pytest.raises(ContractMismatch, match=f"{field} is ") as caught:
        run(items, out, contract=replace(READING, **{field: value}))
    assert caught.value.fields == (field,)
    assert out.read_bytes() == before


def test_videos_without_labels_have_no_class_names(items: list[Item], tmp_path: Path) -> None:
    unlabelled = [replace(item, label="", group="") for item in items[:2]]
    run(unlabelled, tmp_path / "f.h5")
    check(tmp_path / "f.h5", unlabelled, FIRSTS[:2])
    with open_features(tmp_path / "f.h5") as file:
        assert file.contract.class_names == ()


def test_a_folder_with_odd_names_is_extracted_and_resumed(made: list[Path], tmp_path: Path) -> None:
    folder = tmp_path / "clips" / "Gaming"
    folder.mkdir(parents=True)
    for name in (b"caf\xe9.mp4", b"line\nbreak.mp4", "日本.mp4".encode()):
        shutil.copy(made[1], folder / os.fsdecode(name))
    listed, _ = items_of(tmp_path / "clips")
    summary, _ = run(listed, tmp_path / "f.h5")
    assert summary.ok == 3
    with open_features(tmp_path / "f.h5") as file:
        assert set(file.ids) == {
            "Gaming/caf\\xe9.mp4",
            "Gaming/line\\x0abreak.mp4",
            "Gaming/日本.mp4",
        }
    summary, decoded = run(listed, tmp_path / "f.h5")
    assert (summary, decoded) == (Summary(reused=3), [])
