"""What a server counts of itself, for Prometheus; in a registry of its own, so that two apps in one process never meet."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from headrace.serving.fleet.measured import whole
from headrace.serving.named import Named

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Measures:
    """The metrics of one server, each with the model as a label."""

    def __init__(self, model: str) -> None:
        self.registry = CollectorRegistry()
        self._model = model
        self._requests = Counter(
            "headrace_predictions",
            "Rows answered, by arm, version and status (ok or error).",
            ["model", "arm", "version", "status"],
            registry=self.registry,
        )
        self._latency = Histogram(
            "headrace_prediction_seconds",
            "From a request's body to its answer.",
            ["model", "arm", "version"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._responses = Counter(
            "rest_server_requests", "HTTP requests answered.", ["model", "method", "path", "status_code"], registry=self.registry
        )
        self._responding = Histogram(
            "rest_server_request_duration_seconds",
            "From a request's first line to its last byte.",
            ["model", "method", "path", "status_code"],
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._inside = Gauge(
            "rest_server_requests_in_progress",
            "HTTP requests that are being answered.",
            ["model"],
            registry=self.registry,
            multiprocess_mode="livesum",
        )
        self._age = Gauge(
            "headrace_access_age_seconds",
            "How long ago API keys, or a token issuer's keys, were read.",
            ["model", "of"],
            registry=self.registry,
            multiprocess_mode="livemax",
        )
        self._unseen = Counter(
            "headrace_unseen", "Categories that training never saw, by input.", ["model", "input"], registry=self.registry
        )
        self._flags = Counter(
            "headrace_flag_evaluations",
            "Flags evaluated, by variant; no variant where there was no answer.",
            ["model", "flag", "variant"],
            registry=self.registry,
        )
        self._refused = Counter("headrace_refused_requests", "Requests refused, by status.", ["model", "status"], registry=self.registry)
        self._swaps = Counter("headrace_swaps", "Snapshots swapped in.", ["model"], registry=self.registry)
        self._errors = Counter("headrace_errors", "What failed beside predictions, by part.", ["model", "part"], registry=self.registry)
        self._altered = Gauge(
            "headrace_refused_versions", "Versions that may not be loaded.", ["model"], registry=self.registry, multiprocess_mode="livemax"
        )
        self._spool = Gauge(
            "headrace_spool_bytes",
            "Bytes in the spool that are not shipped yet.",
            ["model"],
            registry=self.registry,
            multiprocess_mode="livemostrecent",
        )
        self._unflushed = Gauge(
            "headrace_unflushed", "Counts that are not in the store yet.", ["model"], registry=self.registry, multiprocess_mode="livesum"
        )
        self._children: dict[tuple[str, int, bool], Callable[[float], None]] = {}
        self._seconds: dict[tuple[str, int], _Tally] = {}
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
        self.inside = 0
        """HTTP requests that are being answered; counted by the event loop."""

    def answered(self, arm: str, version: int, seconds: float, *, failed: bool, rows: int = 1) -> None:
        """One row, answered or not, or several that went alike. By the event loop alone.

        It is counted at once, so that a worker's end loses none; how long it took is tallied.
        """
        self._count(arm, version, rows, failed=failed).add(seconds, rows)

    def answered_each(self, arm: str, version: int, seconds: Sequence[float]) -> None:
        """Rows that were answered by requests of their own, each in its time. By the event loop alone."""
        self._count(arm, version, len(seconds), failed=False).add_each(seconds)

    def _count(self, arm: str, version: int, rows: int, *, failed: bool) -> _Tally:
        key = (arm, version, failed)
        count = self._children.get(key)
        if count is None:
            child = self._requests.labels(self._model, arm, str(version), "error" if failed else "ok")
            count = self._children[key] = child._value.inc  # noqa: SLF001 - what `inc` checks first costs as much again
            self._seconds.setdefault((arm, version), _Tally())
        count(rows)
        return self._seconds[arm, version]

    def unseen(self, names: tuple[str, ...]) -> None:
        """Inputs whose category training never saw."""
        for name in names:
            self._unseen.labels(self._model, name).inc()

    def evaluated(self, flag: str, variant: str) -> None:
        """A flag that is in force, with the variant that it gave, or none; what is not in force is nobody's label."""
        self._flags.labels(self._model, flag, variant).inc()

    def refused(self, status: int) -> None:
        """A request that got a problem document."""
        self._refused.labels(self._model, str(status)).inc()

    def responded(self, method: str, path: str, status: int, seconds: float) -> None:
        """One HTTP request; `path` as the server declares it, so that nobody can make as many as they like. By the event loop alone."""
        self._responded(method, path, status).add(seconds, 1)

    def responded_each(self, method: str, path: str, status: int, seconds: Sequence[float]) -> None:
        """Several that went alike, each in its time. By the event loop alone."""
        self._responded(method, path, status).add_each(seconds)

    def _responded(self, method: str, path: str, status: int) -> _Tally:
        tally = self._tallies.get((method, path, status))
        if tally is None:
            tally = self._tallies[method, path, status] = _Tally()
        return tally

    def settle(self) -> None:
        """Hand what was tallied to the metrics, which are slower than a request should wait for. By the event loop alone."""
        for (arm, version), tally in self._seconds.items():
            if any(tally.buckets):
                _observe(self._latency.labels(self._model, arm, str(version)), tally)
        for (method, path, status), tally in self._tallies.items():
            if number := sum(tally.buckets):
                labels = (self._model, method, path, str(status))
                self._responses.labels(*labels).inc(number)
                _observe(self._responding.labels(*labels), tally)

    def swapped(self) -> None:
        """A new snapshot."""
        self._swaps.labels(self._model).inc()

    def failed(self, part: str) -> None:
        """Something beside a prediction failed: store, spool, shipper, load."""
        self._errors.labels(self._model, part).inc()

    def altered(self, versions: int) -> None:
        """How many versions are refused right now."""
        self._altered.labels(self._model).set(versions)

    def text(self, *, spool: int | None, unflushed: int, ages: Mapping[str, float]) -> bytes:
        """The exposition, with what is read when it is asked for; a spool that cannot be measured keeps its last number."""
        self.settle()
        self._inside.labels(self._model).set(self.inside)
        for of, seconds in ages.items():
            self._age.labels(self._model, of).set(seconds)
        if spool is not None:
            self._spool.labels(self._model).set(spool)
        self._unflushed.labels(self._model).set(unflushed)
        return generate_latest(Named(whole(self.registry, self._model)))


@dataclass(slots=True)
class _Tally:
    """Requests of one kind since they were last handed on."""

    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(_SECONDS) + 1))

    def add(self, seconds: float, times: int) -> None:
        """So many that took so long each."""
        self.seconds += seconds * times
        self.buckets[bisect_left(_SECONDS, seconds)] += times

    def add_each(self, seconds: Sequence[float]) -> None:
        """One each."""
        buckets = self.buckets
        for one in seconds:
            buckets[bisect_left(_SECONDS, one)] += 1
        self.seconds += sum(seconds)


def _observe(histogram: Histogram, tally: _Tally) -> None:
    histogram._sum.inc(tally.seconds)  # noqa: SLF001 - the client has no way to observe several at once
    for place, count in enumerate(tally.buckets):
        if count:
            histogram._buckets[place].inc(count)  # noqa: SLF001
    tally.seconds, tally.buckets = 0.0, [0] * (len(_SECONDS) + 1)
