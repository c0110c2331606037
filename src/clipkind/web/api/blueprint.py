"""The routes of the API."""

from typing import Any

from flask import Blueprint, current_app

from clipkind.web.api import jobs, media, models, videos
from clipkind.web.api.openapi import document

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
_JOB = "/jobs/<string(length=22):id>"

blueprint.post("/jobs", endpoint="add_job")(jobs.add_job)
blueprint.get("/jobs", endpoint="list_jobs")(jobs.list_jobs)
blueprint.get(_JOB, endpoint="show_job")(jobs.show_job)
blueprint.delete(_JOB, endpoint="remove_job")(jobs.remove_job)
blueprint.get(f"{_JOB}/events", endpoint="job_events")(jobs.job_events)
blueprint.get(f"{_JOB}/video", endpoint="job_video")(media.job_video)
blueprint.get(f"{_JOB}/frames/<int(max=999):k>.jpg", endpoint="job_frame")(media.job_frame)
blueprint.get("/videos", endpoint="list_videos")(videos.list_videos)
blueprint.get("/videos/<string(length=22):id>/thumbnail.jpg", endpoint="video_thumbnail")(
    media.video_thumbnail
)
blueprint.get("/model", endpoint="model")(models.model)


@blueprint.get("/openapi.json")
def openapi() -> dict[str, Any]:
    """The document of this API."""
    return document(current_app)
