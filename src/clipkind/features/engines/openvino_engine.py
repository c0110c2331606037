"""The OpenVINO engine: the fast way on CPUs, and the only one the base install needs.

It runs a backbone's ONNX file from a model bundle, or converts a torch backbone in memory.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from clipkind.features.engines import Embeddings
from clipkind.memory import shortage_told
from clipkind.silent_openvino import ov
from clipkind.video.picture import Picture

if TYPE_CHECKING:
    from clipkind.features.backbones import Backbone

CHUNK = 8
"""Pictures per inference: as fast as 24 on a CPU (11 ms of one core each), at half the memory."""
CpuPrecision = Literal["f32", "bf16"]


class OpenVinoEngine:
    """Embeds with OpenVINO on the CPU.

    Where the CPU computes bfloat16 natively and the model names the layer up to which float32 is
    needed, the first part runs in f32 and the rest in bf16; else all runs in f32. `precision` sets
    one for all.
    """

    @shortage_told()
    def __init__(
        self, source: "Path | Backbone", *, precision: CpuPrecision | None = None, threads: int = 0
    ) -> None:
        core = ov.Core()
        model = core.read_model(source) if isinstance(source, Path) else _convert(source)
        native_bf16 = "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        cut = len(model.outputs) > 1
        mixed = precision is None and native_bf16 and cut
        chosen = precision or ("bf16" if mixed else "f32")
        self._early: ov.CompiledModel | None = None
        if mixed:
            early = model.clone()
            early = ov.Model([early.outputs[1]], early.get_parameters(), "early")
            self._early = compile_model(core, early, "f32", threads)
            model = _after_cut(model)
        elif cut:
            model = ov.Model([model.outputs[0]], model.get_parameters(), "whole")
        self._model = compile_model(core, model, chosen, threads)
        self.name = f"OpenVINO {'f32+bf16' if mixed else chosen} on CPU"

    def embed(self, pictures: Sequence[Picture]) -> Embeddings:
        """[B, D] float32 features of B pictures [crop, crop, 3] uint8."""
        parts = [pictures[i : i + CHUNK] for i in range(0, len(pictures), CHUNK)]
        return np.concatenate([self._infer(np.stack(part)) for part in parts])

    @shortage_told()
    def _infer(self, batch: npt.NDArray[np.uint8]) -> Embeddings:
        inputs = [batch] if self._early is None else [self._early([batch])[0], batch]
        features: Embeddings = self._model(inputs)[0].copy()  # the next call reuses its memory
        return features


def compile_model(core: ov.Core, model: ov.Model, precision: str, threads: int) -> ov.CompiledModel:
    """Compile for one request at a time on `threads` cores (0: all); batches give throughput."""
    hints: dict[str, Any] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": threads,
    }
    return core.compile_model(model, "CPU", hints)


def _after_cut(model: ov.Model) -> ov.Model:
    """The part behind the second output, with that activation as its first input."""
    features, early = model.outputs
    source = early.get_node().input_value(0)
    entry = ov.opset13.parameter(source.get_partial_shape(), np.float32)
    for user in source.get_target_inputs():
        user.replace_source_output(entry.output(0))
    # the pictures stay an input: the graph reads the batch size from them
    result = [r for r in model.get_results() if r.output(0) == features]
    return ov.Model(result, [entry, *model.get_parameters()], "late")


def _convert(backbone: "Backbone") -> ov.Model:
    import torch

    from clipkind.features.engines.torch_engine import ExportModule

    size = backbone.preprocessing.crop
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    module = ExportModule(backbone).eval()
    with torch.inference_mode():
        exported = torch.export.export(
            module, (example,), dynamic_shapes=({0: torch.export.Dim("B", min=1, max=4096)},)
        )
    return ov.convert_model(exported)
