"""Prometheus families of one service, made anew for each scrape: what is gone leaves no label behind."""

from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.utils import floatToGoString

from shared.tally import Tally

Labels = tuple[str, ...]


class Families:
    """The keys of what is given are tuples of label values, as many as `labels`."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.made: list[Metric] = []

    def gauge(self, name: str, meaning: str, value: float | None) -> None:
        """None is no sample: unknown is not 0."""
        self.gauges(name, meaning, (), {} if value is None else {(): value})

    def gauges(self, name: str, meaning: str, labels: Labels, values: Mapping[Any, float]) -> None:
        family = GaugeMetricFamily(f"issuary_{name}", meaning, labels=("service", *labels))
        self._add(family, values)

    def counter(self, name: str, meaning: str, value: float) -> None:
        self.counters(name, meaning, (), {(): value})

    def counters(self, name: str, meaning: str, labels: Labels, values: Mapping[Any, float]) -> None:
        family = CounterMetricFamily(f"issuary_{name}", meaning, labels=("service", *labels))
        self._add(family, values)

    def tallies(self, name: str, meaning: str, labels: Labels, tallies: Mapping[Any, Tally]) -> None:
        family = HistogramMetricFamily(f"issuary_{name}", meaning, labels=("service", *labels))
        for values, tally in tallies.items():
            family.add_metric((self.service, *values), list(_buckets(tally)), tally.total)
        self.made.append(family)

    def _add(self, family: GaugeMetricFamily | CounterMetricFamily, values: Mapping[Any, float]) -> None:
        for labels, value in values.items():
            family.add_metric((self.service, *labels), value)
        self.made.append(family)


def _buckets(tally: Tally) -> Iterable[tuple[str, float]]:
    bounds = [*map(floatToGoString, tally.bounds), "+Inf"]
    return zip(bounds, accumulate(tally.counts), strict=True)
