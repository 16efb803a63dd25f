"""What a server counts of its shadow, its cache and its circuits, for Prometheus; in the registry of the server's other metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Summary
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from headrace.serving.breaker import Breaker, State


class Routed:
    """The counters of one server."""

    def __init__(self, registry: CollectorRegistry, model: str) -> None:
        self._model = model
        self._shadow = Counter(
            "headrace_shadow_rows", "Rows that a shadow was asked, by version and status (ok or error).", ["model", "version", "status"],
            registry=registry,
        )  # fmt: skip
        self._dropped = Counter(
            "headrace_shadow_dropped_rows", "Rows that a shadow was not asked, though it should have been, by reason.", ["model", "reason"],
            registry=registry,
        )  # fmt: skip
        self._apart = Summary(
            "headrace_shadow_difference", "How far a shadow's number is from the answer that was given.", ["model", "version"],
            registry=registry,
        )  # fmt: skip
        self._cache = Counter(
            "headrace_cached_predictions",
            "Predictions by what the cache had of them (hit or miss).",
            ["model", "result"],
            registry=registry,
        )
        self._hit, self._miss = (self._cache.labels(model, result).inc for result in ("hit", "miss"))

    def mirrored(self, version: int, *, failed: bool, apart: float | None) -> None:
        """One row that a shadow was asked; `apart` where both answers are numbers."""
        self._shadow.labels(self._model, str(version), "error" if failed else "ok").inc()
        if apart is not None:
            self._apart.labels(self._model, str(version)).observe(apart)

    def dropped(self, reason: str, rows: int = 1) -> None:
        """Rows that a shadow was not asked."""
        self._dropped.labels(self._model, reason).inc(rows)

    def looked(self, hits: int, misses: int) -> None:
        """Predictions that were looked for in the cache."""
        self._hit(hits)
        self._miss(misses)


class Circuits(Collector):
    """The state of each dependency's circuit, read when the metrics are asked for."""

    def __init__(self, model: str, circuits: Callable[[], dict[str, Breaker]]) -> None:
        self._model = model
        self._circuits = circuits

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """1 for the state that a circuit is in, 0 for the others."""
        family = GaugeMetricFamily("headrace_circuit", "The state of a dependency's circuit.", labels=["model", "dependency", "state"])
        for name, circuit in self._circuits().items():
            standing = circuit.state
            for state in State:
                family.add_metric([self._model, name, state.value], float(state is standing))
        return [family]
