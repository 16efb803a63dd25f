"""Metrics of several workers as one answer: whichever of them is asked, it tells the counts of all, and of those that are gone.

prometheus_client keeps each worker's counts in files that they share (its multiprocess mode), so that nothing is lost with a worker. What
a metric has to do for that: be one of the client's own classes, and, as a gauge, say by `multiprocess_mode` how it adds up.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.mmap_dict import MmapedDict
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from headrace.serving.fleet import told

GONE = 0
"""The process number by which the counts of all that are gone are kept, in one file a kind."""


def whole(registry: Collector, model: str) -> Collector:
    """The registry's metrics: of this process, or, where it is one of several, of all of them."""
    where = os.environ.get(told.METRICS)
    return registry if where is None else _Whole(registry, Path(where), model)


def retire(metrics: Path, pid: int) -> None:
    """Keep what a worker that is gone has counted, and drop what it said of its present state."""
    with _locked(metrics, fcntl.LOCK_EX):
        for path in sorted(metrics.glob(f"*_{pid}.db")):
            kind = path.name.removesuffix(f"_{pid}.db")
            if not kind.startswith("gauge_live"):
                kept: Any = MmapedDict(str(metrics / f"{kind}_{GONE}.db"))  # type: ignore[no-untyped-call]
                for key, value, at, _ in kept.read_all_values_from_file(str(path)):
                    before = 0.0 if kind.startswith("gauge") else kept.read_value(key)[0]
                    kept.write_value(key, before + value, at)
                kept.close()
            path.unlink()


class _Whole(Collector):
    """What all have counted; of what cannot be shared (information, collectors of others), this process' own."""

    def __init__(self, registry: Collector, where: Path, model: str) -> None:
        self._registry = registry
        self._where = where
        self._model = model

    def collect(self) -> Iterator[Metric]:
        """Those of all, then this process' own, then how many there are."""
        with _locked(self._where, fcntl.LOCK_SH):
            files = [str(path) for path in self._where.glob("*.db")]
            shared = {one.name: one for one in MultiProcessCollector.merge(files)}  # type: ignore[no-untyped-call]
        for own in self._registry.collect():
            found = shared.pop(own.name, own)
            found.documentation = own.documentation
            yield found
        yield from shared.values()
        yield from self._fleet()

    def _fleet(self) -> Iterator[Metric]:
        fleet = told.read(self._where.parent)
        if fleet is None:
            return
        workers = GaugeMetricFamily("headrace_workers", "Processes that answer, start or leave.", labels=["model", "state"])
        for state in ("starting", "ready", "leaving"):
            workers.add_metric([self._model, state], sum(one["state"] == state for one in fleet["workers"]))
        yield workers
        wanted = GaugeMetricFamily("headrace_workers_wanted", "Processes that the load asks for.", labels=["model"])
        wanted.add_metric([self._model], fleet["wanted"])
        yield wanted
        again = CounterMetricFamily(
            "headrace_workers_replaced", "Processes that another one was started for, by why.", labels=["model", "why"]
        )
        for why, count in sorted(fleet["replaced"].items()):
            again.add_metric([self._model, why], count)
        yield again


@contextmanager
def _locked(metrics: Path, how: int) -> Iterator[None]:
    file = os.open(metrics / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(file, how)
        yield
    finally:
        os.close(file)
