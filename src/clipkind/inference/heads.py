"""The ensemble of temporal networks under OpenVINO: features in, probabilities out."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from clipkind.features.engines.openvino_engine import compile_model
from clipkind.inference.tta import tta_indices
from clipkind.memory import shortage_told
from clipkind.silent_openvino import ov

FloatArray = npt.NDArray[np.float32]


class Heads:
    """M compiled networks. They compute in float32: they are small."""

    @shortage_told()
    def __init__(self, files: list[Path]) -> None:
        core = ov.Core()
        self._models = [compile_model(core, core.read_model(file), "f32", 0) for file in files]

    def __call__(self, features: npt.ArrayLike, tta: bool = False) -> tuple[FloatArray, FloatArray]:
        """Member probabilities [M, C] and attention [M, T] of one sequence [T, D].

        With `tta` the probabilities are each member's mean over the modes of `tta_indices`; modes
        of one length share a call. The attention is always that of the sequence as it is.
        """
        sequence = np.asarray(features, dtype=np.float32)
        if not tta:
            logits, attention = self._run(sequence[None])
            return softmax(logits[:, 0]), attention[:, 0]
        by_length: dict[int, list[npt.NDArray[np.int64]]] = {}
        for rows in tta_indices(len(sequence)).values():
            by_length.setdefault(len(rows), []).append(rows)
        calls = [self._run(sequence[np.stack(modes)]) for modes in by_length.values()]
        probabilities = softmax(np.concatenate([logits for logits, _ in calls], axis=1))
        return probabilities.mean(axis=1), calls[0][1][:, 0]

    def by_frame(self, features: npt.ArrayLike) -> FloatArray:
        """Member probabilities [M, T, C] of each row of [T, D], as if it were a whole sequence."""
        return softmax(self._run(np.asarray(features, dtype=np.float32)[:, None])[0])

    @shortage_told()
    def _run(self, batch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Logits [M, B, C] and attention [M, B, T] of sequences [B, T, D] of one length."""
        outputs = [model([batch]) for model in self._models]
        logits = np.stack([output["logits"] for output in outputs])
        return logits, np.stack([output["attention"] for output in outputs])


def softmax(logits: FloatArray) -> FloatArray:
    """Probabilities over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: FloatArray = shifted / shifted.sum(axis=-1, keepdims=True)
    return result
