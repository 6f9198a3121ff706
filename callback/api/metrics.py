"""`/metrics` for Prometheus: how fast we answer, and what the database holds."""

import hmac
import threading
from collections.abc import Iterable

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from callback.bootstrap import House
from callback.db import figures
from callback.db.engine import reading
from callback.errors import Unauthenticated

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
FRESH_S = 15.0
"""The counts are read again after so long, however often somebody scrapes."""


class Metrics:
    """One per application; no global registry, so that two applications in one process do not mix."""

    def __init__(self, house: House) -> None:
        self.registry = CollectorRegistry()
        self._latency = Histogram(
            "callback_request_seconds",
            "Time to answer, by route",
            ("method", "route", "status"),
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.registry.register(HouseCollector(house))

    def observe(self, *, method: str, template: str, status: int, seconds: float) -> None:
        known = method if method in ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS") else "other"
        self._latency.labels(known, template, f"{status // 100}xx").observe(seconds)


class HouseCollector(Collector):
    """Counts of the database, asked for at most every `FRESH_S` seconds."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._known: list[figures.Count] = []

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterable[Metric]:
        families: dict[str, GaugeMetricFamily] = {}
        for count in self._counts():
            family = families.setdefault(
                count.name, GaugeMetricFamily(count.name, count.help, labels=[count.label] if count.label else [])
            )
            family.add_metric([count.value_of_label] if count.label else [], count.number)
        return families.values()

    def _counts(self) -> list[figures.Count]:
        now = self._house.clock()
        with self._lock:
            if now.timestamp() - self._read_at >= FRESH_S:
                with reading(self._house.sessions) as session:
                    self._known = figures.counts(session, now=now)
                self._read_at = now.timestamp()
            return self._known


router = APIRouter(tags=["operations"])


@router.get("/metrics", include_in_schema=False)
def metrics(request: Request) -> Response:
    """Text for Prometheus; asks for `CALLBACK_METRICS_TOKEN` as a bearer token when one is set."""
    house: House = request.app.state.house
    token = house.settings.metrics_token
    if token is not None:
        sent = request.headers.get("authorization", "")
        if not hmac.compare_digest(sent.encode(), f"Bearer {token.get_secret_value()}".encode()):
            raise Unauthenticated("metrics_token_wrong")
    kept: Metrics = request.app.state.metrics
    return Response(generate_latest(kept.registry), media_type=CONTENT_TYPE_LATEST)
