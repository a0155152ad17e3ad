from collections import defaultdict
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector, generate_latest
from prometheus_client.core import Metric

from shared.tally import Tally

PROBES = ("/health/live", "/health/ready", "/metrics")


class Metrics:
    """The process's own metrics, and what the service shows at a scrape."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests: dict[tuple[str, str, str], Tally] = defaultdict(Tally)
        self.step_failures = 0
        self._shown: list[Metric] = []
        ProcessCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.registry.register(self)

    def collect(self) -> Iterable[Metric]:
        return self._shown

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Probes are not counted: a member that says it is not ready has not failed a request."""
        if not route.endswith(PROBES):
            self.requests[method, route, str(status)].note(seconds)

    def text(self, shown: list[Metric]) -> bytes:
        self._shown = shown
        return generate_latest(self.registry)
