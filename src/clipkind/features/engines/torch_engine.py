"""The torch engine: any backbone on CPU or CUDA.

Pictures go to the device as bytes; resizing (where the backbone's input differs) and normalising
happen there. On CUDA: channels_last, bf16 or fp16 where the features stay true, may be compiled.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from clipkind.features.backbones import Backbone
from clipkind.features.engines import Embeddings
from clipkind.video.picture import Picture

Precision = Literal["float32", "bfloat16", "float16"]
log = logging.getLogger(__name__)


class EmbeddingModule(nn.Module):
    """A backbone with its preprocessing: pictures [B, H, W, 3] uint8 in, features [B, D] out."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone.module
        self.size = backbone.preprocessing.crop
        mean, std = backbone.preprocessing.mean, backbone.preprocessing.std
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1) * 255, persistent=False)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures.permute(0, 3, 1, 2).to(self.mean.dtype)
        if x.shape[-2:] != (self.size, self.size):
            x = F.interpolate(x, size=(self.size, self.size), mode="bilinear", antialias=True)
        features: Tensor = self.backbone((x - self.mean) / self.std)
        return features


class ExportModule(EmbeddingModule):
    """Also returns the activation where float32 may end (`Backbone.exact_until`), if there is one.

    Engines that compute in bfloat16 cut the exported graph there.
    """

    def __init__(self, backbone: Backbone) -> None:
        super().__init__(backbone)
        self._exact_until = backbone.exact_until

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:  # type: ignore[override]
        if not self._exact_until:
            return (super().forward(pictures),)
        seen: list[Tensor] = []
        layer = self.backbone.get_submodule(self._exact_until)
        hook = layer.register_forward_hook(lambda _module, _inputs, output: seen.append(output))
        features = super().forward(pictures)
        hook.remove()
        return features, seen[0]


class _Exact(nn.Module):
    """Runs a module in float32, whatever autocast says around it.

    A wrapper rather than hooks that switch autocast on and off: torch.compile sees through it.
    """

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            result: Tensor = self.module(x.float())
        return result


def default_precision(backbone: Backbone, device: torch.device) -> Precision:
    """The fastest precision known to give features true to float32 there."""
    lowered = device.type == "cuda" and backbone.exact_until
    return "bfloat16" if lowered else "float32"


def with_exact_start(backbone: Backbone) -> Backbone:
    """A copy whose modules up to and including `exact_until` stay in float32 under autocast.

    A copy, because other engines may run the same backbone, and exports expect it as it is.
    """
    module = copy.deepcopy(backbone.module)
    done = _modules_done_by(module, backbone.exact_until, backbone.preprocessing.crop)
    for name in done:
        if not any(name.startswith(f"{other}.") for other in done):  # not inside another of them
            module.set_submodule(name, _Exact(module.get_submodule(name)))
    return replace(backbone, module=module)


@torch.inference_mode()
def _modules_done_by(module: nn.Module, last: str, size: int) -> list[str]:
    """Names of the submodules that have run once `last` has, found by running them."""
    done: list[str] = []

    def note(name: str) -> None:
        if last not in done:
            done.append(name)

    hooks = [
        part.register_forward_hook(lambda *_, name=name: note(name))
        for name, part in module.named_modules()
        if name
    ]
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    module(torch.zeros(1, 3, size, size, device=device))
    for hook in hooks:
        hook.remove()
    return done


class TorchEngine:
    """Embeds with torch. An out-of-memory halves the batch, says so in the log and goes on.

    With lowered `precision`, the backbone up to its `exact_until` runs in float32; a backbone for
    which that was not measured is lowered only where `precision` asks for it.
    """

    def __init__(
        self,
        backbone: Backbone,
        *,
        device: str = "cpu",
        precision: Precision | None = None,
        compile: bool = False,
    ) -> None:
        self._device = torch.device(device)
        precision = precision or default_precision(backbone, self._device)
        self._dtype: torch.dtype = getattr(torch, precision)
        mixed = self._dtype is not torch.float32 and backbone.exact_until
        if mixed:
            backbone = with_exact_start(backbone)
        module = EmbeddingModule(backbone).eval().requires_grad_(False)
        # preprocessing stays exact; autocast lowers only the layers that gain from it
        self._module = module.to(self._device).to(memory_format=torch.channels_last)
        self._run = torch.compile(self._module) if compile else self._module
        self._limit: int | None = None
        self.name = f"torch {'float32+' if mixed else ''}{precision} on {self._device}"

    def embed(self, pictures: Sequence[Picture]) -> Embeddings:
        """[B, D] float32 features of B pictures [H, W, 3] uint8."""
        batch = torch.from_numpy(np.stack(pictures))
        parts: list[Tensor] = []
        while sum(len(p) for p in parts) < len(batch):
            done = sum(len(p) for p in parts)
            chunk = batch[done : done + (self._limit or len(batch))]
            try:
                parts.append(self._forward(chunk))
            except torch.OutOfMemoryError:
                if len(chunk) == 1:
                    raise
                self._limit = len(chunk) // 2
                torch.cuda.empty_cache()
                log.warning("%s: out of memory, batch halved to %d", self.name, self._limit)
        return torch.cat(parts).numpy()

    @torch.inference_mode()
    def _forward(self, pictures: Tensor) -> Tensor:
        if self._device.type == "cuda":
            pictures = pictures.pin_memory().to(self._device, non_blocking=True)
        lowered = self._dtype is not torch.float32
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=lowered):
            features: Tensor = self._run(pictures)
        return features.float().cpu()
