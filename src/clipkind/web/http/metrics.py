"""What monitoring may know, in Prometheus' words."""

import time
from collections.abc import Callable, Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from clipkind.web.jobs.spool import Spool
from clipkind.web.jobs.store import JobStore

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class Metrics:
    """Counts requests, jobs and wrong tokens of this process; reads the rest when asked."""

    def __init__(self, store: JobStore, spool: Spool, ready: Callable[[], bool]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "clipkind_request_seconds",
            "Time to answer a request, its body received, a stream's lines not counted.",
            ("endpoint", "method", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._accepted = Counter(
            "clipkind_jobs_accepted", "Jobs accepted.", ("source",), registry=self.registry
        )
        self._wrong_tokens = Counter(
            "clipkind_wrong_tokens", "Wrong tokens that clients showed.", registry=self.registry
        )
        self.registry.register(_State(store, spool, ready))
        ProcessCollector(registry=self.registry)

    def install(self, app: Flask) -> None:
        """Time every request of `app`."""
        app.before_request(_begin)
        app.after_request(self._end)

    def accepted(self, source: str) -> None:
        """A job was accepted."""
        self._accepted.labels(source).inc()

    def wrong_token(self) -> None:
        """A client showed a wrong token."""
        self._wrong_tokens.inc()

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self.registry)

    def _end(self, response: Response) -> Response:
        # of names that clients make up there is no end
        endpoint = request.endpoint or "none"
        method = request.method if request.method in ("GET", "POST", "DELETE") else "other"
        if (began := g.get("began")) is not None:
            self._requests.labels(endpoint, method, str(response.status_code)).observe(
                time.perf_counter() - began
            )
        return response


def _begin() -> None:
    g.began = time.perf_counter()


class _State(Collector):
    """What the store and the spool have."""

    def __init__(self, store: JobStore, spool: Spool, ready: Callable[[], bool]) -> None:
        self._store, self._spool, self._ready = store, spool, ready

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("clipkind_jobs", "Jobs kept, by state.", labels=["state"])
        for state, count in self._store.counts().items():
            jobs.add_metric([state], count)
        yield jobs
        yield GaugeMetricFamily(
            "clipkind_spool_bytes", "Bytes of all videos kept.", self._spool.used()
        )
        yield GaugeMetricFamily(
            "clipkind_spool_quota_bytes", "Bytes they may have.", self._spool.quota
        )
        mean = self._store.seconds_per_job()
        if mean is not None:
            yield GaugeMetricFamily("clipkind_job_seconds", "Time of the last jobs, mean.", mean)
        yield GaugeMetricFamily(
            "clipkind_ready", "Whether a worker can take jobs.", int(self._ready())
        )
