"""Whether the server lives, whether it can answer, and its figures."""

from typing import Any

from flask import Blueprint, Response

from clipkind.web.http import metrics
from clipkind.web.services import services

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready() -> tuple[dict[str, Any], int]:
    """A worker can take jobs; before, jobs are accepted and wait."""
    if services().ready():
        return {"status": "ready"}, 200
    return {"status": "starting"}, 503


@blueprint.get("/metrics")
def figures() -> Response:
    """For Prometheus."""
    return Response(services().metrics.text(), content_type=metrics.CONTENT_TYPE)
