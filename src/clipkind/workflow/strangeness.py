"""How strange videos are, as far as those trained on can tell: the bundle's outlier score."""

from collections.abc import Sequence

import numpy as np

from clipkind.model.outliers import OutlierModel, pooled
from clipkind.training.data import Split


def outlier_score(split: Split, groups: Sequence[str]) -> tuple[OutlierModel | None, str]:
    """The score fitted on the videos of a split, and in words what it was fitted on.

    None where they are of fewer than two groups ([N], one a video), with the reason.
    """
    count = len(set(groups))
    if count < 2:
        return None, "none: videos of one group leave nothing to hold out"
    sequences = zip(split.features, split.lengths, strict=True)
    means = np.stack([pooled(features[:length]) for features, length in sequences])
    fitted = OutlierModel.fit(means, split.labels, np.array(groups, dtype=np.str_))
    return fitted, f"{len(means)} videos of {count} groups"
