"""When this server takes all traffic from a candidate: on the merged counts as last read, and its own since, store or no store."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from headrace import traffic
from headrace.compiled import ServingConfig
from headrace.identity import service
from headrace.serving.follow import EVERY, Current
from headrace.serving.measures import Measures
from headrace.serving.moment import Moments
from headrace.serving.snapshot import CANDIDATE, CHAMPION, Snapshot
from headrace.serving.workspace import Workspace
from headrace.stats.eprocess import Stratum
from headrace.store import EventKind, events

LOG = logging.getLogger("headrace.serving")

Totals = Mapping[tuple[int, str, str], tuple[int, int]]
"""Requests, and the bad among them, by epoch, arm and metric."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What all workers had counted at the last look, by epoch and metric, and what this one had counted of these epochs by then."""

    strata: Mapping[tuple[int, str], Stratum] = field(default_factory=dict)
    own: Totals = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Aborted:
    """A decision that the store has not heard of yet."""

    weights: traffic.Weights
    verdict: traffic.Abort


def watch(config: ServingConfig) -> traffic.Watch | None:
    """The abort side of the config's rollout, if it has one."""
    rollout = config.rollout
    if rollout is None:
        return None
    rules = tuple(traffic.Rule(rule.metric, rule.over, rule.ceiling, rule.promote_below, rule.negligible) for rule in rollout.judge)
    return traffic.Watch(rules, rollout.false_rollback, rollout.warmup_requests)


def counts(evidence: Evidence, own: Totals, snapshot: Snapshot, metric: str) -> list[Stratum]:
    """One metric's strata, oldest epoch first: what all had counted, and what this worker has counted since."""
    found = []
    for epoch, share in snapshot.trial:
        base = evidence.strata.get((epoch, metric), Stratum(share, 0, 0, 0, 0))
        n, bad = _since(own, evidence.own, (epoch, CANDIDATE, metric))
        others, others_bad = _since(own, evidence.own, (epoch, CHAMPION, metric))
        found.append(
            Stratum(share, base.n_candidate + n, base.bad_candidate + bad, base.n_champion + others, base.bad_champion + others_bad)
        )
    return found


def _since(now: Totals, then: Totals, key: tuple[int, str, str]) -> tuple[int, int]:
    (n, bad), (n_then, bad_then) = now.get(key, (0, 0)), then.get(key, (0, 0))
    return n - n_then, bad - bad_then


class Judge:
    """Looks at the counts in the event loop, and needs nothing but memory to act."""

    def __init__(self, rules: traffic.Watch | None, counter: traffic.Counter, current: Current, model: str) -> None:
        self._watch = rules
        self._counter = counter
        self._current = current
        self._model = model
        self.metrics: tuple[str, ...] = () if rules is None else tuple(dict.fromkeys(rule.metric for rule in rules.rules))
        """What there is to judge by: without any, nobody needs what the others counted."""
        self.evidence = Evidence()
        self.aborted: Aborted | None = None

    def totals(self) -> Totals:
        """What this worker has counted since it started."""
        return self._counter.totals()

    def look(self) -> None:
        """Take all traffic from the candidate where the evidence suffices; telling the store is the reporter's work."""
        snapshot = self._current.snapshot
        candidate = snapshot.arms.get(CANDIDATE)
        if self._watch is None or candidate is None:
            return
        own = self.totals()
        verdict = self._watch.verdict({rule.metric: counts(self.evidence, own, snapshot, rule.metric) for rule in self._watch.rules})
        if verdict is None:
            return
        self._current.bar(candidate.number)
        arms = tuple(traffic.Arm(name, snapshot.arms[name].number, share) for name, share in snapshot.weights)
        self.aborted = Aborted(traffic.Weights(self._model, snapshot.epoch, arms, snapshot.among), verdict)
        LOG.warning("aborted: v%d gets no more traffic: %s", candidate.number, verdict.reason)


class Reporter(threading.Thread):
    """Tells the store what this server counted, swapped and aborted, and reads what the others counted."""

    def __init__(
        self, workspace: Workspace, judge: Judge, current: Current, *, counter: traffic.Counter, moments: Moments, measures: Measures
    ) -> None:
        super().__init__(name=f"report-{counter.model}", daemon=True)
        self._store = workspace.store
        self._model = counter.model
        self._current = current
        self._judge = judge
        self._counter = counter
        self._moments = moments
        self._measures = measures
        self._swaps: deque[Snapshot] = deque(maxlen=100)
        self._ended = threading.Event()
        self.heartbeat = time.monotonic()

    def swapped(self, snapshot: Snapshot) -> None:
        """A snapshot that the log of events should name."""
        self._swaps.append(snapshot)

    def run(self) -> None:
        """Report, wait, report again; and once more when told to end."""
        failing = ended = False
        while not ended:
            ended = self._ended.wait(EVERY)
            try:
                self.report()
                failing = False
            except Exception as error:  # noqa: BLE001 - counts wait in memory; a thread that died would lose them
                self._measures.failed("report")
                if not failing:
                    LOG.warning("the store cannot be told what was counted, it is kept in memory: %s", error)
                failing = True
            self.heartbeat = time.monotonic()

    def end(self) -> None:
        """Report once more, and no more."""
        self._ended.set()

    def report(self) -> None:
        """One round, the most urgent first."""
        aborted = self._judge.aborted
        if aborted is not None:
            traffic.abort(self._store, aborted.weights, aborted.verdict, self._moments.now)
            self._judge.aborted = None
        self._counter.flush(self._store)
        self._read()
        while self._swaps:
            self._log(self._swaps[0])
            self._swaps.popleft()

    def _read(self) -> None:
        epochs = [epoch for epoch, _ in self._current.snapshot.trial]
        if not epochs or not self._judge.metrics:
            return
        # Taken after the flush: what was counted in between is missing until the next look, and never there twice.
        own = {key: value for key, value in self._judge.totals().items() if key[0] in epochs}
        with self._store.read() as session:
            strata = {
                (epoch, metric): stratum
                for metric in self._judge.metrics
                for epoch, stratum in zip(epochs, traffic.strata(session, self._model, epochs, metric), strict=True)
            }
        self._judge.evidence = Evidence(strata, own)

    def _log(self, snapshot: Snapshot) -> None:
        payload = {
            "worker": self._counter.worker,
            "epoch": snapshot.epoch,
            "versions": snapshot.versions,
            "weights": dict(snapshot.weights),
        }
        with self._store.transaction(service("serving"), "swap", f"model/{self._model}") as session:
            events.append(session, model=self._model, kind=EventKind.SERVER_SWAPPED, payload=payload, at=self._moments.now)
