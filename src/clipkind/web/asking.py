"""From what a client asks for to a job in the store, whichever way it asks."""

import math
from dataclasses import dataclass
from typing import Annotated, Any

from flask import request
from werkzeug.exceptions import BadRequest

from clipkind.errors import ClipkindError
from clipkind.text import printable
from clipkind.web.http.limits import slow_down
from clipkind.web.http.problems import Problem
from clipkind.web.http.security import FIELD
from clipkind.web.http.uploads import Upload, VideoRequest, upload_name
from clipkind.web.jobs.failures import QueueFull
from clipkind.web.jobs.job import Job, NewJob
from clipkind.web.links import LinkRefused, check_link
from clipkind.web.names import NAME_LENGTH, shown_name
from clipkind.web.schema import read_object
from clipkind.web.services import Services, services

VIDEO = "video"
"""The field of a form that holds the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How to answer."""

    model: Annotated[str | None, {"maxLength": 200}] = None
    """A name of `/api/v1/model`; null: the server's default."""
    tta: bool = False
    """Ask each network in four ways: as it is, reversed, faster, slower."""
    risk: Annotated[float | None, {"exclusiveMinimum": 0, "maximum": 0.5}] = None
    """Aim at a share of wrong single answers within this; others become several labels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked(Options):
    """A link or a video of the data set, and how to answer. Exactly one of `url` and `video_id`."""

    url: Annotated[str | None, {"maxLength": 2000}] = None
    """Of a video, or of a page that shows one."""
    video_id: Annotated[str | None, {"maxLength": 200}] = None
    """Of a video of the server's data set."""


def accept_json() -> Job:
    """The job that the request's JSON asks for, in the store. Raises Problem."""
    try:
        values = request.get_json()
    except RecursionError:
        raise Problem(400, "bad_request", "the JSON is nested too deep") from None
    except BadRequest:
        raise Problem(400, "bad_request", "the body is not JSON, though it says so") from None
    return accept(read_object(Asked, values, texts=False))


def accept_form() -> Job:
    """The job that the request's form asks for, be it with a file. Raises Problem."""
    known = services()
    _admit(known)
    values: dict[str, str] = {}
    for key, found in request.form.lists():
        if len(found) > 1:
            raise Problem(422, "bad_request", f"{printable(key)[:80]} is given twice")
        if key != FIELD and found[0].strip():  # empty fields are how a form says nothing
            values[key] = found[0]
    if not request.form and not request.files:
        raise Problem(
            400,
            "bad_form",
            "nothing in the form can be read: file names must be UTF-8, and its Content-Type must "
            "name the boundary",
        )
    asked = read_object(Asked, values, texts=True)
    upload = _received()
    if upload is None:
        return _accept(known, asked)
    if asked.url or asked.video_id:
        raise Problem(422, "bad_request", "give a file or a link or a video_id, not several")
    return _accept_upload(known, asked, upload)


def _received() -> Upload | None:
    """The file that came; none where a browser sent the field as nobody filled it."""
    upload = request.upload if isinstance(request, VideoRequest) else None
    file = request.files.get(VIDEO)
    if upload is not None and file is not None and not file.filename and not upload.file.size:
        return None
    return upload


def accept(asked: Asked) -> Job:
    """A job for a link or a video of the data set. Raises Problem."""
    known = services()
    _admit(known)
    return _accept(known, asked)


def _admit(known: Services) -> None:
    """Count a job of this client. Raises as `check_room`."""
    _turn_away(known, known.limits.jobs.take(request.remote_addr or ""))


def check_room(known: Services) -> None:
    """Whether a job of this client would be taken now; counts nothing.

    Asked of a large request by its head, before its body is received. Raises Problem, or QueueFull.
    """
    _turn_away(known, known.limits.jobs.wait(request.remote_addr or ""))


def _turn_away(known: Services, wait: float) -> None:
    """A client by what it had, or all of them by what waits."""
    if wait:
        raise slow_down(
            wait,
            "too_many_jobs",
            f"more than {known.settings.rate:g} videos a minute; try again in {math.ceil(wait)} s",
        )
    if known.store.counts()["queued"] >= known.settings.max_queue:
        raise QueueFull(f"{known.settings.max_queue} videos are waiting; try again in a while")


def _accept(known: Services, asked: Asked) -> Job:
    if (asked.url is None) == (asked.video_id is None):
        raise Problem(
            422, "bad_request", f"give exactly one of a file in `{VIDEO}`, url and video_id"
        )
    found = _link(known, asked.url) if asked.url is not None else _video(known, asked.video_id)
    return _add(known, known.spool.new_id(), asked, found)


def _link(known: Services, url: str) -> dict[str, Any]:
    if not known.settings.links:
        raise Problem(403, "links_off", "this server fetches no links; send the video itself")
    try:
        url = check_link(url, known.settings.allowed_addresses)
    except LinkRefused as error:
        raise Problem(422, error.reason, str(error)) from None
    return {"source": "link", "name": shown_name(url), "url": url}


def _video(known: Services, video_id: str | None) -> dict[str, Any]:
    video = known.library.get(video_id or "")
    if video is None:
        raise Problem(422, "unknown_video", "the data set has no video of that id")
    name, truth = video.name[:NAME_LENGTH], video.label or None
    return {"source": "dataset", "name": name, "video_id": video.id, "truth": truth}


def _accept_upload(known: Services, asked: Asked, upload: Upload) -> Job:
    file = request.files.get(VIDEO)
    if file is None:
        raise Problem(
            400, "bad_form", f"the form ends too early, or its file is not in a field `{VIDEO}`"
        )
    if upload.file.size > known.settings.max_upload:
        raise Problem(
            413,
            "too_large",
            f"a video may have {known.settings.max_upload / 1e6:g} MB; send a shorter one",
        )
    if upload.file.size == 0:
        raise Problem(422, "empty", "the file has no content (0 bytes)")
    name = upload_name(file.filename)
    _check_options(known, asked)
    upload.keep()
    try:
        return _add(known, upload.id, asked, {"source": "upload", "name": name})
    except BaseException:
        known.spool.drop(upload.id)
        raise


def _check_options(known: Services, asked: Asked) -> str:
    name = asked.model or known.models.default
    try:
        known.models.check(name, asked.tta, asked.risk)
    except ClipkindError as error:
        raise Problem(422, "bad_options", str(error)) from None
    return name


def _add(known: Services, id: str, asked: Asked, found: dict[str, Any]) -> Job:
    new = NewJob(
        id=id,
        model=_check_options(known, asked),
        tta=asked.tta,
        risk=asked.risk,
        client=request.remote_addr or "",
        **found,
    )
    job = known.store.add(new, known.settings.max_queue)
    known.metrics.accepted(job.source)
    return job
