"""What comes of answering only where a stated risk allows it."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from clipkind.evaluation.answers import Answers, Questions
from clipkind.evaluation.intervals import Drawn, interval
from clipkind.evaluation.result import Figure, Selective
from clipkind.model.calibration import Calibration
from clipkind.model.risk import decide, risk_rule

RISKS = (0.01, 0.05, 0.1, 0.2)


def selective(
    asked: Questions, answers: Answers, calibration: Calibration, risks: Iterable[float]
) -> list[Selective]:
    """For each risk, how many of the videos get one label, several or none, and how many of these
    answers are wrong. `answers` are calibrated.
    """
    return [_at(asked, answers, calibration, risk) for risk in sorted(set(risks))]


def _at(asked: Questions, answers: Answers, calibration: Calibration, risk: float) -> Selective:
    labels = decide(answers.ranking, risk_rule(calibration, risk))
    count = labels.sum(axis=1)
    wrong = ~labels[np.arange(len(asked)), asked.y_true]
    single, several = count == 1, count > 1
    return {
        "tta": answers.tta,
        "risk": risk,
        "single": round(float(single.mean()), 6),
        "several": round(float(several.mean()), 6),
        "unsure": round(float((count == 0).mean()), 6),
        "single_error": _share(asked, single, wrong),
        "several_error": _share(asked, several, wrong),
    }


def _share(asked: Questions, among: NDArray[np.bool_], wrong: NDArray[np.bool_]) -> Figure | None:
    """The share of wrong ones among some of the videos; None where there are none."""
    if not among.any():
        return None
    total, drawn = asked.draws.sums(np.stack([among & wrong, among], axis=1).astype(float))
    with np.errstate(invalid="ignore"):  # a draw may hold none
        found = Drawn(float(total[0] / total[1]), drawn[:, 0] / drawn[:, 1])
    return interval(found, asked.draws, alike=len(np.unique(asked.draws.index[among])))
