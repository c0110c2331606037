"""Every engine gives the features torch gives in float32, however it is fed."""

import csv
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
import torch
from sklearn.datasets import load_sample_images
from torch import Tensor, nn
from torchvision.transforms import functional as transforms

from clipkind.features.backbones import Backbone, Preprocessing, load_backbone
from clipkind.features.engines import Embeddings, Engine
from clipkind.features.engines.openvino_engine import OpenVinoEngine
from clipkind.features.engines.torch_engine import TorchEngine, default_precision, with_exact_start
from clipkind.features.export import export_backbone
from clipkind.video.decode import ClipReader
from clipkind.video.picture import Picture
from media import card, numbered_frames

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TRUE = 0.999
"""Least cosine to torch's float32 features that counts as the same."""


def cosines(a: Embeddings, b: Embeddings) -> npt.NDArray[np.float32]:
    lengths = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    result: npt.NDArray[np.float32] = (a * b).sum(axis=1) / lengths
    return result


@pytest.fixture(scope="module")
def pictures() -> list[Picture]:
    """Parts of scikit-learn's two photographs, a test card and a numbered frame."""
    parts = [
        np.ascontiguousarray(photo[y : y + 256, x : x + 256])
        for photo in load_sample_images().images
        for y, x in ((0, 0), (100, 190), (171, 384))
    ]
    return [*parts, card((256, 256)), *numbered_frames(1, (256, 256), first=12_345)]


@pytest.fixture(scope="module")
def lite0() -> Backbone:
    return load_backbone("efficientnet_lite0")


@pytest.fixture(scope="module")
def lite0_file(lite0: Backbone, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lite0") / "backbone.onnx"
    export_backbone(lite0, path)
    return path


@pytest.fixture(scope="module")
def openvino(lite0_file: Path) -> OpenVinoEngine:
    return OpenVinoEngine(lite0_file)


@pytest.fixture(scope="module")
def expected(lite0: Backbone, pictures: list[Picture]) -> Embeddings:
    return TorchEngine(lite0, precision="float32").embed(pictures)


def test_torch_engine_gives_the_networks_own_features(
    lite0: Backbone, pictures: list[Picture], expected: Embeddings
) -> None:
    mean, std = lite0.preprocessing.mean, lite0.preprocessing.std
    batch = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        direct = lite0.module(transforms.normalize(batch, list(mean), list(std)))
    assert expected.dtype == np.float32
    np.testing.assert_allclose(expected, direct.numpy(), rtol=1e-4, atol=1e-4)


def test_openvino_gives_torchs_features_from_the_exported_file(
    openvino: OpenVinoEngine, pictures: list[Picture], expected: Embeddings
) -> None:
    found = openvino.embed(pictures)
    assert found.shape == expected.shape
    assert found.dtype == np.float32
    assert cosines(found, expected).min() >= TRUE


def test_openvino_in_float32_gives_torchs_features_but_for_rounding(
    lite0_file: Path, pictures: list[Picture], expected: Embeddings
) -> None:
    exact = OpenVinoEngine(lite0_file, precision="f32", threads=1)
    assert "f32" in exact.name
    np.testing.assert_allclose(exact.embed(pictures), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "exported"),
    [
        ("efficientnet_lite1", True),
        ("efficientnet_lite2", False),
        ("efficientnet_lite0_stages", True),
    ],
)
def test_its_relatives_too_from_a_file_or_from_memory(
    name: str, exported: bool, pictures: list[Picture], tmp_path: Path
) -> None:
    backbone = load_backbone(name)
    if exported:
        export_backbone(backbone, tmp_path / "backbone.onnx")
    engine = OpenVinoEngine(tmp_path / "backbone.onnx" if exported else backbone)
    few = pictures[::2]
    truth = TorchEngine(backbone, precision="float32").embed(few)
    assert cosines(engine.embed(few), truth).min() >= TRUE


def test_pictures_without_any_detail_end_near_each_other_too(
    lite0: Backbone, openvino: OpenVinoEngine, expected: Embeddings
) -> None:
    """Their features are so small that rounding turns them: down to a cosine of 0.992."""
    flat = [np.full((256, 256, 3), value, np.uint8) for value in range(0, 256, 15)]
    error = openvino.embed(flat) - TorchEngine(lite0, precision="float32").embed(flat)
    size = np.median(np.linalg.norm(expected, axis=1))
    assert np.linalg.norm(error, axis=1).max() < 0.1 * size


def test_the_exported_file_tells_nothing_of_the_machine_it_was_made_on(lite0_file: Path) -> None:
    data = lite0_file.read_bytes()
    for trace in (b"site-packages", b"clipkind/", b".py", str(Path.home()).encode() + b"/"):
        assert trace not in data
    graph = onnx.load(lite0_file).graph
    assert [i.name for i in graph.input] == ["pictures"]
    assert [o.name for o in graph.output] == ["features", "early"]


@pytest.mark.corpus
def test_openvino_gives_torchs_features_on_clips_of_every_class(
    corpus: Path, lite0: Backbone, openvino: OpenVinoEngine
) -> None:
    with (corpus / "manifest.csv").open(newline="", encoding="utf-8") as file:
        paths = {row["label"]: row["path"] for row in csv.DictReader(file)}
    frames: list[Picture] = []
    for path in paths.values():
        with ClipReader(corpus / path, lite0.contract(num_frames=3, multi_scale="single")) as clip:
            frames += [picture for _, picture in clip.frames()]
    assert len(frames) >= 12
    truth = TorchEngine(lite0, precision="float32").embed(frames)
    assert cosines(openvino.embed(frames), truth).min() >= TRUE


@pytest.fixture(params=["OpenVINO", "torch"])
def engine(request: pytest.FixtureRequest, lite0: Backbone, openvino: OpenVinoEngine) -> Engine:
    return openvino if request.param == "OpenVINO" else TorchEngine(lite0, precision="float32")


def test_neither_batch_size_nor_order_nor_what_comes_after_matters(
    engine: Engine, pictures: list[Picture]
) -> None:
    together = engine.embed(pictures)
    kept = together.copy()
    alone = np.concatenate([engine.embed([picture]) for picture in pictures])
    backwards = engine.embed(pictures[::-1])[::-1]
    many = engine.embed(pictures * 4)[-len(pictures) :]
    for found in (alone, backwards, many):
        np.testing.assert_allclose(found, together, rtol=1e-3, atol=1e-3)
    np.testing.assert_array_equal(together, kept)


def test_bfloat16_by_torch_is_true_too_and_says_so(
    lite0: Backbone, pictures: list[Picture], expected: Embeddings
) -> None:
    engine = TorchEngine(lite0, device="cpu", precision="bfloat16")
    found = engine.embed(pictures)
    assert found.dtype == np.float32
    assert TRUE <= cosines(found, expected).min() < 1 - 1e-6
    assert engine.name == "torch float32+bfloat16 on cpu"
    again = TorchEngine(lite0, precision="float32").embed(pictures[:2])
    np.testing.assert_allclose(again, expected[:2], rtol=1e-4, atol=1e-4)


def test_the_exact_start_ends_where_the_backbone_says(lite0: Backbone) -> None:
    start = with_exact_start(lite0).module
    exact = {name for name, part in start.named_modules() if type(part).__name__ == "_Exact"}
    assert exact == {"conv_stem", "bn1", "blocks.0", "blocks.1"}


def test_only_a_measured_backbone_is_lowered_unasked(lite0: Backbone) -> None:
    unmeasured = replace(lite0, exact_until="")
    cuda, cpu = torch.device("cuda"), torch.device("cpu")
    assert default_precision(lite0, cuda) == "bfloat16"
    assert default_precision(unmeasured, cuda) == "float32"
    assert default_precision(lite0, cpu) == "float32"
    assert TorchEngine(unmeasured, precision="bfloat16").name == "torch bfloat16 on cpu"


class SmallMemory(nn.Module):
    """Mean colours, but for so many pictures at a time only."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.room = room
        self.sizes: list[int] = []

    def forward(self, x: Tensor) -> Tensor:
        self.sizes.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("out of memory")
        return x.mean(dim=(2, 3))


MakeSmall = Callable[[int], tuple[SmallMemory, TorchEngine]]


@pytest.fixture
def small() -> MakeSmall:
    def make(room: int) -> tuple[SmallMemory, TorchEngine]:
        module = SmallMemory(room)
        plain = Preprocessing(8, 8, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        return module, TorchEngine(Backbone("small", module, 3, "", plain))

    return make


def colours(count: int, shape: tuple[int, int] = (8, 8)) -> list[Picture]:
    values = np.random.default_rng(count).integers(0, 256, (count, 1, 1, 3), dtype=np.uint8)
    return list(np.broadcast_to(values, (count, *shape, 3)))


@pytest.mark.parametrize("count", [1, 24, 37])
def test_out_of_memory_halves_the_batch_says_so_and_loses_nothing(
    count: int, small: MakeSmall, caplog: pytest.LogCaptureFixture
) -> None:
    module, engine = small(5)
    pictures = colours(count)
    with caplog.at_level(logging.WARNING):
        found = engine.embed(pictures)
    np.testing.assert_allclose(found, np.stack(pictures)[:, 0, 0] / 255, rtol=1e-6)
    failures = [size for size in module.sizes if size > 5]
    assert len(caplog.records) == len(failures) == {1: 0, 24: 3, 37: 3}[count]
    assert all("out of memory, batch halved" in record.message for record in caplog.records)
    caplog.clear()
    engine.embed(pictures)
    assert not caplog.records, "what did not fit once is not tried again"


def test_a_picture_that_does_not_fit_alone_is_an_error(small: MakeSmall) -> None:
    _, engine = small(0)
    with pytest.raises(torch.OutOfMemoryError):
        engine.embed(colours(3))


@pytest.mark.parametrize("shape", [(300, 300), (100, 100), (200, 256), (256, 200)])
def test_pictures_of_another_size_are_resized_as_torchvision_does(
    lite0: Backbone, shape: tuple[int, int]
) -> None:
    photo = load_sample_images().images[0][: shape[0], : shape[1]]
    plane = torch.from_numpy(photo.copy()).permute(2, 0, 1).float() / 255
    resized = transforms.resize(plane, [256, 256], antialias=True)
    want = lite0.preprocessing
    with torch.inference_mode():
        direct = lite0.module(transforms.normalize(resized, list(want.mean), list(want.std))[None])
    found = TorchEngine(lite0, precision="float32").embed([photo])
    np.testing.assert_allclose(found, direct.numpy(), rtol=1e-3, atol=1e-3)


def test_normalisation_is_the_backbones_own(small: MakeSmall) -> None:
    module, _ = small(99)
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.25, 1.0)
    plain = Backbone("small", module, 3, "", Preprocessing(8, 8, mean=mean, std=std))
    pictures = colours(4)
    wanted = (np.stack(pictures)[:, 0, 0] / 255 - mean) / std
    np.testing.assert_allclose(TorchEngine(plain).embed(pictures), wanted, rtol=1e-4, atol=1e-6)
