"""Videos and pictures over HTTP. Whatever a client sent, nothing in it runs in a browser."""

from pathlib import Path

from flask import Response, request, send_file
from werkzeug.wsgi import wrap_file

from clipkind.web.api.describe import Answer, Operation, describes
from clipkind.web.ending import get_job
from clipkind.web.http.problems import Problem
from clipkind.web.http.security import SANDBOX
from clipkind.web.jobs.job import Job
from clipkind.web.services import services
from clipkind.web.thumbnails import Busy

JPEG = "image/jpeg"
_PRIVATE = "private, max-age=3600"
_UNCHANGED = Answer("It is as the client has it.")
_VIDEO_TYPES = ("video/mp4", "video/webm", "video/ogg", "application/octet-stream")


@describes(
    Operation(
        summary="The job's video; ranges of it too",
        answers={
            200: Answer("The video.", media_types=_VIDEO_TYPES),
            206: Answer("A part of the video.", media_types=_VIDEO_TYPES),
            304: _UNCHANGED,
        },
        problems=(404, 416),
    )
)
def job_video(id: str) -> Response:
    """As it came, under a type of its content: of three kinds that browsers play, or none."""
    job = get_job(id)
    path = _video_path(job)
    if path is None or not (job.kept or job.source == "dataset"):
        raise _gone()
    if request.range is None or len(request.range.ranges) > 1 or request.range.units != "bytes":
        request.environ.pop("HTTP_RANGE", None)  # what cannot be one part is sent whole (RFC 9110)
    try:
        with path.open("rb") as file:
            kind = media_type(file.read(64))
        found = send_file(path, kind, conditional=True, download_name=f"{id}", etag=True)
    except OSError:
        raise _gone() from None
    if found.status_code == 206 and "wsgi.file_wrapper" in request.environ:
        _send_part_as_file(found, path)
    found.headers["Content-Disposition"] = f'inline; filename="{id}"'
    found.headers["Content-Security-Policy"] = SANDBOX
    found.headers["Cache-Control"] = _PRIVATE
    return found


@describes(
    Operation(
        summary="A picture the model saw, by its number from 0",
        answers={200: Answer("The picture.", media_types=(JPEG,)), 304: _UNCHANGED},
        problems=(404,),
    )
)
def job_frame(id: str, k: int) -> Response:
    """As the worker kept it."""
    job = get_job(id)
    try:
        picture = services().spool.frame(job.id, k).read_bytes()
    except FileNotFoundError:
        raise _gone() from None
    return _picture(picture)


@describes(
    Operation(
        summary="A small picture of a video of the data set",
        answers={200: Answer("The picture.", media_types=(JPEG,)), 304: _UNCHANGED},
        problems=(404, 503),
    )
)
def video_thumbnail(id: str) -> Response:
    """Made when it is first asked for."""
    known = services()
    path = known.library.path(id)
    if path is None:
        raise Problem(404, "unknown_video", "the data set has no video of that id")
    try:
        picture = known.thumbnails.get(id, path)
    except Busy as error:
        raise Problem(503, "busy", str(error), {"Retry-After": "1"}) from None
    if picture is None:
        raise Problem(404, "no_picture", "the video cannot be read")
    return _picture(picture)


def media_type(head: bytes) -> str:
    """The type a browser is told for a file that begins so: one it plays, or that of anything."""
    if head[4:8] == b"ftyp":
        return "video/mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm"
    return "video/ogg" if head.startswith(b"OggS") else "application/octet-stream"


def _send_part_as_file(found: Response, path: Path) -> None:
    """Let the web server read the part from the file by itself, as it does with a whole one.

    Piece by piece it would hold a thread for as long as the client takes to read: a player that
    is paused reads nothing at all.
    """
    start = found.content_range.start
    file = path.open("rb")
    file.seek(start or 0)
    found.response.close()  # type: ignore[union-attr]  # of the same file, opened before
    found.response = wrap_file(request.environ, file)


def _picture(content: bytes) -> Response:
    found = Response(content, content_type=JPEG, headers={"Cache-Control": _PRIVATE})
    found.add_etag()
    answer: Response = found.make_conditional(request)  # type: ignore[assignment]
    return answer


def _video_path(job: Job) -> Path | None:
    known = services()
    if job.source == "dataset":
        return known.library.path(job.video_id or "")
    return known.spool.video(job.id)


def _gone() -> Problem:
    return Problem(404, "gone", "it is not kept, or not there yet")
