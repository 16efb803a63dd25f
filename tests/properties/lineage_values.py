"""The life of a model in a store: versions, who answered, what was asked, what turned out, and what was learned of it."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import strategies as st

from headrace import registry, tracking
from headrace.store import Store, digest, events, tables
from headrace.store.kinds import RunStatus

START = datetime(2020, 1, 1, tzinfo=UTC)
PARTS = ("data", "spec", "code", "environment")

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("train"), st.sets(st.sampled_from(["census", "shops"])), st.booleans()),
        st.tuples(st.just("weigh"), st.integers(0, 9), st.integers(0, 9)),
        st.tuples(st.just("ask"), st.integers(0, 3), st.integers(0, 3)),
        st.tuples(st.just("know"), st.integers(0, 3), st.just(0)),
    ),
    min_size=1,
    max_size=14,
)


@dataclass
class Life:
    """A model of its own in a store, and what it went through; every step is an hour."""

    store: Store
    model: str = field(default_factory=lambda: f"m{uuid4().hex}")
    versions: list[registry.Version] = field(default_factory=list)
    asked: dict[str, tuple[int, int, str]] = field(default_factory=dict)
    known: dict[str, datetime] = field(default_factory=dict)
    """Of each answer, when its outcome was known."""
    epoch: int = 0
    arms: list[tuple[str, int]] = field(default_factory=list)
    hours: int = 0

    @property
    def now(self) -> datetime:
        return START + timedelta(hours=self.hours)

    def step(self, word: str, one, other) -> None:
        self.hours += 1
        getattr(self, word)(one, other)

    def train(self, sources: set[str], retrained: object) -> None:
        run, at, cause = tracking.new_id(), self.now, None
        with self.store.transaction("test", "train", self.model) as session:
            if retrained and self.versions:
                payload = {"trigger": "weekly", "reason": "it is Monday"}
                cause = events.append(session, model=self.model, kind=events.EventKind.RETRAINING_REQUESTED, payload=payload, at=at).id
            session.add(tables.Run(id=run, model=self.model, flow="train", cause=cause, started_at=at, status=RunStatus.PASSED, details={}))
            tracking.begin(session, id=run, experiment=self.model, actor="test", at=at, model=self.model, flow="train")
            tracking.write_digests(session, run, {"commit": f"c{len(self.versions)}"})
        learned = sorted(key for key, known in self.known.items() if known <= at)
        digests = {part: digest(f"{part} {len(self.versions)}".encode()) for part in PARTS} | {"data": digest(str(learned).encode())}
        manifest = {
            "digests": digests,
            "as_of": at.isoformat(),
            "rows": {"train": 10, "holdout": 5, "new": len(learned)},
            "sources": {name: digest(f"{name} {self.hours}".encode()) for name in sources},
            "plugins": {"headrace-torch": "1.0"},
        }
        self.versions.append(
            registry.register(
                self.store,
                actor="test",
                model=self.model,
                run_id=run,
                manifest=manifest,
                model_bytes=run.encode(),
                algorithm="a",
                format="x",
                at=at,
            )
        )

    def weigh(self, one: int, other: int) -> None:
        if not self.versions:
            return
        self.epoch += 1
        numbers = [self.versions[place % len(self.versions)].number for place in (one, other)]
        self.arms = [("champion", numbers[0]), ("candidate", numbers[1])]
        rows = [{"name": name, "version": number, "weight": 0.5} for name, number in self.arms]
        with self.store.transaction("test", "weigh", self.model) as session:
            session.add(tables.Weights(model=self.model, epoch=self.epoch, arms=rows, at=self.now, reason="test"))

    def ask(self, entity: int, arm: int) -> None:
        if not self.arms:
            return
        name, number = self.arms[arm % 2]
        id_ = uuid4().hex
        with self.store.transaction("test", "ask", self.model) as session:
            session.add(
                tables.Prediction(
                    id=id_,
                    model=self.model,
                    version=number,
                    arm=name,
                    epoch=self.epoch,
                    entity=str(entity),
                    at=self.now,
                    recorded_at=self.now,
                    latency_us=1,
                    inputs={},
                    output=0.5,
                    unseen=[],
                )
            )
        self.asked[id_] = (number, self.epoch, str(entity))

    def know(self, entity: int, _: int) -> None:
        with self.store.transaction("test", "know", self.model) as session:
            session.add(tables.Outcome(model=self.model, entity=str(entity), value=1.0, known_at=self.now))
        last = next((key for key, (_, _, name) in reversed(self.asked.items()) if name == str(entity)), None)
        if last is not None:
            self.known.setdefault(last, self.now)
