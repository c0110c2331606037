"""Robustness: paired with the undisturbed answers, refused ones counted, nothing left behind."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

import clipkind
from clipkind.evaluation.robustness.disturbances import DISTURBANCES
from clipkind.evaluation.robustness.measure import Answering, Labelled, choose, measure
from clipkind.inference.classifier import Classifier
from media import card, write_video

TWO = tuple(d for d in DISTURBANCES if d.name in ("144p", "grey"))


@pytest.fixture(scope="module")
def classifier() -> Iterator[Classifier]:
    with clipkind.load(multi_scale="single") as loaded:
        yield loaded


@pytest.fixture(scope="module")
def labels(classifier: Classifier) -> Answering:
    def answer(paths: Sequence[str]) -> list[str | None]:
        found = {answer.path: answer.label for answer in classifier.classify_many(paths)}
        return [found[path] for path in paths]

    return answer


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def videos(folder: Path, count: int) -> list[Path]:
    random = np.random.default_rng(0)
    paths = []
    for number in range(count):
        frames = [card((320, 240))] * 6
        if number % 2:
            frames = list(random.integers(0, 256, (6, 240, 320, 3), dtype=np.uint8))
        paths.append(write_video(folder / f"caf\udce9-{number}.mp4", frames))
    return paths


def test_the_rows_are_what_classifying_the_copies_gives(
    tmp_path: Path,
    temporary: Path,
    classifier: Classifier,
    labels: Answering,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # among files that are called like modules
    Path("av.py").write_text("raise ImportError")
    paths = [path.relative_to(tmp_path) for path in videos(tmp_path, 2)]
    true = [classifier.classify(path).label or "" for path in paths]
    asked = [
        Labelled(path=str(path), label=label, group=f"g{i}")
        for i, (path, label) in enumerate(zip(paths, true, strict=True))
    ]
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    asked.append(Labelled(path=str(bad), label=true[0], group="bad"))
    seen: list[tuple[int, int]] = []
    found = measure(
        labels, asked, disturbances=TWO, progress=lambda done, of: seen.append((done, of))
    )
    assert [row["name"] for row in found.rows] == [d.name for d in TWO]
    for row in found.rows:
        assert (row["videos"], row["refused"]) == (2, 1)
        # undisturbed they are all right, as their labels are what the model answered
        assert row["drop"]["value"] == pytest.approx(1 - row["accuracy"]["value"], abs=1e-5)
        for figure in (row["accuracy"], row["drop"]):
            assert figure["low"] <= figure["value"] <= figure["high"]
    assert seen == [(done, 3) for done in range(4)]
    assert found.notes == []
    assert list(temporary.iterdir()) == []


def test_without_an_answer_there_is_a_note_and_no_row(
    tmp_path: Path, temporary: Path, labels: Answering
) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"no video")
    asked = [Labelled(path=str(bad), label="Gaming", group="g")]
    for some in (asked, []):
        found = measure(labels, some, disturbances=TWO)
        assert found.rows == []
        assert len(found.notes) == len(TWO)
        assert "'grey'" in found.notes[1]
    assert list(temporary.iterdir()) == []


def test_an_interruption_leaves_nothing_behind(
    tmp_path: Path, temporary: Path, labels: Answering
) -> None:
    def interrupt(done: int, of: int) -> None:
        if done:
            raise KeyboardInterrupt

    asked = [Labelled(path=str(p), label="Gaming", group="g") for p in videos(tmp_path, 3)]
    with pytest.raises(KeyboardInterrupt):
        measure(labels, asked, disturbances=TWO[:1], progress=interrupt)
    assert list(temporary.iterdir()) == []


def test_a_limit_is_stated_and_spread_over_classes_and_sources() -> None:
    many = [
        Labelled(path=f"{label}-{i}.mp4", label=label, group=f"{label}-{i % groups}")
        for label, count, groups in (("a", 50, 5), ("b", 20, 10), ("c", 2, 2))
        for i in range(count)
    ]
    chosen = choose(many, 12)
    assert chosen == choose(many, 12)
    counts = {label: sum(v.label == label for v in chosen) for label in "abc"}
    assert counts == {"a": 5, "b": 5, "c": 2}
    assert len({v.group for v in chosen}) == 12
    assert choose(many, 1000) == many
    assert choose(many, 0) == []
