"""How many requests each arm answered in each epoch, and how many of them were bad: counted in memory, merged in the store."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from importlib import import_module

from sqlmodel import Session, col, func, select

from headrace.stats.eprocess import Stratum
from headrace.store import Store, tables
from headrace.traffic.rule import ERROR_RATE, SLOW_REQUEST, Rule
from headrace.traffic.units import digest, put
from headrace.traffic.weights import CANDIDATE, CHAMPION, shares

_Key = tuple[int, str, str]
_NONE = (0, 0)


class Counter:
    """The totals of one worker process, per epoch, arm and metric; safe to record in one thread and flush in another.

    `worker` must be new with every start of a process: what is flushed are totals since then, not differences.

    Warm-up: until a candidate has answered `warmup_requests` requests in this process, `slow_request` is counted for neither arm. Leaving
    out the candidate's alone would make it look faster than the champion, which bounds no false promotion.
    """

    def __init__(self, worker: str, *, model: str, warmup_requests: int = 0, units: bool = False) -> None:
        """`units` says whether units that fail are minded, each once, for a judge that counts these."""
        self.worker = worker
        self._units = units
        self._failing: dict[tuple[int, str], tuple[int, str]] = {}
        self._untold: dict[tuple[int, str], tuple[int, str]] = {}
        self.model = model
        self.warmup_requests = warmup_requests
        self._lock = threading.Lock()
        self._totals: dict[_Key, tuple[int, int]] = {}
        self._changed: set[_Key] = set()
        self._warm: dict[str, int] = {}
        self._requests = 0
        self._flushed = 0

    def record(
        self,
        epoch: int,
        arm: str,
        error: bool,  # noqa: FBT001 - one of two counts
        seconds: float,
        rules: Sequence[Rule],
        *,
        candidate: int | None = None,
        times: int = 1,
        unit: str | None = None,
    ) -> None:
        """Count one request that `arm` answered, or failed to.

        Count it once, for the arm it was assigned to: not again for the champion that stepped in. `candidate` is the version on trial;
        a warm-up belongs to it. Where it is None the warm-up begins anew with each epoch. `times` counts as many that went alike.
        `unit` is whose request it was.
        """
        with self._lock:
            self._requests += times
            if error and self._units and candidate is not None and unit is not None:
                self._fails(candidate, digest(self.model, unit), (epoch, arm))
            self._add((epoch, arm, ERROR_RATE), error, times)
            if self.warmup_requests:
                times = self._warm_already(epoch, arm, candidate, times)
                if not times:
                    return
            for rule in rules:
                if rule.metric == SLOW_REQUEST and rule.over is not None:
                    self._add((epoch, arm, SLOW_REQUEST), seconds > rule.over, times)

    def record_each(self, epoch: int, arm: str, seconds: Sequence[float], rules: Sequence[Rule], *, candidate: int | None = None) -> None:
        """Count requests that `arm` answered, each in its time, as `record` counts one after another."""
        with self._lock:
            times = len(seconds)
            self._requests += times
            self._add((epoch, arm, ERROR_RATE), False, times)
            if self.warmup_requests:
                times = self._warm_already(epoch, arm, candidate, times)
                seconds = seconds[len(seconds) - times :]
            for rule in rules if times else ():
                if rule.metric == SLOW_REQUEST and rule.over is not None:
                    over = rule.over
                    self._put_in((epoch, arm, SLOW_REQUEST), times, sum(one > over for one in seconds))

    def totals(self) -> dict[tuple[int, str, str], tuple[int, int]]:
        """What this worker has counted since it started, flushed or not: (n, bad) by (epoch, arm, metric)."""
        with self._lock:
            return dict(self._totals)

    def failing(self, candidate: int) -> dict[str, tuple[int, str]]:
        """The units that this worker saw fail while a version was on trial, with the epoch and the arm of the first time."""
        with self._lock:
            return {unit: where for (version, unit), where in self._failing.items() if version == candidate}

    @property
    def unflushed(self) -> int:
        """Requests that the store does not know of yet."""
        return self._requests - self._flushed

    def flush(self, store: Store) -> int:
        """Write what changed since the last flush; how many requests that was. A flush that fails is made good by the next."""
        with self._lock:
            changed, requests = {key: self._totals[key] for key in self._changed}, self._requests
            untold, self._untold = self._untold, {}
            self._changed.clear()
        if not changed:
            return 0
        try:
            with store.transaction("service:serving", "count", f"model/{self.model}", often=True) as session:
                told = [(epoch, arm, metric, n, bad) for (epoch, arm, metric), (n, bad) in sorted(changed.items())]
                _put(session, self.model, self.worker, told)
                put(session, self.model, untold)
        except BaseException:
            with self._lock:
                self._changed.update(changed)
                self._untold.update(untold)
            raise
        flushed, self._flushed = requests - self._flushed, requests
        return flushed

    def _warm_already(self, epoch: int, arm: str, candidate: int | None, times: int) -> int:
        """How many of some requests come after the candidate's warm-up; its own count for that, one after another."""
        trial = f"epoch {epoch}" if candidate is None else f"version {candidate}"
        answered = self._warm.get(trial, 0)
        lacking = max(0, self.warmup_requests - answered)
        if arm != CANDIDATE:
            return 0 if lacking else times
        self._warm[trial] = answered + times
        return max(0, times - lacking)

    def _fails(self, candidate: int, unit: str, where: tuple[int, str]) -> None:
        if (candidate, unit) not in self._failing:
            if self._failing and next(iter(self._failing))[0] != candidate:
                self._failing.clear()  # of a trial that is over
            self._failing[candidate, unit] = self._untold[candidate, unit] = where

    def _add(self, key: _Key, bad: bool, times: int) -> None:  # noqa: FBT001 - one of two counts
        self._put_in(key, times, bad * times)

    def _put_in(self, key: _Key, times: int, bad: int) -> None:
        n, worse = self._totals.get(key, _NONE)
        self._totals[key] = (n + times, worse + bad)
        self._changed.add(key)


def _put(session: Session, model: str, worker: str, totals: Sequence[tuple[int, str, str, int, int]]) -> None:
    """Totals in place of what stands of them, by one statement."""
    # Of the two dialects only the store's is imported: the other is a driver's worth of modules.
    insert = import_module(f"sqlalchemy.dialects.{session.get_bind().dialect.name}").insert
    row = insert(tables.TrafficCount)
    upsert = row.on_conflict_do_update(
        index_elements=["model", "epoch", "arm", "metric", "worker"], set_={"n": row.excluded.n, "bad": row.excluded.bad}
    )
    names = ("epoch", "arm", "metric", "n", "bad")
    session.connection().execute(upsert, [{"model": model, "worker": worker, **dict(zip(names, one, strict=True))} for one in totals])


def strata(session: Session, model: str, epochs: Iterable[int], metric: str) -> list[Stratum]:
    """The merged counts of all workers, one stratum an epoch, in their order; an epoch without weights is left out."""
    wanted = list(epochs)
    count = tables.TrafficCount
    rows = session.exec(
        select(count.epoch, count.arm, func.sum(count.n), func.sum(count.bad))
        .where(count.model == model, count.metric == metric, col(count.epoch).in_(wanted))
        .group_by(col(count.epoch), col(count.arm))
    )
    found = {(epoch, arm): (int(n), int(bad)) for epoch, arm, n, bad in rows}
    weight = shares(session, model, wanted)
    return [
        Stratum(weight[epoch], *found.get((epoch, CANDIDATE), (0, 0)), *found.get((epoch, CHAMPION), (0, 0)))
        for epoch in wanted
        if epoch in weight
    ]
