"""How to come from features to an answer: what a model must hold for what is asked of it."""

import math
from dataclasses import dataclass

from clipkind.contract import MultiScale
from clipkind.errors import FileFormatError
from clipkind.model.bundle import Bundle
from clipkind.model.calibration import Calibration
from clipkind.model.risk import RiskRule, require_risk, risk_rule

_ADDED = (
    "`clipkind train FEATURES --split SPLIT --out RUN`, with what the run was trained on, adds it "
    "and trains nothing anew"
)


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to an answer from features."""

    tta: bool
    calibration: Calibration | None
    rule: RiskRule | None
    max_strangeness: float
    """1: none is too strange."""
    member: int | None = None
    """The one network that answers; None: all vote."""
    explain: bool = False
    """Whether each frame is asked by itself as well."""


def way_for(
    bundle: Bundle,
    multi_scale: MultiScale | None = None,
    *,
    member: int | None = None,
    tta: bool = False,
    risk: float | None = None,
    max_strangeness: float | None = None,
) -> Way:
    """The way to what is asked of a bundle in a multi-scale mode (None: its own).

    Raises as `Classifier.classify_many`.
    """
    mode = multi_scale or bundle.contract.multi_scale
    if member is not None and not 0 <= member < len(bundle.members):
        raise ValueError(
            f"member is {member}; model {bundle.name} has 0 to {len(bundle.members) - 1}"
        )
    # what was fitted to the votes of all says nothing about one
    calibration = bundle.calibration_for(mode, tta) if member is None else None
    limit = _limit(bundle, mode, max_strangeness)
    if risk is None:
        return Way(tta, calibration, None, limit, member)
    require_risk(risk)
    if member is not None:
        raise FileFormatError(
            f"member {member} of model {bundle.name} was not calibrated by itself, without which "
            "no risk can be stated; ask the whole model, or leave the risk out"
        )
    if calibration is None:
        there = " with --tta" if tta and bundle.calibrations else ""
        raise FileFormatError(
            f"model {bundle.name} holds no calibration{there}, without which no risk can "
            f"be stated; {_ADDED}, or leave --risk out"
        )
    return Way(tta, calibration, risk_rule(calibration, risk), limit, member)


def _limit(bundle: Bundle, mode: MultiScale, max_strangeness: float | None) -> float:
    if max_strangeness is None:
        return 1.0
    if not 0.0 < max_strangeness <= 1.0:
        raise ValueError(f"max_strangeness is {max_strangeness}; give above 0 and at most 1")
    if bundle.outliers is None:
        raise FileFormatError(
            f"model {bundle.name} holds no outlier score; {_ADDED}, or leave --max-strangeness out"
        )
    outliers = bundle.outliers_for(mode)
    if outliers is None:
        raise FileFormatError(
            f"model {bundle.name} cannot say how strange a video is with --multi-scale "
            f"{mode}, only in its own mode; leave one of the two out"
        )
    highest = outliers.percentile(math.inf)
    if highest < max_strangeness < 1.0:
        raise FileFormatError(
            f"model {bundle.name} knows so few videos that none can be stranger than "
            f"{highest:.2f}: give --max-strangeness less than that, or leave it out"
        )
    return max_strangeness
