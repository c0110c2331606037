"""The first page: three ways to send a video, and what became of the last ones."""

from functools import lru_cache
from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from clipkind.errors import ClipkindError
from clipkind.model.calibration import Calibration
from clipkind.model.risk import risk_rule
from clipkind.web.asking import VIDEO, accept_form
from clipkind.web.http.problems import Problem
from clipkind.web.http.uploads import takes_video
from clipkind.web.jobs.failures import StorageError
from clipkind.web.models import Models
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.live import live_jobs
from clipkind.web.services import services

RECENT = 6
"""Jobs on the page: about as tall as the form beside them."""
RISKS = (0.02, 0.05, 0.1, 0.2)
"""To choose from, as far as a model gives single labels at them; programs may ask for any."""


@blueprint.get("/")
def home() -> str:
    """The page; with `text`, `label` and `page` those videos of the data set."""
    return _home()


@blueprint.get("/jobs/recent")
def recent() -> Response | str:
    """The last jobs as a list, for the page's script to ask for again and again."""
    return render_template("_rows.html", **_latest())


@blueprint.get("/library")
def library() -> str:
    """The part of the page with the data set, for its script."""
    return render_template("_library.html", **_library())


@blueprint.post("/jobs")
@takes_video
def send() -> Response | tuple[str, int]:
    """Take a form with a file, a link or a video of the data set; without scripts."""
    try:
        job = accept_form()
    except Problem as problem:
        if problem.status >= 500:
            raise
        return _home(_said(problem)), problem.status
    except StorageError:
        raise
    except ClipkindError as error:
        return _home(str(error)), 503
    return redirect(url_for("pages.job", id=job.id), 303)


def _said(problem: Problem) -> str:
    """What is wrong with a form, for who filled it."""
    file = request.files.get(VIDEO)
    fields = (request.form.get(name, "").strip() for name in ("url", "video_id"))
    if not any(fields) and not (file and file.filename):
        return "Choose a video, or give a link to one."
    return f"{problem.detail[:1].upper()}{problem.detail[1:]}."


def model_choices(models: Models) -> list[dict[str, Any]]:
    """The models to choose from, with what to call them."""
    found = []
    for name in models.names:
        about = models.describe(name)
        count = len(about["members"])
        title = name if count == 1 else f"{name}: all {count} members vote"
        calibrated = about["calibrated"]
        bundle = models.bundle(name)
        modes = [bundle.calibration_for(tta=tta) for tta in (False, True)] if calibrated else []
        smallest = max((_smallest(mode) for mode in modes if mode is not None), default=None)
        found.append({"name": name, "title": title, "calibrated": calibrated, "smallest": smallest})
    return found


@lru_cache(maxsize=64)
def _smallest(calibration: Calibration) -> float:
    """The smallest risk at which there are single labels; above 0.5: at none."""
    return risk_rule(calibration, max(RISKS)).smallest


def risk_choices(choices: list[dict[str, Any]]) -> list[float]:
    """The risks at which any of the models gives single labels."""
    least = min((c["smallest"] for c in choices if c["smallest"] is not None), default=1.0)
    return [risk for risk in RISKS if risk >= least]


def _home(error: str = "") -> str:
    known = services()
    classes = known.models.bundle(known.models.default).contract.class_names
    choices = model_choices(known.models)
    return render_template(
        "home.html",
        error=error,
        classes=classes,
        models=choices,
        smallest=next(c["smallest"] for c in choices if c["name"] == known.models.default),
        risks=risk_choices(choices),
        links=known.settings.links,
        max_upload=known.settings.max_upload,
        **_latest(),
        **_library(),
    )


def _latest() -> dict[str, Any]:
    """What runs, and then the newest: where many wait, those that run are not among them."""
    store = services().store
    running = store.find(state="running", limit=RECENT)
    rows = {job.id: job for job in (*running, *store.find(limit=RECENT))}
    shown = list(rows.values())[:RECENT]
    waiting = sum(job.state == "queued" for job in shown)
    return {
        "rows": live_jobs(services(), shown),
        "unseen": max(store.counts()["queued"] - waiting, 0),
    }


def _library() -> dict[str, Any]:
    found = services().library
    text, label = request.args.get("text", "")[:200], request.args.get("label", "")[:200]
    page = request.args.get("page", 1, type=int)
    page = min(max(page, 1), 1_000_000)
    return {
        "library": found,
        "found": found.find(text, label or None, page),
        "text": text,
        "label": label,
    }
