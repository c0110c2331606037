"""The page of one job: where it is, and then its answer and why."""

from typing import Any

from flask import redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from clipkind.errors import ClipkindError
from clipkind.web.ending import cancel_job, end_job
from clipkind.web.http.problems import Problem
from clipkind.web.jobs.job import Job
from clipkind.web.jobs.spool import valid_id
from clipkind.web.pages.answers import Answer
from clipkind.web.pages.blueprint import blueprint
from clipkind.web.pages.charts import charts_of
from clipkind.web.pages.live import SOURCES, live_jobs
from clipkind.web.pages.words import percent, span
from clipkind.web.services import Services, services


@blueprint.get("/jobs/<id>")
def job(id: str) -> str:
    """The page."""
    known = services()
    found = job_of(known, id)
    (live,) = live_jobs(known, [found])
    answer = live.answer
    return render_template(
        "job.html",
        job=found,
        live=live,
        answer=answer,
        source_words=dict(SOURCES)[found.source],
        job_json=url_for("api.show_job", id=id),
        job_events=url_for("api.job_events", id=id),
        job_video=url_for("api.job_video", id=id),
        charts=charts_of(answer) if answer else [],
        frames=[(f, picture_url(found, f.picture)) for f in answer.frames] if answer else [],
        vote=_vote(known, found),
        facts=_facts(found, answer) if answer else [],
    )


@blueprint.post("/jobs/<id>/cancel")
def cancel(id: str) -> Response:
    """Stop a job; one that is over meanwhile stays as it is."""
    if not job_of(services(), id).over:
        cancel_job(id)
    home = request.form.get("back") == "home"
    return redirect(url_for("pages.home") if home else url_for("pages.job", id=id), 303)


@blueprint.post("/jobs/<id>/delete")
def delete(id: str) -> Response:
    """Delete a job that is over, with its video and answer."""
    if job_of(services(), id).over:
        end_job(id)
        return redirect(url_for("pages.history"), 303)
    return redirect(url_for("pages.job", id=id), 303)


def job_of(known: Services, id: str) -> Job:
    """The job of a page's address. Raises Problem (404)."""
    found = known.store.get(id) if valid_id(id) else None
    if found is None:
        raise Problem(404, "unknown_job", "there is no such video here; it may have been deleted")
    return found


def picture_url(job: Job, picture: int | None) -> str | None:
    """Where a frame's picture is; None where it is no more."""
    if picture is None or not job.kept:
        return None
    return url_for("api.job_frame", id=job.id, k=picture)


def _vote(known: Services, job: Job) -> str:
    """How the members' votes become the answer, where the model is still known."""
    try:
        weights = known.models.describe(job.model)["weights"]
    except ClipkindError:
        return ""
    calibrated = ", then calibrated" if (job.result or {}).get("calibrated") else ""
    if len(set(weights)) == 1:
        return f"Every member's vote counts the same; the answer is their mean{calibrated}."
    shares = ", ".join(percent(weight) for weight in weights)
    return f"The votes count {shares}, in this order; the answer is their mean{calibrated}."


def _facts(job: Job, answer: Answer) -> list[tuple[str, str]]:
    result: dict[str, Any] = job.result or {}
    strange = result.get("strangeness")
    facts = [
        ("Length", span(result.get("duration_s"))),
        ("Different frames looked at", f"{result['frames_used']} in {len(answer.frames)} steps"),
        ("Model", job.model),
        ("Looked at four ways", "yes" if job.tta else "no"),
        ("Risk of a wrong label", "any" if job.risk is None else percent(job.risk)),
        ("Calibrated", "yes" if result["calibrated"] else "no"),
        (
            "Stranger than",
            "not known" if strange is None else f"{percent(strange)} of known videos",
        ),
        ("Time for the answer", span(result.get("elapsed_s"))),
    ]
    if job.started_at is not None:
        facts.append(("Time waited", span(max(job.started_at - job.created_at, 0.0))))
    return facts
