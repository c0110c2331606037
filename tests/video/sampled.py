"""Contracts that look at frames as they are, for tests of what is decoded."""

from clipkind.contract import Contract


def sampled(num_frames: int = 25, keyframe_snap: float = 0.0) -> Contract:
    """So many frames, those on screen at the midpoints unless key frames within reach may do."""
    return Contract(
        backbone="none",
        weights_sha256="",
        feature_dim=1,
        num_frames=num_frames,
        multi_scale="single",
        keyframe_snap=keyframe_snap,
    )
