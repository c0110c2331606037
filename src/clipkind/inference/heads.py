"""The ensemble of temporal networks under OpenVINO: features in, probabilities out."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from clipkind.features.engines.openvino_engine import compile_model
from clipkind.silent_openvino import ov

FloatArray = npt.NDArray[np.float32]


class Heads:
    """M compiled networks that vote with equal weight. They compute in float32: they are small."""

    def __init__(self, files: list[Path]) -> None:
        core = ov.Core()
        self._models = [compile_model(core, core.read_model(file), "f32", 0) for file in files]

    def __call__(self, features: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
        """Member probabilities [M, C] and attention [M, T] of one sequence [T, D]."""
        batch = np.asarray(features, dtype=np.float32)[None]
        outputs = [model([batch]) for model in self._models]
        logits = np.stack([output["logits"][0] for output in outputs])
        attention = np.stack([output["attention"][0] for output in outputs])
        return softmax(logits), attention


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return result
