"""Why there is no answer, in words for people in a browser, with what they can do."""

from clipkind.errors import Reason
from clipkind.web.jobs.failures import Failure
from clipkind.web.jobs.job import Job
from clipkind.web.links import LinkReason

_ANOTHER = "Send another file."
_CONVERT = "Convert it with a video program, for example to MP4 with H.264, and send that."
_LATER = "Try again in a while."
_DOWNLOAD = "Download the video yourself and send the file."

REASONS: dict[str, tuple[str, str]] = {
    Reason.MISSING: ("the file is not there", "Send it again."),
    Reason.IS_DIRECTORY: ("this is a folder", "Send the videos in it."),
    Reason.NOT_A_FILE: ("this is no file", _ANOTHER),
    Reason.PERMISSION: ("the server may not read it", "Tell who runs this server."),
    Reason.EMPTY: ("the file is empty", "The upload may have been cut short; send it again."),
    Reason.NOT_A_VIDEO: (
        "the file is not a video, or was cut short",
        "Send a whole video, such as an MP4, WebM or GIF.",
    ),
    Reason.NO_VIDEO_STREAM: ("there is no picture in it", "It may be sound only; send a video."),
    Reason.NO_FRAMES: ("not one frame can be read", _CONVERT),
    Reason.TOO_SMALL: ("the picture is too small", "Send a version with a larger picture."),
    Reason.TOO_LARGE: ("it takes too much memory", "Send a version with a smaller picture."),
    Reason.UNDECODABLE: ("the file is damaged or of an unknown kind", _CONVERT),
    Reason.ENCRYPTED: ("the file is encrypted", "Send a version without copy protection."),
    Reason.TIMEOUT: ("decoding takes too long", "Send a shorter part, or a smaller picture."),
    Reason.DECODER_CRASHED: ("the file makes the decoder fail", _CONVERT),
    Reason.TRUNCATED: ("the file is cut short", "Send the whole file for an answer on all of it."),
    Reason.FRAMES_LOST: ("some frames are damaged", _CONVERT),
    Reason.STRANGE: ("unlike the videos the model knows", "Look at the pictures yourself."),
    Reason.TOO_SHORT: ("it is too short", "Send a longer part."),
    Reason.DUPLICATE: ("it is there twice", "Look at the other one."),
    Reason.UNKNOWN_ID: ("it is not in the feature file", "Choose another."),
    Reason.BAD_FEATURES: ("its features are damaged", "Extract them again."),
    Failure.WORKER_CRASHED: ("the server's worker died over it", _CONVERT),
    Failure.FILE_GONE: ("the uploaded file is gone", "Send it again."),
    Failure.VIDEO_GONE: ("the data set no longer has it", "Choose another video."),
    Failure.MODEL_GONE: ("the model is no longer offered", "Send it again with another model."),
    Failure.QUOTA_FULL: ("the server has no room for it", _LATER),
    Failure.LINKS_OFF: ("this server fetches no links", _DOWNLOAD),
    LinkReason.MALFORMED: ("the link cannot be read", "Copy it again, from http to its end."),
    LinkReason.SCHEME: ("the link is not http or https", _DOWNLOAD),
    LinkReason.CREDENTIALS: ("the link holds a password", _DOWNLOAD),
    LinkReason.UNRESOLVED: ("the link's host is not known", "Check how it is written."),
    LinkReason.PRIVATE: ("the link leads into a private network", _DOWNLOAD),
    LinkReason.CERTIFICATE: ("the host's certificate is not valid", _DOWNLOAD),
    LinkReason.UNREACHABLE: ("the link's host does not answer", _LATER),
    LinkReason.STATUS: ("the host refuses the link", "See whether it opens in your browser."),
    LinkReason.REDIRECTS: ("the link leads in circles", _DOWNLOAD),
    LinkReason.INCOMPLETE: ("the video came only in part", _LATER),
    LinkReason.TOO_LARGE: ("the video is too large to fetch", "Link to a smaller version."),
    LinkReason.TIMEOUT: ("fetching takes too long", _DOWNLOAD),
    LinkReason.PAGE: ("the link is a page, not a video", "Link to the video file itself."),
    LinkReason.UNSUPPORTED: ("the link is a playlist or live", "Link to a single video."),
    LinkReason.CANCELLED: ("fetching was stopped", "Send the link again."),
    LinkReason.CRASHED: ("fetching failed in the server", _LATER),
}
"""For every reason code what to call it, and the way out."""


def reason_title(job: Job) -> str:
    """Why a job has no answer, in a few words."""
    return title_of(job.reason)


def title_of(code: str | None) -> str:
    """A reason in a few words."""
    known = REASONS.get(code or "")
    return known[0] if known else (code or "no reason was given").replace("_", " ")


def in_detail(job: Job) -> str:
    """The reason as the part that found it says it. Those of videos leave out of what they are."""
    return f"it {job.message}" if job.reason in set(Reason) else job.message


def way_out(job: Job) -> str:
    """What can be done about it."""
    known = REASONS.get(job.reason or "")
    return known[1] if known else _LATER
