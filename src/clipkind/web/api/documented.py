"""The two addresses of the documented app, with the JSON it gave: thin aliases of the API."""

from collections import Counter
from typing import Any

from flask import Blueprint, request

from clipkind.web.api.events import client_gone, wait_until_over
from clipkind.web.asking import Asked, accept
from clipkind.web.http.problems import Problem
from clipkind.web.jobs.job import Job
from clipkind.web.library import Video
from clipkind.web.schema import read_object
from clipkind.web.services import Services, services

LONGEST_S = 600.0
"""An answer may take; after that the job goes on, and only this request ends."""
blueprint = Blueprint("documented", __name__)


@blueprint.get("/api/videos")
def videos() -> dict[str, Any]:
    """The names of the data set's videos by class."""
    found: dict[str, list[str]] = {}
    for name, video in _by_name(services()).items():
        found.setdefault(video.label, []).append(name)
    return {"success": True, "videos": found}


@blueprint.post("/api/classify")
def classify() -> dict[str, Any]:
    """The answer for a video of the data set (form: selected_video, use_tta), waited for."""
    known = services()
    name = request.form.get("selected_video", "")
    if not name:
        raise Problem(400, "bad_request", "No video selected")
    video = _by_name(known).get(name)
    if video is None:
        raise Problem(400, "unknown_video", "the data set has no video of that name")
    tta = request.form.get("use_tta", "false").lower()
    asked = read_object(Asked, {"video_id": video.id, "tta": tta}, texts=True)
    with known.limits.streams.one():  # it holds a thread, as they do
        job = wait_until_over(known, accept(asked).id, LONGEST_S, client_gone())
    if job is None:
        raise Problem(503, "not_yet", "the answer takes longer than this request may")
    if job.state != "done":
        raise Problem(422, job.reason or job.state, job.message or f"the job was {job.state}")
    return {"success": True, "result": _result(known, job, name)}


def _by_name(known: Services) -> dict[str, Video]:
    """Videos by the name they go by here: with a piece of the id where several share a name."""
    times = Counter(video.name for video in known.library.videos)
    return {
        video.name if times[video.name] == 1 else f"{video.name} ({video.id})": video
        for video in known.library.videos
    }


def _result(known: Services, job: Job, name: str) -> dict[str, Any]:
    result = job.result or {}
    classes, members = (
        _percent(result["probabilities"]),
        known.models.describe(job.model)["members"],
    )
    return {
        "category": result["label"],
        "confidence": classes[result["label"]],
        "model_scores": [
            {"model": member, "confidence": max(scores.values()), "probs": list(scores.values())}
            for member, scores in zip(members, map(_percent, result["members"]), strict=True)
        ],
        "all_scores": classes,
        "video_name": name,
    }


def _percent(probabilities: dict[str, float]) -> dict[str, float]:
    return {name: round(100 * share, 2) for name, share in probabilities.items()}
