"""What can go wrong, as values: every error names the thing, the place and the way out.

Reason codes are stable: scripts may match on them. They appear in `clipkind classify --json`
(`reason`), in extraction summaries and in feature files.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a video was refused, what is missing from a partial answer, or why there is no label."""

    MISSING = "missing"
    IS_DIRECTORY = "is_directory"
    NOT_A_FILE = "not_a_file"
    PERMISSION = "permission"
    EMPTY = "empty"
    NOT_A_VIDEO = "not_a_video"
    NO_VIDEO_STREAM = "no_video_stream"
    NO_FRAMES = "no_frames"
    TOO_SMALL = "too_small"
    TOO_LARGE = "too_large"
    UNDECODABLE = "undecodable"
    ENCRYPTED = "encrypted"
    TIMEOUT = "timeout"
    DECODER_CRASHED = "decoder_crashed"
    # partial answers only
    TRUNCATED = "truncated"
    FRAMES_LOST = "frames_lost"
    # answers without a label only
    STRANGE = "strange"
    # data sets only
    TOO_SHORT = "too_short"
    DUPLICATE = "duplicate"
    # pre-extracted features only
    UNKNOWN_ID = "unknown_id"
    BAD_FEATURES = "bad_features"


class ClipkindError(Exception):
    """Base of all errors clipkind raises on purpose. `str()` is one line, fit to show a user."""

    exit_code = 2
    """The process exit code when this error ends a command (see `clipkind --help`)."""


class VideoError(ClipkindError):
    """One video cannot be read. Raised for a single file; batches report it and go on."""

    exit_code = 1

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class ContractMismatch(ClipkindError):
    """Two artefacts (feature file, model bundle) were made by different rules and must not meet."""

    def __init__(self, fields: tuple[str, ...], message: str) -> None:
        super().__init__(message)
        self.fields = fields


class FileFormatError(ClipkindError):
    """A feature file, manifest or bundle is damaged or of another format."""


class MissingDependency(ClipkindError):
    """Something is not installed, or the machine lacks it; the message says what to install."""

    exit_code = 3
