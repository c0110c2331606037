"""Which engine turns frames into features on this machine, and under which contract."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

from clipkind.contract import Contract
from clipkind.errors import ClipkindError
from clipkind.features.engines import Engine
from clipkind.memory import limit_told

_CUDA_MAPS = 8_000_000_000
"""Bytes of address space without which there is no CUDA: its driver maps all memory there is."""
EngineName = Literal["auto", "openvino", "torch"]


def choose_engine(
    backbone: str,
    *,
    weights: Path | None = None,
    engine: EngineName = "auto",
    precision: str | None = None,
    compile: bool = False,
    **choices: Any,
) -> tuple[Engine, Contract]:
    """The engine for a backbone, and its contract.

    `choices` are fields of the contract, such as `multi_scale` and `num_frames`. `auto` is torch
    where CUDA is, else OpenVINO. The bundled model's backbone runs from its ONNX file: at once, and
    without torch. Raises ClipkindError for options that do not go together, and as `load_backbone`.
    """
    from clipkind.features.engines.openvino_engine import CpuPrecision, OpenVinoEngine
    from clipkind.model.bundle import BACKBONE_FILE, load_bundle

    bundle = load_bundle()
    cuda = engine != "openvino" and _has_cuda()
    on_cpu = engine == "openvino" or (engine == "auto" and not cuda)
    if on_cpu and compile:
        raise ClipkindError("--compile is for the torch engine: add --engine torch or leave it")
    if on_cpu and backbone == bundle.contract.backbone and weights is None:
        contract = replace(bundle.contract, class_names=(), **choices)
        chosen = _one_of(get_args(CpuPrecision), precision)
        return OpenVinoEngine(bundle.path / BACKBONE_FILE, precision=chosen), contract
    from clipkind.features.backbones import load_backbone

    loaded = load_backbone(backbone, weights)
    contract = loaded.contract(**choices)
    if on_cpu:
        chosen = _one_of(get_args(CpuPrecision), precision)
        return OpenVinoEngine(loaded, precision=chosen), contract
    from clipkind.features.engines.torch_engine import Precision, TorchEngine

    chosen = _one_of(get_args(Precision), precision)
    device = "cuda" if cuda else "cpu"
    return TorchEngine(loaded, device=device, precision=chosen, compile=compile), contract


def _has_cuda() -> bool:
    if limit_told(
        below=_CUDA_MAPS
    ):  # torch would fail at its import, and take what memory there is
        return False
    try:
        import torch
    except ModuleNotFoundError:
        return False
    return torch.cuda.is_available()


def _one_of(known: tuple[str, ...], precision: str | None) -> Any:
    if precision is not None and precision not in known:
        raise ClipkindError(f"--precision {precision}: this engine has {' and '.join(known)}")
    return precision
