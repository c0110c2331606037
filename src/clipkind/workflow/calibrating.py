"""How a trained ensemble votes and how sure it may be, fitted on the validation split."""

from collections.abc import Sequence

import numpy as np

from clipkind.dataset.manifest import UNKNOWN_SOURCES
from clipkind.dataset.splits.table import sources_known
from clipkind.model.bundle import calibration_key
from clipkind.model.calibration import Calibration, fit_calibration
from clipkind.model.combination import Combination, Combine, fit_combination
from clipkind.model.temporal_head import TemporalHead
from clipkind.training.prepare import TrainingData
from clipkind.workflow.member_answers import member_answers


def chosen_voters(models: Sequence[TemporalHead], data: TrainingData, how: Combine) -> Combination:
    """How `models` vote. Those that get no weight need not be in a bundle."""
    if how == "equal":
        return fit_combination(how, np.empty((len(models), 0, 1)), np.empty(0, np.int64))
    val = data.split("val")
    return fit_combination(how, member_answers(models, val), val.labels)


def calibrations(
    models: Sequence[TemporalHead],
    data: TrainingData,
    combination: Combination,
    *,
    stopped: bool,
) -> dict[str, Calibration]:
    """With and without test-time augmentation, by `calibration_key`.

    No risk is promised by them where these videos have chosen each member's epoch or weight too.
    """
    val = data.split("val")
    groups = np.array([row.group for row in data.rows_of("val")], dtype=np.str_)
    chosen = ["the epochs"] * stopped + ["the members' weights"] * (combination.how != "equal")
    also_chose = " and ".join(chosen)
    protocol = "the validation split"
    if chosen:
        protocol += f", which also chose {also_chose}; a risk is therefore aimed at, not promised"
    if not sources_known(data.rows):
        protocol += f"; {UNKNOWN_SOURCES}"
    return {
        calibration_key(data.contract.multi_scale, tta): fit_calibration(
            combination(member_answers(models, val, tta=tta)),
            val.labels,
            groups,
            protocol,
            also_chose=also_chose,
        )
        for tta in (False, True)
    }
