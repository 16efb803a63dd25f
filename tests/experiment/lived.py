"""A store with a champion, a candidate and a driven clock, and an experiment whose looks say what a test wants."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlmodel import Session, select

from headrace import experiment, registry, traffic
from headrace.experiment import Analysis, Declared, Difference, Primary, Verdict
from headrace.experiment.record import newest_row
from headrace.rollout import Canary, Governed, Judge, NoData, Progress, Step, Warmup
from headrace.store import Store, clock, due, events, tables
from headrace.store.experimental import Experiment

T0 = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
DIGEST = "sha256:" + "0" * 64
EVEN = {"champion": 0.5, "candidate": 0.5}
DECLARED = Declared(
    arms=EVEN,
    unit="person_id",
    primary=(Primary(metric="accuracy", detect=Difference(0.01, relative=False)),),
    lasts=30 * DAY,
    delay=10 * DAY,
    looks=7 * DAY,
    coverage=0.4,
)
CANARY = Canary(
    unit="person_id",
    steps=[Step(weight=0.2, hold=14 * DAY)],
    judge=[Judge(metric="error_rate", negligible=0.02, ceiling=0.05)],
    warmup=Warmup(requests=20),
    no_data=NoData(after=7 * DAY, deadline=42 * DAY),
)


class Life:
    """`says` is what the next looks find."""

    def __init__(self, store: Store, model: str = "m") -> None:
        self.store, self.model, self.now = store, model, T0
        self.says: Verdict = "undecided"
        self.winner = "candidate"
        self.looked: list[datetime] = []
        self.counter = traffic.Counter("worker", model=model)
        if not store.clock.driven:
            clock.drive(store, "test", T0)

    def wait(self, time: timedelta) -> None:
        self.now += time
        clock.advance(self.store, "test", self.now)

    def passes(self, alias: str = "candidate") -> int:
        manifest: dict[str, Any] = {"digests": dict.fromkeys(("data", "spec", "code", "environment"), DIGEST)}
        found = registry.register(
            self.store,
            actor="test",
            model=self.model,
            run_id="r",
            manifest=manifest,
            model_bytes=b"m",
            algorithm="a",
            format="f",
            at=self.now,
        )
        self.alias(alias, found.number)
        return found.number

    def alias(self, alias: str, number: int | None) -> None:
        with self.store.transaction("test", "move", f"model/{self.model}") as session:
            registry.move(session, model=self.model, alias=alias, number=number, at=self.now, reason="test")

    def look(self, declared: Declared = DECLARED, canary: Canary | None = None, governed: Governed | None = None) -> Progress:
        more = {} if governed is None else {"governed": governed}
        return experiment.advance(
            self.store, declared, model=self.model, actor="test", cause=None, looking=self._looking, canary=canary, **more
        )

    def _looking(self, _: Session, row: Experiment, declared: Declared, at: datetime) -> Analysis:
        self.looked.append(at)
        return Analysis(
            at=at,
            verdict=self.says,
            winner=self.winner if self.says == "win" else None,
            reason=f"it says {self.says}",
            information=(at - row.started_at) / declared.lasts,
            units={},
            sample_ratio=0.0,
        )

    def begun(self, declared: Declared = DECLARED) -> Experiment:
        """Version 1 is champion, and version 2 is compared with it."""
        self.passes()
        self.look(declared)
        self.passes()
        self.look(declared)
        return self.row()

    def requests(self, candidate: int, champion: int, bad: int = 0) -> None:
        weights = self.weights()
        assert weights is not None
        for arm, n, failing in (("candidate", candidate, bad), ("champion", champion, 0)):
            for i in range(n):
                self.counter.record(weights.epoch, arm, i < failing, 0.01, [])
        self.counter.flush(self.store)

    def row(self) -> Experiment:
        with self.store.read() as session:
            found = newest_row(session, self.model)
            assert found is not None
            return found

    def weights(self) -> traffic.Weights | None:
        with self.store.read() as session:
            return traffic.current(session, self.model)

    def shares(self) -> dict[str, tuple[int, float]]:
        weights = self.weights()
        return {} if weights is None else {arm.name: (arm.version, arm.weight) for arm in weights.arms}

    def aliases(self) -> dict[str, int]:
        with self.store.read() as session:
            return registry.aliases(session, self.model)

    def rollouts(self) -> list[str]:
        with self.store.read() as session:
            rows = session.exec(select(tables.Rollout).where(tables.Rollout.model == self.model).order_by(tables.Rollout.candidate))
            return [row.state for row in rows]

    def due(self) -> list[timedelta]:
        with self.store.read() as session:
            return [item.at - T0 for item in due.list(session) if item.model == self.model]

    def kinds(self) -> list[str]:
        with self.store.read() as session:
            told = [event.kind.value for event in events.log(session, self.model)]
        return [kind for kind in told if kind.startswith(("experiment.", "rollout."))]
