"""What the members of an ensemble answer for a split, in torch, as `Heads` would under OpenVINO."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from clipkind.inference.heads import FloatArray, softmax
from clipkind.inference.tta import MODES, tta_indices
from clipkind.model.temporal_head import TemporalHead
from clipkind.training.data import Split
from clipkind.training.learner import predict_logits

_BLOCK = 256
"""Videos whose rows are copied for a mode at a time."""


def member_answers(
    models: Iterable[TemporalHead], split: Split, *, tta: bool = False
) -> FloatArray:
    """Probabilities [M, N, C]; with `tta` the mean over the modes of `tta_indices`."""
    answer = _by_modes if tta else _as_it_is
    return np.stack([answer(model, split) for model in models])


def _as_it_is(model: TemporalHead, split: Split) -> FloatArray:
    return softmax(predict_logits(model, split.features, split.lengths))


def _by_modes(model: TemporalHead, split: Split) -> FloatArray:
    shown = {int(length): tta_indices(int(length)) for length in np.unique(split.lengths)}
    total = np.zeros((len(split.labels), model.config.num_classes), np.float32)
    for start in range(0, len(split.labels), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(split.labels)))
        for mode in MODES:
            videos = block[[mode in shown[int(split.lengths[video])] for video in block]]
            if len(videos):
                rows = [shown[int(split.lengths[video])][mode] for video in videos]
                features, lengths = _rearranged(split, videos, rows)
                total[videos] += softmax(predict_logits(model, features, lengths))
    counts = np.array([len(shown[int(length)]) for length in split.lengths], np.float32)
    result: FloatArray = total / counts[:, None]
    return result


def _rearranged(
    split: Split, videos: npt.NDArray[np.intp], rows: Sequence[npt.NDArray[np.int64]]
) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    """The features of `videos` with the chosen rows of each, padded, and how many are real."""
    lengths = np.array([len(chosen) for chosen in rows], np.int64)
    shape = (len(videos), int(lengths.max()), split.features.shape[2])
    features: FloatArray = np.zeros(shape, np.float32)
    for place, (video, chosen) in enumerate(zip(videos, rows, strict=True)):
        features[place, : len(chosen)] = split.features[video][chosen]
    return features, lengths
