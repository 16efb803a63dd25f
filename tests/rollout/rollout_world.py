"""A real store with versions, a driven clock, and requests that are counted and journalled as a server would."""

from itertools import count

from rollout_values import CANARY, T0
from sqlmodel import select

from headrace import registry, rollout, traffic
from headrace.store import clock, due, events, tables
from headrace.traffic import CANDIDATE, CHAMPION, Counter

DIGEST = "sha256:" + "0" * 64


class World:
    def __init__(self, store):
        self.store, self.now = store, T0
        self.counter = Counter("worker", model="m")
        self.serial = count()
        clock.drive(store, "test", T0)

    def wait(self, time):
        self.now += time
        clock.advance(self.store, "test", self.now)

    def register(self, number):
        manifest = {"digests": dict.fromkeys(("data", "spec", "code", "environment"), DIGEST)}
        found = registry.register(
            self.store, actor="test", model="m", run_id="r", manifest=manifest, model_bytes=b"m", algorithm="a", format="f", at=self.now
        )
        assert found.number == number

    def passes(self, number):
        """A version is trained and passes its gates."""
        self.register(number)
        with self.store.transaction("test", "pass", "model/m") as session:
            registry.move(session, model="m", alias="candidate", number=number, at=self.now, reason="passed")

    def champion(self):
        """Version 1 is champion, and version 2 has passed."""
        self.passes(1)
        self.look()
        self.passes(2)

    def requests(self, candidate, champion, bad=0):
        """Requests in the epoch that stands; the first `bad` of the candidate's fail."""
        weights = self.weights()
        for arm, n, failing in ((CANDIDATE, candidate, bad), (CHAMPION, champion, 0)):
            for i in range(n):
                self.counter.record(weights.epoch, arm, i < failing, 0.01, [traffic.Rule("slow_request", over=0.25)])
        self.counter.flush(self.store)
        if candidate:
            with self.store.transaction("test", "journal", "model/m") as session:
                session.add(
                    tables.Prediction(
                        id=str(next(self.serial)),
                        model="m",
                        version=weights.arm(CANDIDATE).version,
                        arm=CANDIDATE,
                        epoch=weights.epoch,
                        entity="e",
                        at=self.now,
                        recorded_at=self.now,
                        latency_us=1,
                        inputs={},
                        unseen=[],
                    )
                )

    def look(self, canary=CANARY, cause=None):
        return rollout.advance(self.store, canary, model="m", actor="test", cause=cause)

    def weights(self):
        with self.store.read() as session:
            return traffic.current(session, "m")

    def aliases(self):
        with self.store.read() as session:
            return registry.aliases(session, "m")

    def rows(self):
        with self.store.read() as session:
            return list(session.exec(select(tables.Rollout).order_by(tables.Rollout.candidate, tables.Rollout.started_at)))

    def due(self):
        with self.store.read() as session:
            return [(item.at - T0, item.reason) for item in due.list(session)]

    def log(self, prefix="rollout."):
        with self.store.read() as session:
            return [event for event in events.log(session, "m") if event.kind.value.startswith(prefix)]

    def kinds(self):
        return [event.kind.value.removeprefix("rollout.") for event in self.log()]
