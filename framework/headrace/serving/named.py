"""What was counted under the names that dashboards made for MLServer ask for: the same numbers, with the arm beside the version."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, SummaryMetricFamily
from prometheus_client.registry import Collector

_LABELS = ("model", "version", "arm")
_ANSWERS = {
    "ok": ("model_infer_request_success", "Rows that a version answered."),
    "error": ("model_infer_request_failure", "Rows that a version failed on."),
}

Counts = dict[tuple[str, ...], float]


class Named(Collector):
    """All that another collector tells, and after it what is derived of that; nothing is counted twice for it."""

    def __init__(self, told: Collector) -> None:
        self._told = told

    def collect(self) -> Iterator[Metric]:
        """The other's, then ours."""
        for metric in self._told.collect():
            yield metric
            if metric.name == "headrace_predictions":
                yield from _answers(metric)
            elif metric.name == "headrace_prediction_seconds":
                yield _duration(metric)


def _answers(metric: Metric) -> Iterator[Metric]:
    for status, (name, told) in _ANSWERS.items():
        family = CounterMetricFamily(name, told, labels=_LABELS)
        for labels, value in _by_version(metric, "_total", status).items():
            family.add_metric(labels, value)
        yield family


def _duration(metric: Metric) -> Metric:
    family = SummaryMetricFamily("model_infer_request_duration", "Seconds from a request's body to its answer.", labels=_LABELS)
    sums = _by_version(metric, "_sum")
    for labels, count in _by_version(metric, "_count").items():
        family.add_metric(labels, int(count), sums[labels])
    return family


def _by_version(metric: Metric, ending: str, status: str | None = None) -> Counts:
    found: Counts = defaultdict(float)
    for sample in metric.samples:
        if sample.name == metric.name + ending and status in (None, sample.labels.get("status")):
            found[tuple(sample.labels[name] for name in _LABELS)] += sample.value
    return found
