"""The application: `create_app` puts settings, services, checks and routes together."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from flask import Flask

from clipkind.web import pages
from clipkind.web.api import blueprint as api
from clipkind.web.api import documented
from clipkind.web.http import door, health, problems, security
from clipkind.web.http.limits import Limits
from clipkind.web.http.metrics import Metrics
from clipkind.web.http.proxies import Proxies
from clipkind.web.http.uploads import FORM_MEMORY, FORM_PARTS, VideoRequest, drop_upload, limit_body
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.library import Library
from clipkind.web.models import Models
from clipkind.web.services import KEY, Services
from clipkind.web.settings import MEGABYTE, Settings
from clipkind.web.thumbnails import Thumbnails

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

AROUND_A_VIDEO = MEGABYTE
"""Bytes a form may have besides its video."""


class App(Flask):
    """Flask, with requests whose files go to the spool."""

    request_class = VideoRequest

    def wsgi_app(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Any:
        """What waitress calls."""
        security.settle_host(environ)
        self.extensions[KEY].proxies.settle(environ)
        return super().wsgi_app(environ, start_response)


def create_app(
    settings: Settings,
    *,
    store: JobStore | None = None,
    spool: Spool | None = None,
    models: Models | None = None,
    ready: Callable[[], bool] = lambda: True,
) -> Flask:
    """The app, without workers: those are `clipkind.web.http.server.serve`'s.

    Raises ClipkindError where the state, a model or the data set cannot be read.
    """
    app = App("clipkind.web.app")
    app.config.update(
        MAX_CONTENT_LENGTH=settings.max_upload + AROUND_A_VIDEO,
        MAX_FORM_MEMORY_SIZE=FORM_MEMORY,
        MAX_FORM_PARTS=FORM_PARTS,
    )
    app.json.sort_keys = False  # type: ignore[attr-defined]  # classes in the model's order
    store = store or JobStore(settings.database)
    spool = spool or Spool(settings.files, settings.quota)
    metrics = Metrics(store, spool, ready)
    app.extensions[KEY] = Services(
        settings=settings,
        store=store,
        spool=spool,
        models=models or Models(settings.models),
        library=Library(settings.dataset),
        thumbnails=Thumbnails(settings.state / "thumbnails"),
        limits=Limits.of(settings),
        proxies=Proxies.of(settings.trusted_proxies),
        metrics=metrics,
        ready=ready,
    )
    metrics.install(app)
    problems.install(app)
    app.before_request(limit_body)
    security.install(app, settings)
    app.teardown_request(lambda _error: drop_upload())
    for blueprint in (api, documented.blueprint, health.blueprint, door.blueprint, pages.blueprint):
        app.register_blueprint(blueprint)
    return app
