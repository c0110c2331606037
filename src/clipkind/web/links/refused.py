"""Why a link was not fetched."""

from enum import StrEnum

from clipkind.errors import ClipkindError


class LinkReason(StrEnum):
    """Stable codes, as those of `clipkind.errors.Reason`."""

    MALFORMED = "link_malformed"
    SCHEME = "link_scheme"
    CREDENTIALS = "link_credentials"
    UNRESOLVED = "link_unresolved"
    PRIVATE = "link_private"
    """It leads, itself or by a redirect, to an address that is not public."""
    CERTIFICATE = "link_certificate"
    UNREACHABLE = "link_unreachable"
    STATUS = "link_status"
    REDIRECTS = "link_redirects"
    INCOMPLETE = "link_incomplete"
    TOO_LARGE = "link_too_large"
    TIMEOUT = "link_timeout"
    PAGE = "link_page"
    """It is a web page of which no video could be had."""
    UNSUPPORTED = "link_unsupported"
    """It leads to something that is never fetched: a playlist, a live stream."""
    CANCELLED = "link_cancelled"
    CRASHED = "link_crashed"


class LinkRefused(ClipkindError):
    """A link that is not fetched. `str()` is one line with the way out."""

    exit_code = 1

    def __init__(self, reason: LinkReason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
