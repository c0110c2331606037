"""The server: waitress in front, workers behind, and an end that leaves nothing running."""

import logging
import resource
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from flask import Flask
from waitress import wasyncore
from waitress.task import ThreadedTaskDispatcher

from clipkind.errors import ClipkindError
from clipkind.web.app import AROUND_A_VIDEO, create_app
from clipkind.web.http.gate import gate
from clipkind.web.http.listening import CONNECTIONS, Listener, adjustments
from clipkind.web.http.problems import log
from clipkind.web.http.proxies import Proxies
from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore
from clipkind.web.jobs.supervisor import Supervisor
from clipkind.web.services import services
from clipkind.web.settings import Settings

FILES_ASIDE = 200
"""Open files besides those of connections: of the store, of threads, of workers."""
FEWEST_CONNECTIONS = 16


def serve(settings: Settings, announce: Callable[[str], None]) -> None:
    """Serve until Ctrl-C (KeyboardInterrupt is raised) or SIGTERM (returns).

    `announce` is given the address once clients can connect. Raises ClipkindError where the state,
    a model, the data set or the address cannot be had.
    """
    settings.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    store, spool = JobStore(settings.database), Spool(settings.files, settings.quota)
    supervisor = Supervisor(settings, store, spool)
    app = create_app(settings, store=store, spool=spool, ready=supervisor.ready)
    _keep_bodies_in(settings)
    _log_to_stderr()
    known = services(app)
    try:
        sockets: dict[int, wasyncore.dispatcher] = {}
        listeners = _listen(app, settings, sockets)
        with _ends_by_signal(), supervisor:
            for listener in listeners:
                announce(_address(listener))
            try:
                wasyncore.loop(timeout=1.0, map=sockets, use_poll=True)
            finally:
                known.closing.set()
                listeners[0].task_dispatcher.shutdown(timeout=5)
                wasyncore.close_all(sockets, ignore_all=True)
    except SystemExit:
        return
    finally:
        known.thumbnails.close()
        store.close()


def _listen(
    app: Flask, settings: Settings, sockets: dict[int, wasyncore.dispatcher]
) -> list[Listener]:
    """A listener for every address of the host: `localhost` has two."""
    try:
        most = settings.max_upload + AROUND_A_VIDEO
        options = adjustments(settings, most, _connections())
    except ValueError as error:
        raise ClipkindError(f"cannot listen at {settings.host}: {error}") from None
    dispatcher = ThreadedTaskDispatcher()
    refuse, listeners = gate(app), []
    for where in options.listen:
        try:
            listeners.append(
                Listener(
                    app,
                    refuse,
                    settings.quota,
                    Proxies.of(settings.trusted_proxies),
                    map=sockets,
                    dispatcher=dispatcher,
                    adj=options,
                    sockinfo=where,
                )
            )
        except OSError as error:
            wasyncore.close_all(sockets, ignore_all=True)
            raise ClipkindError(
                f"cannot listen at {settings.host}:{settings.port}: {error.strerror}; "
                "choose another with --host and --port"
            ) from None
    dispatcher.set_thread_count(settings.threads)
    return listeners


def _address(listener: Listener) -> str:
    host = listener.effective_host
    return f"http://{f'[{host}]' if ':' in host else host}:{listener.effective_port}/"


def _connections() -> int:
    """How many there may be by the number of files that a process may hold open, raised if it can.

    Each may come with a file: its large body, or the video it is sent. Were there no file left,
    nothing could be accepted, no worker started, and no job read.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CONNECTIONS + FILES_ASIDE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return max(min(CONNECTIONS, (wanted - FILES_ASIDE) // 2), FEWEST_CONNECTIONS)


def _keep_bodies_in(settings: Settings) -> None:
    """Where waitress puts bodies until they are whole: unnamed files, gone with the process."""
    folder = settings.state / "incoming"
    folder.mkdir(exist_ok=True)
    tempfile.tempdir = str(folder)


class _Lines(logging.Handler):
    """What libraries log, as lines of the server's log."""

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        log("log", error=error, logger=record.name, message=record.getMessage())


def _log_to_stderr() -> None:
    root = logging.getLogger()
    if not any(isinstance(handler, _Lines) for handler in root.handlers):
        root.addHandler(_Lines(logging.WARNING))
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue is in the metrics


@contextmanager
def _ends_by_signal() -> Iterator[None]:
    """SIGTERM ends the block, as Ctrl-C does."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
