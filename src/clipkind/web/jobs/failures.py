"""What can go wrong with a job besides its video, and what turns a client away.

The codes are stable, as those of `clipkind.errors.Reason`: programs may match on them.
"""

from enum import StrEnum

from clipkind.errors import ClipkindError


class Failure(StrEnum):
    """Why a job failed where the video is not to blame, or not known to be."""

    WORKER_CRASHED = "worker_crashed"
    """The process that worked on it died, again and again."""
    FILE_GONE = "file_gone"
    """What was uploaded is no longer there."""
    VIDEO_GONE = "video_gone"
    """The video of the data set is no longer there."""
    MODEL_GONE = "model_gone"
    """The server was started again without the model that was asked for, or it cannot answer so."""
    QUOTA_FULL = "quota_full"
    """There is no room for what a link leads to."""
    LINKS_OFF = "links_off"
    """The server was started again without links."""


class QueueFull(ClipkindError):
    """As many jobs wait as may; room comes as they are answered."""


class QuotaFull(ClipkindError):
    """There is no room for another video; room comes as the files of finished jobs are deleted."""


class StorageError(ClipkindError):
    """The state folder cannot be read or written, or another server has it."""
