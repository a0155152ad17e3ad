from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import Metric

PROBES = ("/health/live", "/health/ready", "/metrics")


class Metrics:
    """The registry of a service: the process, HTTP as it happens, and what the last scrape was shown of the rest."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service, self._shown = service, list[Metric]()
        self.step_failures = 0
        self.requests = Histogram(
            "issuary_http_seconds",
            "Time of HTTP requests by route; probes are not counted",
            ("service", "method", "route", "status"),
            registry=self.registry,
        )
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        return self._shown

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        if not route.endswith(PROBES):
            self.requests.labels(self._service, method, route, status).observe(seconds)

    def text(self, shown: list[Metric]) -> bytes:
        self._shown = shown
        return generate_latest(self.registry)
