"""Confidences that mean what they say: a temperature, and the answers it was fitted on.

The answers are kept (confidence, probability of the truth, right or wrong, number of the source; no
names), so that the rule for any stated risk can be derived when it is asked for: see
`clipkind.model.risk`.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from clipkind.errors import FileFormatError

Array = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.floating[Any]]
Integers = npt.NDArray[np.integer[Any]]
FEWEST = 20
"""Videos from which a temperature is fitted."""
_TINY = 1e-12
_INVERSE = 0.05, 20.0
"""Between which 1 / temperature is looked for."""
_STEPS = 60
_ENOUGH = 1e-8
_DECIMALS = 5
_PERHAPS = "the epochs, perhaps"
"""For calibrations from before this was recorded."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """A temperature for an ensemble's probabilities, and its answers for N labelled videos."""

    temperature: float
    """Above 1 it makes answers less sure, below 1 surer; no answer becomes another one."""
    protocol: str
    """What the videos were, for the model card."""
    confidence: Array
    """[N], the highest calibrated probability."""
    truth: Array
    """[N], the calibrated probability of the true class."""
    right: npt.NDArray[np.bool_]
    """[N], whether the most probable class was the true one."""
    groups: npt.NDArray[np.int64]
    """[N], the videos' sources, numbered from 0."""
    also_chose: str = ""
    """What of the model these videos chose besides, such as the epochs: no risk is promised then
    (see `clipkind.model.risk`). Empty: nothing."""

    def __call__(self, probabilities: Numbers) -> Array:
        """Calibrated probabilities [..., C] from an ensemble's [..., C]."""
        return tempered(probabilities, self.temperature)

    @property
    def num_groups(self) -> int:
        """Sources among the videos."""
        return len(np.unique(self.groups))

    def to_json(self) -> dict[str, Any]:
        """For `calibration.json` of a bundle."""
        return {
            "temperature": self.temperature,
            "protocol": self.protocol,
            "confidence": self.confidence.tolist(),
            "truth": self.truth.tolist(),
            "right": self.right.astype(int).tolist(),
            "groups": self.groups.tolist(),
            "also_chose": self.also_chose,
        }

    @classmethod
    def from_json(cls, data: Any, place: str) -> "Calibration":
        """The inverse. Raises FileFormatError, naming `place`, for anything else."""
        try:
            calibration = cls(
                temperature=float(data["temperature"]),
                protocol=str(data["protocol"]),
                confidence=np.array(data["confidence"], np.float64),
                truth=np.array(data["truth"], np.float64),
                right=np.array(data["right"], np.int64) == 1,
                groups=np.array(data["groups"], np.int64),
                also_chose=str(data.get("also_chose", _PERHAPS)),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise FileFormatError(
                f"{place}: no calibration ({error}); copy the bundle again"
            ) from None
        calibration._check(place)
        return calibration

    def _check(self, place: str) -> None:
        arrays = self.confidence, self.truth, self.right, self.groups
        alike = {array.shape for array in arrays} == {(self.confidence.size,)}
        numbered = ((self.groups >= 0) & (self.groups < max(self.groups.size, 1))).all()
        probable = all(((a >= 0) & (a <= 1)).all() for a in (self.confidence, self.truth))
        there = alike and self.confidence.size
        if not there or not numbered or not probable or not 0 < self.temperature < 1e3:
            raise FileFormatError(
                f"{place}: confidence, truth, right and groups must be lists of one length with "
                "probabilities from 0 to 1 and groups numbered from 0, and temperature above 0; "
                "copy the bundle again"
            )


def fit_calibration(
    probabilities: Numbers,
    y_true: Integers,
    groups: npt.NDArray[Any],
    protocol: str = "",
    *,
    also_chose: str = "",
) -> Calibration:
    """Calibrate on an ensemble's `probabilities` [N, C] for videos it was not trained on.

    `y_true` [N] are class indices, `groups` [N] say which videos share a source, `also_chose` what
    else was chosen by these videos. Fewer than FEWEST videos leave the temperature at 1: what they
    would say of it is worse than nothing. Raises ValueError without a video.
    """
    fitted = fit_temperature(probabilities, y_true)
    temperature = fitted if len(y_true) >= FEWEST else 1.0
    calibrated = tempered(probabilities, temperature)
    return Calibration(
        temperature=temperature,
        protocol=protocol,
        confidence=calibrated.max(axis=1).round(_DECIMALS),
        truth=calibrated[np.arange(len(y_true)), y_true].round(_DECIMALS),
        right=probabilities.argmax(axis=1) == y_true,
        groups=np.unique(groups, return_inverse=True)[1].astype(np.int64),
        also_chose=also_chose,
    )


def tempered(probabilities: Numbers, temperature: float) -> Array:
    """softmax(log(probabilities) / temperature) over the last axis, float64."""
    logits = np.log(probabilities.astype(np.float64) + _TINY) / temperature
    raised = np.exp(logits - logits.max(axis=-1, keepdims=True))
    result: Array = raised / raised.sum(axis=-1, keepdims=True)
    return result


def fit_temperature(probabilities: Numbers, y_true: Integers) -> float:
    """The temperature under which the true classes [N] are likeliest (Guo et al. 2017).

    The truth counts as (N + 1) / (N + C) sure, as Platt's targets for two classes: a dozen videos
    all answered rightly are no licence for certainty. Raises ValueError without a video.
    """
    count, classes = probabilities.shape
    if not count:
        raise ValueError("no video to calibrate on")
    logs = np.log(probabilities.astype(np.float64) + _TINY)
    logs -= logs.max(axis=1, keepdims=True)
    target = np.full((count, classes), 1.0 / (count + classes))
    target[np.arange(count), y_true] = (count + 1.0) / (count + classes)
    reward = float((target * logs).sum() / count)
    low, high = _INVERSE
    inverse = 1.0
    for _ in range(_STEPS):  # Newton's, and halving where that would leave the bracket
        raised = np.exp(inverse * logs)
        raised /= raised.sum(axis=1, keepdims=True)
        mean = (raised * logs).sum(axis=1)
        slope = float(mean.mean()) - reward  # of the loss, which is convex in 1 / temperature
        low, high = (low, inverse) if slope > 0 else (inverse, high)
        bend = float(((raised * logs**2).sum(axis=1) - mean**2).mean())
        step = inverse - slope / bend if bend > 0 else math.inf
        nearer = step if low < step < high else (low + high) / 2
        if abs(nearer - inverse) < _ENOUGH * inverse:
            break
        inverse = nearer
    return 1.0 / inverse
