"""Fingerprints: what is kept of a video, kept through kills, and copies found by it."""

import csv
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from clipkind.contract import Contract
from clipkind.dataset.check.fingerprint import (
    EMBEDDED,
    FRAMES,
    SIDE,
    WIDTH,
    Fingerprint,
    FingerprintStore,
    fingerprint_many,
    small_grey,
)
from clipkind.dataset.check.matching import find_links
from clipkind.dataset.links import joined_groups
from clipkind.errors import FileFormatError, Reason
from clipkind.features.engines import Engine
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.model.bundle import BACKBONE_FILE, load_bundle
from dataset.scenery import write_scene
from planted import KINDS, plant


@pytest.fixture(scope="module")
def contract() -> Contract:
    return load_bundle().contract


@pytest.fixture(scope="module")
def engine() -> Engine:
    return OpenVinoEngine(load_bundle().path / BACKBONE_FILE, threads=1)


@pytest.fixture(scope="module")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three originals, another story in the place of the first, every kind of copy of the first."""
    folder = tmp_path_factory.mktemp("footage")
    for name, place, story in (("a", 1, 1), ("b", 2, 2), ("a-other-story", 1, 3), ("c", 4, 4)):
        write_scene(folder / f"{name}.mp4", place, story)
    for number, change in enumerate(KINDS.values()):
        plant(folder / "a.mp4", change, folder / f"a-copy-{number}.mp4")
    return folder


@pytest.fixture(scope="module")
def store(
    footage: Path, engine: Engine, contract: Contract, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FingerprintStore]:
    videos = {path.stem: str(path) for path in footage.glob("*.mp4")}
    file = tmp_path_factory.mktemp("store") / "x.fingerprints"
    with FingerprintStore(file, contract) as store:
        assert fingerprint_many(videos, store, engine, contract, jobs=2) == []
        yield store


def test_every_kind_of_copy_joins_its_original_and_nothing_else_does(
    footage: Path, store: FingerprintStore
) -> None:
    ids = [path.stem for path in footage.glob("*.mp4")]
    links = find_links(store, ids)
    groups = joined_groups({id: id for id in ids}, links)
    for number, kind in enumerate(KINDS):
        assert groups[f"a-copy-{number}"] == groups["a"], kind
    apart = ["a", "a-other-story", "b", "c"]
    assert len({groups[id] for id in apart}) == len(apart), "other footage, be it in one place"


@pytest.mark.parametrize(
    ("kind", "how", "speed"),
    [
        ("coded again (CRF 35)", ["same"], 1),
        ("mirrored", ["mirrored"], 1),
        ("cropped to 80 %, corner", ["cropped"], 1),
        ("middle half", ["trimmed"], 1),
        ("speed 1.25", [], 1.25),
        ("speed 0.8", [], 0.8),
        ("mirrored, cropped to 80 %, CRF 35", ["mirrored", "cropped"], 1),
    ],
)
def test_a_link_says_how_the_copy_differs(
    kind: str, how: list[str], speed: float, store: FingerprintStore
) -> None:
    (link,) = find_links(store, ["a", f"a-copy-{list(KINDS).index(kind)}"])
    words = link.how.split(", ")
    assert [word for word in words if not word.startswith("speed ")] == how
    told = [float(word.removeprefix("speed ")) for word in words if word.startswith("speed ")]
    assert told == ([] if speed == 1 else [pytest.approx(speed, abs=0.05)])
    assert 0.4 < link.score <= 1


def test_links_do_not_depend_on_the_order_of_the_videos(store: FingerprintStore) -> None:
    names = ["a", "a-copy-0", "b", "a-copy-3", "c"]
    assert find_links(store, names) == find_links(store, names[::-1])
    assert find_links(store, ["a"]) == find_links(store, []) == []


def test_only_new_and_changed_videos_are_read_again_and_bad_ones_are_refused(
    tmp_path: Path, engine: Engine, contract: Contract
) -> None:
    class Counting:
        name = "counting"
        pictures = 0

        def embed(self, pictures):  # type: ignore[no-untyped-def]
            self.pictures += len(pictures)
            return engine.embed(pictures)

    one, two, bad = tmp_path / "caf\udce9.mp4", tmp_path / "two.mp4", tmp_path / "bad.mp4"
    write_scene(tmp_path / "plain.mp4", 1, 1, 1.0).rename(one)
    write_scene(two, 2, 2, 1.0)
    bad.write_text("no video")
    videos = {"1": str(one), "2": str(two), "3": str(bad), "4": str(tmp_path / "gone.mp4")}
    counting = Counting()
    seen: list[object] = []
    with FingerprintStore(tmp_path / "x.fingerprints", contract) as store:
        refused = fingerprint_many(videos, store, counting, contract, progress=seen.append)
        assert {(r.path, r.reason) for r in refused} == {
            (str(bad), Reason.NOT_A_VIDEO),
            (str(tmp_path / "gone.mp4"), Reason.MISSING),
        }
        assert len(seen) == len(videos)
        assert "1" in store
        assert "3" not in store
        before = store["1"]
    assert counting.pictures > 0
    counting.pictures = 0
    write_scene(two, 3, 3, 1.0)
    with FingerprintStore(tmp_path / "x.fingerprints", contract) as store:
        again = fingerprint_many(videos, store, counting, contract)
        assert len(again) == 2
        assert 0 < counting.pictures <= EMBEDDED
        assert np.array_equal(store["1"].pictures, before.pictures)


def test_a_torn_file_loses_the_video_in_hand_only(tmp_path: Path, contract: Contract) -> None:
    file = tmp_path / "x.fingerprints"
    with FingerprintStore(file, contract) as store:
        for id in "abc":
            store.add(_drawn(id, contract))
    file.write_bytes(file.read_bytes()[:-100])
    with FingerprintStore(file, contract) as store:
        assert [id in store for id in "abc"] == [True, True, False]
        assert np.array_equal(store["b"].pictures, _drawn("b", contract).pictures)
        assert np.array_equal(store["b"].embeddings, _drawn("b", contract).embeddings)
        assert store["b"].duration_s == 2.5


def test_fingerprints_of_another_backbone_are_dropped_and_other_files_are_not(
    tmp_path: Path, contract: Contract
) -> None:
    file = tmp_path / "x.fingerprints"
    with FingerprintStore(file, contract) as store:
        store.add(_drawn("a", contract))
    with FingerprintStore(file, replace(contract, weights_sha256="other")) as store:
        assert len(store) == 0
    file.write_text("my notes")
    with pytest.raises(FileFormatError, match="not a clipkind journal"):
        FingerprintStore(file, contract)
    assert file.read_text() == "my notes"


def test_small_pictures_are_means_of_luma() -> None:
    picture = np.zeros((64, 64, 3), dtype=np.uint8)
    picture[:32, :, 1] = 255
    (grey,) = small_grey([picture])
    assert grey.shape == (SIDE, SIDE)
    assert set(grey[: SIDE // 2].ravel()) == {149}  # 150/256 of 255
    assert set(grey[SIDE // 2 :].ravel()) == {0}


def _drawn(id: str, contract: Contract) -> Fingerprint:
    random = np.random.default_rng(ord(id))
    return Fingerprint(
        id=id,
        duration_s=2.5,
        pictures=random.integers(0, 256, (FRAMES, SIDE, SIDE), dtype=np.uint8),
        embeddings=random.normal(size=(EMBEDDED, min(contract.feature_dim, WIDTH))).astype(
            np.float16
        ),
    )


@pytest.mark.corpus
def test_copies_of_shared_clips_are_found_and_other_clips_are_not_linked(
    corpus: Path, tmp_path: Path, engine: Engine, contract: Contract
) -> None:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    one_of_a_source = list({row["group"]: row["path"] for row in rows}.values())
    order = np.random.default_rng(5).permutation(len(one_of_a_source))
    clips = [one_of_a_source[i] for i in order[:18]]
    videos = {clip: str(corpus / clip) for clip in clips}
    originals = {}
    for turn, clip in enumerate(clips[:12]):
        for number in range(turn % 4, len(KINDS), 4):  # each kind three times
            copy = tmp_path / f"{turn}-{number}.mp4"
            plant(corpus / clip, list(KINDS.values())[number], copy)
            originals[copy.name] = clip
            videos[copy.name] = str(copy)
    with FingerprintStore(tmp_path / "x.fingerprints", contract) as store:
        assert fingerprint_many(videos, store, engine, contract, jobs=2) == []
        links = find_links(store, videos)
    groups = joined_groups({id: id for id in videos}, links)
    found = [groups[copy] == groups[clip] for copy, clip in originals.items()]
    assert np.mean(found) >= 0.99
    shows = {id: originals.get(id, id) for id in videos}
    assert [link for link in links if shows[link.a] != shows[link.b]] == []
