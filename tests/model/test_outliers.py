"""How strange a video is: the score, what its percentile promises, the file it is kept in."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clipkind.errors import ClipkindError, FileFormatError
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.pipeline import FeatureExtractor
from clipkind.model.bundle import BACKBONE_FILE, load_bundle
from clipkind.model.outliers import OutlierModel, grouped_folds, pooled
from media import write_video
from yuv import Pixels

D = 24
Floats = npt.NDArray[np.float64]


def sources(seed: int, groups: int, *, each: int = 3) -> tuple[Floats, Floats, Floats]:
    """Features, classes and groups of clips that resemble their class, and their source more."""
    rng = np.random.default_rng(seed)
    classes = np.random.default_rng(99).random((3, D)) * 2
    group = np.arange(groups).repeat(each)
    label = group % 3
    own = rng.normal(0, 0.4, (groups, D))[group]
    features = np.maximum(classes[label] + own + rng.normal(0, 0.05, own.shape), 0)
    return features, label, group


@pytest.fixture(scope="module")
def model() -> OutlierModel:
    return OutlierModel.fit(*sources(0, 60))


def test_percentiles_of_new_sources_are_even() -> None:
    """Those of the fitted videos' own sources would all be low: they are known already."""
    model = OutlierModel.fit(*sources(1, 300))
    percentiles = [model.percentile(score) for score in model.scores(sources(2, 300)[0])]
    for level in (0.25, 0.5, 0.9):
        assert np.mean(np.array(percentiles) < level) == pytest.approx(level, abs=0.08)


def test_held_out_means_of_another_group() -> None:
    """A source is far from all others, its clips near each other: seen ones must not count."""
    features, label, group = sources(3, 6, each=20)
    model = OutlierModel.fit(features, label, group)
    seen = np.sort(model.scores(features))
    assert np.median(model.held_out) > 2 * np.median(seen)


def test_another_direction_is_strange_and_length_is_not(model: OutlierModel) -> None:
    known = sources(0, 60)[0][0]
    strange = np.zeros(D)
    strange[np.argmin(known)] = 1.0
    assert model.percentile(model.score(strange[None])) == 180 / 181  # of 60 sources, 3 clips each
    assert model.score(known[None] * 7) == pytest.approx(model.score(known[None]), abs=1e-12)
    assert model.score(np.zeros((4, D))) == 1.0


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), length=st.integers(1, 9))
def test_a_score_is_of_the_frames_in_any_order(seed: int, length: int) -> None:
    model = OutlierModel.fit(*sources(0, 12))
    rng = np.random.default_rng(seed)
    sequence = rng.random((length, D))
    score = model.score(sequence)
    assert 0.0 <= score <= 2.0
    assert model.score(rng.permutation(sequence.repeat(2, axis=0))) == pytest.approx(score)
    assert model.scores(pooled(sequence)[None])[0] == score


@settings(max_examples=50, deadline=None)
@given(
    groups=st.lists(st.integers(0, 12), min_size=2, max_size=60).filter(lambda g: len(set(g)) > 1),
    count=st.integers(2, 12),
)
def test_folds_keep_groups_whole_and_none_is_empty(groups: list[int], count: int) -> None:
    fold = grouped_folds(groups, count)
    assert len({(g, f) for g, f in zip(groups, fold.tolist(), strict=True)}) == len(set(groups))
    assert set(fold.tolist()) == set(range(min(count, len(set(groups)))))


def test_everything_comes_back_to_the_bit(model: OutlierModel, tmp_path: Path) -> None:
    model.save(tmp_path / "a.npz")
    loaded = OutlierModel.load(tmp_path / "a.npz")
    strange = np.random.default_rng(5).random((20, D))
    np.testing.assert_array_equal(loaded.scores(strange), model.scores(strange))
    assert [loaded.percentile(s) for s in loaded.held_out] == [
        model.percentile(s) for s in model.held_out
    ]
    loaded.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.npz", "b.npz"]


def test_it_is_small_for_the_largest_backbone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    many = OutlierModel.fit(rng.random((1000, 2048)), np.arange(1000) % 4, np.arange(1000))
    many.save(tmp_path / "o.npz")
    assert (tmp_path / "o.npz").stat().st_size < 500_000


@settings(max_examples=150, deadline=None)
@given(where=st.integers(0, 100_000), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_is_refused_or_changes_nothing(
    where: int, bit: int, cut: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    model = OutlierModel.fit(*sources(0, 12))
    path = tmp_path_factory.mktemp("damaged") / "o.npz"
    model.save(path)
    data = bytearray(path.read_bytes())
    where %= len(data)
    if cut:
        del data[where:]
    else:
        data[where] ^= 1 << bit
    path.write_bytes(data)
    try:
        loaded = OutlierModel.load(path)
    except FileFormatError as error:
        message = str(error)
    else:
        np.testing.assert_array_equal(loaded.directions, model.directions)
        np.testing.assert_array_equal(loaded.held_out, model.held_out)
        return
    assert "\n" not in message
    assert str(path) in message


@pytest.mark.parametrize(
    "change",
    [
        {"format": np.array("other")},
        {"format_version": np.array(2)},
        {"directions": np.full((3, D), np.nan, np.float32)},
        {"directions": np.ones((3, D))},
        {"held_out": np.array([2, 1], np.float32)},
        {"held_out": np.zeros(0, np.float32)},
        {"held_out": np.array([{}], dtype=object)},
    ],
    ids=str,
)
def test_other_content_is_refused(
    change: dict[str, npt.NDArray[np.generic]], model: OutlierModel, tmp_path: Path
) -> None:
    path = tmp_path / "o.npz"
    model.save(path)
    with np.load(path) as file:
        arrays = dict(file)
    np.savez(path, **(arrays | change))
    with pytest.raises(FileFormatError, match=r"o\.npz"):
        OutlierModel.load(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match=r"no\.npz is missing"):
        OutlierModel.load(tmp_path / "no.npz")


def test_what_cannot_be_fitted_is_refused(model: OutlierModel) -> None:
    features, label, group = sources(0, 6)
    with pytest.raises(ClipkindError, match="at least two groups"):
        OutlierModel.fit(features, label, np.zeros_like(group))
    with pytest.raises(ValueError, match="not finite"):
        OutlierModel.fit(np.where(features > 1, np.nan, features), label, group)
    with pytest.raises(ValueError, match="do not belong together"):
        OutlierModel.fit(features, label[1:], group)
    with pytest.raises(ValueError, match="24 dimensions"):
        model.score(np.zeros((3, D + 1)))
    with pytest.raises(ValueError, match="shape"):
        model.score(np.zeros((0, D)))


def footage(seed: int) -> Iterator[Pixels]:
    """Things on a lit ground, moving."""
    rng = np.random.default_rng(seed)
    shade = np.linspace(rng.uniform(60, 120), rng.uniform(140, 220), 96)[:, None, None]
    ground = np.broadcast_to(shade * rng.uniform(0.5, 1, 3), (96, 128, 3))
    boxes = rng.uniform((5, 5, 15, 15), (60, 60, 35, 60), (7, 4))
    colors = rng.uniform(0, 255, (7, 3))
    for step in range(6):
        pixels = ground.copy()
        for (top, left, high, wide), color in zip(boxes.astype(int), colors, strict=True):
            pixels[top : top + high, left + 2 * step : left + 2 * step + wide] = color
        yield pixels.astype(np.uint8)


def noise(seed: int) -> Iterator[Pixels]:
    rng = np.random.default_rng(seed)
    for _ in range(6):
        yield rng.integers(0, 256, (96, 128, 3), dtype=np.uint8)


def test_noise_is_stranger_than_footage(tmp_path: Path) -> None:
    """From file to percentile, with the bundled backbone; the footage scored was not fitted."""
    bundle = load_bundle()
    paths = [write_video(tmp_path / f"{n}.mp4", footage(n)) for n in range(14)]
    paths += [write_video(tmp_path / f"noise{n}.mp4", noise(n)) for n in range(2)]
    engine = OpenVinoEngine(bundle.path / BACKBONE_FILE)
    with FeatureExtractor(engine, bundle.contract) as extractor:
        sequences = [extractor.extract(path).features for path in paths]
    known = np.stack([pooled(sequence) for sequence in sequences[:10]])
    model = OutlierModel.fit(known, np.arange(10) % 2, np.arange(10))
    scores = [model.score(sequence) for sequence in sequences[10:]]
    assert max(scores[:4]) < min(scores[4:])
    assert [model.percentile(score) for score in scores[4:]] == [10 / 11] * 2
