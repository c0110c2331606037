"""Joining temporal scales: from per-scale frame embeddings to one feature sequence per video.

`aligned` puts every scale on the base timeline before averaging. `documented` reproduces the
documented system, whose rows do not correspond in time, for exchanging files with it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from clipkind.contract import Contract, scaled_length

FloatArray = npt.NDArray[np.floating[Any]]


def assemble(contract: Contract, per_scale: Sequence[FloatArray]) -> npt.NDArray[np.float32]:
    """The feature sequence [T, D] from embeddings [L, D], one for each of the `sample_lengths`.

    Raises ValueError when the embeddings do not have these lengths.
    """
    wanted = contract.sample_lengths
    found = tuple(len(embeddings) for embeddings in per_scale)
    if found != wanted:
        raise ValueError(
            f"embeddings of {found} samples, but {contract.multi_scale} needs {wanted}"
        )
    match contract.multi_scale:
        case "aligned":
            return aligned_mean(per_scale, contract.num_frames)
        case "documented":
            return documented_mean(per_scale[0], contract.scales)
        case "single":
            return per_scale[0].astype(np.float32)


def aligned_mean(per_scale: Sequence[FloatArray], num_frames: int) -> npt.NDArray[np.float32]:
    """Mean [num_frames, D] of scales [L, D], each interpolated onto the base timeline.

    Sample i of n stands for the time (i + 0.5) / n of the window, the midpoint of its segment.
    Between samples the interpolation is linear; before the first and after the last it holds
    their value. A scale of `num_frames` samples contributes itself exactly.
    """
    total = np.zeros((num_frames, per_scale[0].shape[1]), np.float64)
    for sequence in per_scale:
        total += _at_midpoints(sequence, num_frames)
    return (total / len(per_scale)).astype(np.float32)


def _at_midpoints(sequence: FloatArray, num_frames: int) -> FloatArray:
    last = len(sequence) - 1
    # Whole numbers first, so that equal timelines meet without a rounding error.
    twice = (2 * np.arange(num_frames) + 1) * len(sequence) - num_frames
    position = np.clip(twice / (2 * num_frames), 0, last)
    below = position.astype(np.intp)
    above = np.minimum(below + 1, last)
    wide = sequence.astype(np.float64)
    return wide[below] + (wide[above] - wide[below]) * (position - below)[:, None]


def documented_index_lists(n: int, scales: Sequence[float]) -> list[npt.NDArray[np.intp]]:
    """Which of n frames the documented system uses at each scale.

    All at scale 1.0, else max(floor(n * s), 5) indices of a truncated linspace over 0..n-1.
    """
    return [np.linspace(0, n - 1, scaled_length(n, s)).astype(np.intp) for s in scales]


def documented_mean(
    embeddings: FloatArray, scales: Sequence[float] = (1.0, 0.85, 1.15)
) -> npt.NDArray[np.float32]:
    """The documented multi-scale features [max L, D] of frame embeddings [n, D]: 73 rows of 64.

    Every scale's list is zero-padded at its end to the longest, then all are averaged, so the
    tail is attenuated. Each frame is embedded once, where the documented system embeds thrice.
    """
    lists = documented_index_lists(len(embeddings), scales)
    total = np.zeros((max(map(len, lists)), embeddings.shape[1]), np.float64)
    for indices in lists:
        total[: len(indices)] += embeddings[indices]
    return (total / len(lists)).astype(np.float32)
