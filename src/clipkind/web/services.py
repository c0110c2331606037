"""What every request needs, made once for an app."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from clipkind.web.http.limits import Limits
from clipkind.web.http.proxies import Proxies
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.library import Library
from clipkind.web.models import Models
from clipkind.web.settings import Settings
from clipkind.web.thumbnails import Thumbnails

if TYPE_CHECKING:
    from clipkind.web.http.metrics import Metrics

KEY = "clipkind"


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Stands in `app.extensions["clipkind"]`."""

    settings: Settings
    store: JobStore
    spool: Spool
    models: Models
    library: Library
    thumbnails: Thumbnails
    limits: Limits
    proxies: Proxies
    metrics: "Metrics"
    ready: Callable[[], bool]
    """Whether a worker can take jobs."""
    closing: threading.Event = field(default_factory=threading.Event)
    """Set when the server ends: whatever waits for a job stops waiting."""


def services(app: Flask | None = None) -> Services:
    """Those of the current app, or of this one."""
    return cast(Services, (app or current_app).extensions[KEY])
