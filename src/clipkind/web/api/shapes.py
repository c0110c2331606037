"""What the API answers with, where no other room has a dataclass for it."""

from dataclasses import dataclass

from clipkind.web.library import Video
from clipkind.web.telling import JobInfo


@dataclass(frozen=True, slots=True)
class JobPage:
    """Some of the jobs that were asked for."""

    jobs: list[JobInfo]
    """The newest first."""
    next: float | None
    """What to give as `before` for the next page; null: this is the last."""


@dataclass(frozen=True, slots=True)
class VideoPage:
    """Some of the videos of the data set."""

    videos: list[Video]
    total: int
    """How many there are on all pages."""
    page: int
    """From 1."""
    pages: int
    """At least 1, be it empty."""
    labels: dict[str, int]
    """How many videos each class has, in the whole data set."""
