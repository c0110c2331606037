"""Extraction of a set when something is off with some of it: the rest goes on, and is told."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from reading_engine import READING, ReadingEngine, numbered_video

from clipkind.errors import ContractMismatch, Reason
from clipkind.features.engines import Embeddings
from clipkind.features.extract import Item, Summary, extract_to_store
from clipkind.features.pipeline import FeatureExtractor, Refusal, VideoFeatures
from clipkind.features.store import FeatureRow, FeatureWriter, open_features
from clipkind.video.picture import Picture

Told = list[tuple[VideoFeatures | Refusal | None, Summary]]


class OverflowingEngine(ReadingEngine):
    """Gives numbers beyond float16 for pictures numbered 100 and up."""

    def embed(self, pictures: Sequence[Picture]) -> Embeddings:
        numbers = super().embed(pictures)
        return np.where(numbers >= 100, np.float32(1e6), numbers)


@pytest.fixture
def items(tmp_path: Path) -> list[Item]:
    firsts = (0, 100, 40)
    return [
        Item(f"v{i}", str(numbered_video(tmp_path / f"{i}.mp4", first, 24)), label="Gaming")
        for i, first in enumerate(firsts)
    ]


def run(items: list[Item], out: Path, engine: ReadingEngine, jobs: int = 1) -> tuple[Summary, Told]:
    told: Told = []
    with FeatureExtractor(engine, READING, jobs=jobs) as extractor:
        summary = extract_to_store(
            items, extractor, out, progress=lambda r, s: told.append((r, replace(s)))
        )
    return summary, told


def test_unreachable_files_do_not_cost_the_features_they_gave(
    items: list[Item], tmp_path: Path
) -> None:
    out = tmp_path / "f.h5"
    run(items, out, ReadingEngine())
    before = out.read_bytes()
    for item in items[:2]:
        shutil.move(item.path, item.path + ".away")
    summary, told = run(items, out, ReadingEngine())
    assert summary == Summary(refused=2, reused=1)
    assert [r.reason for r, _ in told if isinstance(r, Refusal)] == [Reason.MISSING] * 2
    assert out.read_bytes() == before
    for item in items[:2]:
        shutil.move(item.path + ".away", item.path)
    assert run(items, out, ReadingEngine())[0] == Summary(reused=3)


def test_a_video_whose_features_do_not_fit_is_refused_and_the_others_go_on(
    items: list[Item], tmp_path: Path
) -> None:
    summary, told = run(items, tmp_path / "f.h5", OverflowingEngine())
    assert summary == Summary(ok=2, refused=1, pictures=60)
    (refusal,) = [r for r, _ in told if isinstance(r, Refusal)]
    assert (refusal.path, refusal.reason) == (items[1].path, Reason.BAD_FEATURES)
    with open_features(tmp_path / "f.h5") as file:
        assert file.ids == ("v0", "v2")
        assert [(r.id, r.reason) for r in file.refused] == [("v1", "bad_features")]
        assert "float16" in file.refused[0].message


@pytest.mark.parametrize("jobs", [1, 2])
def test_what_was_done_before_is_told_video_by_video(
    items: list[Item], jobs: int, tmp_path: Path
) -> None:
    run(items[:2], tmp_path / "f.h5", ReadingEngine())
    summary, told = run(items, tmp_path / "f.h5", ReadingEngine(), jobs)
    assert summary == Summary(ok=1, reused=2, pictures=20)
    assert [s.ok + s.reused for _, s in told] == [1, 2, 3]
    assert [(r is None, s.reused) for r, s in told] == [(True, 1), (True, 2), (False, 2)]


def test_another_engine_is_refused_but_another_device_is_not(
    items: list[Item], tmp_path: Path
) -> None:
    engine = ReadingEngine()
    for name in ("torch float32 on cpu", "torch float32 on cuda"):
        engine.name = name
        run(items[:1], tmp_path / "f.h5", engine)
    with open_features(tmp_path / "f.h5") as file:
        assert file.engine == "torch float32"
    engine.name = "torch bfloat16 on cuda"
    with pytest.raises(ContractMismatch, match="by torch float32, not torch bfloat16"):
        run(items, tmp_path / "f.h5", engine)


ZEROS = np.zeros((READING.sequence_length, 1))


def row(id: str) -> FeatureRow:
    return FeatureRow(
        id=id, path=id, sha256=f"sha of {id}", duration_s=1.0, fps=25.0, width=4, height=4,
        length=len(ZEROS), distinct=1,
    )  # fmt: skip


@pytest.mark.parametrize("finished", [True, False])
def test_features_of_another_engine_are_not_mixed_in(tmp_path: Path, finished: bool) -> None:
    path = tmp_path / "f.h5"
    writer = FeatureWriter(path, READING, engine="torch bfloat16")
    writer.add(row("a"), ZEROS)
    writer.finish() if finished else writer.close()
    with pytest.raises(
        ContractMismatch, match="by torch bfloat16, not torch float32: use the"
    ) as e:
        FeatureWriter(path, READING, engine="torch float32")
    assert e.value.fields == ("engine",)
    assert "\n" not in str(e.value)
    with FeatureWriter(path, READING, engine="torch bfloat16") as writer:
        writer.add(row("b"), ZEROS)
    with open_features(path) as file:
        assert (file.engine, file.ids) == ("torch bfloat16", ("a", "b"))


@pytest.mark.parametrize(("first", "then"), [("", "torch"), ("torch", ""), ("", "")])
def test_where_an_engine_is_unknown_the_file_names_none(
    tmp_path: Path, first: str, then: str
) -> None:
    for id, engine in (("a", first), ("b", then)):
        with FeatureWriter(tmp_path / "f.h5", READING, engine=engine) as writer:
            writer.add(row(id), ZEROS)
    with open_features(tmp_path / "f.h5") as file:
        assert (file.engine, file.ids) == ("", ("a", "b"))


def test_a_file_from_before_engines_were_recorded_is_read(tmp_path: Path) -> None:
    with FeatureWriter(tmp_path / "f.h5", READING) as writer:
        writer.add(row("a"), ZEROS)
    with h5py.File(tmp_path / "f.h5", "r+") as file:
        del file.attrs["engine"]
    with FeatureWriter(tmp_path / "f.h5", READING, engine="torch") as writer:
        assert writer.has("a", "sha of a")
