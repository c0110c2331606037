"""Videos in requests: their bytes go to the spool as they are read, and nowhere else.

A client's file name and declared type are not looked at on the way: what a file is, a worker finds
out. Only views marked with `takes_video` receive files at all.
"""

import re
from collections.abc import Callable
from contextlib import ExitStack
from typing import IO, Any, TypeVar, cast

from flask import Request, current_app, request

from clipkind.web.http.problems import Problem
from clipkind.web.jobs.spool import Incoming, Spool
from clipkind.web.names import shown_name
from clipkind.web.services import services

View = TypeVar("View", bound=Callable[..., Any])
FORM = "multipart/form-data"
FORM_MEMORY = 100_000
"""Bytes of the fields of a form, files aside; and of all other bodies."""
FORM_PARTS = 20


def takes_video(view: View) -> View:
    """Mark a view: requests for it may carry one video, in the form's field `video`."""
    view.takes_video = True  # type: ignore[attr-defined]
    return view


class Dropped(Exception):
    """Ends the receiving of a video that nobody wants any more."""


class Upload:
    """A video on its way to the spool: it is kept, or nothing stays of it."""

    def __init__(self, spool: Spool) -> None:
        self.id = spool.new_id()
        self._stack = ExitStack()
        self.file: Incoming = self._stack.enter_context(spool.receive(self.id))

    def keep(self) -> None:
        """From here on it is the job's."""
        self._stack.close()

    def drop(self) -> None:
        """Delete what came; without effect once it is kept."""
        error = Dropped()
        try:
            self._stack.__exit__(Dropped, error, None)
        except Dropped:
            return


class VideoRequest(Request):
    """A request whose file goes to the spool."""

    upload: Upload | None = None

    def _get_file_stream(
        self,
        total_content_length: int | None,
        content_type: str | None,
        filename: str | None = None,
        content_length: int | None = None,
    ) -> IO[bytes]:
        if not may_bring_video():
            raise Problem(415, "unsupported_media_type", "files are not taken here")
        if self.upload is not None:
            raise Problem(422, "several_videos", "one video a request: send each by itself")
        self.upload = Upload(services().spool)
        return cast(IO[bytes], self.upload.file)


def limit_body() -> None:
    """A body without a file is read into memory at once: it must be small. Before anything is."""
    if not may_bring_video():
        request.max_content_length = FORM_MEMORY


def may_bring_video() -> bool:
    """Whether a file may be in the current request, going by its head."""
    view = current_app.view_functions.get(request.endpoint or "")
    return request.mimetype == FORM and bool(getattr(view, "takes_video", False))


def drop_upload() -> None:
    """What a request brought and no job has, is deleted."""
    if isinstance(request, VideoRequest) and request.upload is not None:
        request.upload.drop()


def upload_name(name: str | None) -> str:
    """What to call an upload: the last part of a client's name for it, safe to print."""
    return shown_name(re.split(r"[/\\]", name or "")[-1]) or "video"
