"""All jobs, with a filter, and their answers as files."""

from typing import Any, get_args

from flask import render_template, request, url_for

from clipkind.web.jobs.job import Source, State
from clipkind.web.models import Models
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.live import SOURCES, STATES, live_jobs
from clipkind.web.services import services

PAGE = 50


@blueprint.get("/jobs")
def history() -> str:
    """The jobs that fit `text`, `label`, `state` and `source`, older ones `before` a moment."""
    known = services()
    asked = _asked()
    before = request.args.get("before", type=float)
    jobs = known.store.find(**asked, before=before, limit=PAGE + 1)
    more, jobs = len(jobs) > PAGE, jobs[:PAGE]
    older = url_for("pages.history", **asked, before=repr(jobs[-1].created_at)) if more else None
    return render_template(
        "history.html",
        rows=live_jobs(known, jobs),
        asked=asked,
        filtered=any(asked.values()) or before is not None,
        labels=class_names(known.models),
        states=STATES,
        sources=SOURCES,
        counts=known.store.counts(),
        older=older,
        newest=url_for("pages.history", **asked) if before is not None else None,
        downloads={
            "csv": url_for("api.list_jobs", **asked, format="csv"),
            "json": url_for("api.list_jobs", **asked, format="json", download="true"),
        },
    )


def class_names(models: Models) -> list[str]:
    """The classes of all models, each once."""
    names = (name for model in models.names for name in models.bundle(model).contract.class_names)
    return list(dict.fromkeys(names))


def _asked() -> dict[str, Any]:
    """What of the address makes sense; the rest counts as not given."""
    text = request.args.get("text", "").strip()[:200]
    state, source = request.args.get("state"), request.args.get("source")
    return {
        "text": text or None,
        "label": request.args.get("label", "")[:200] or None,
        "state": state if state in get_args(State) else None,
        "source": source if source in get_args(Source) else None,
    }
