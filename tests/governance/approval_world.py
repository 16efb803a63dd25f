"""A real store with judged versions, a driven clock, policies that hold, and people who vote."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlmodel import select

from headrace import registry, rollout
from headrace.compiled import ApprovalConfig, BreakGlassConfig, GovernanceConfig, GovernedConfig, PolicyConfig, RequirementConfig
from headrace.governance import Choice, Standing, Voter
from headrace.registry import admission
from headrace.rollout import Canary, Governed, Judge, Progress, Step
from headrace.store import Store, clock, events, tables
from headrace.store.approved import ApprovalRequest, ApprovalVote

T0 = datetime(2026, 1, 5, 9, tzinfo=UTC)
DIGEST = "sha256:" + "0" * 64
HOUR = timedelta(hours=1)
ANA, BOB, CAT, DAN = ("user:ana", "user:bob", "user:cat", "user:dan")
CANARY = Canary(unit="e", steps=[Step(weight=0.1, hold=HOUR)], judge=[Judge(metric="error_rate")])


def approval(**more: Any) -> ApprovalConfig:
    usual: dict[str, Any] = {
        "groups": ("risk",),
        "quorum": 1,
        "distinct_groups": False,
        "separation_of_duties": ("requester", "trainer", "card_author"),
        "deadline_seconds": None,
        "fresh_seconds": None,
        "keyed": False,
    }
    return ApprovalConfig(**(usual | more))


def policy(
    *approvals: ApprovalConfig, require: dict[str, str] | None = None, glass: BreakGlassConfig | None = None, **more: Any
) -> PolicyConfig:
    usual: dict[str, Any] = {"name": "release", "on": "promote", "mode": "block"}
    conditions = tuple(RequirementConfig(id=name, when=when) for name, when in (require or {}).items())
    return PolicyConfig(**(usual | more), require=conditions, approvals=approvals, break_glass=glass)


def governance(*policies: PolicyConfig, tier: str = "low", **groups: tuple[str, ...]) -> GovernanceConfig:
    people = {"risk": (ANA, BOB, CAT), **groups}
    return GovernanceConfig(groups=people, models={"m": GovernedConfig(risk=tier, policies=policies)})  # type: ignore[arg-type]


class World:
    """`governing` may be changed between two steps, as an apply would."""

    def __init__(self, store: Store, governing: GovernanceConfig) -> None:
        self.store, self.governing, self.now, self.serial = store, governing, T0, count()
        clock.drive(store, "test", T0)

    def wait(self, time: timedelta) -> None:
        self.now += time
        clock.advance(self.store, "test", self.now)

    def passes(self, number: int, *, metric: float = 0.9, authors: tuple[str, ...] = ()) -> None:
        """A version is trained and passes its gates."""
        digests = dict.fromkeys(("data", "spec", "code", "environment"), DIGEST)
        run = f"r{next(self.serial)}"
        with self.store.transaction("test", "start", "run") as session:
            details = {"authors": list(authors)}
            session.add(tables.Run(id=run, model="m", flow="train", started_at=self.now, details=details))
        registry.register(
            self.store, actor="test", model="m", run_id=run, manifest={"digests": digests, "metrics": {"roc_auc": metric}},
            model_bytes=f"m{number}".encode(), algorithm="a", format="f", at=self.now,
        )  # fmt: skip
        self.judged(number, metric=metric)
        with self.store.transaction("test", "pass", "model/m") as session:
            registry.move(session, model="m", alias="candidate", number=number, at=self.now, reason="passed")

    def judged(self, number: int, *, metric: float = 0.9, passed: bool = True) -> None:
        """The gates say something of it anew."""
        with self.store.transaction("test", "judge", "model/m") as session:
            session.add(
                tables.Verdict(
                    model="m", number=number, run_id=f"j{next(self.serial)}", gate="quality", metric="roc_auc", passed=passed,
                    mode="block", value=metric, reason="", at=self.now,
                )
            )  # fmt: skip

    def apply(self, actor: str) -> None:
        with self.store.transaction(actor, "apply", "project") as session:
            session.add(tables.Revision(serial=next(self.serial) + 1, digest=DIGEST, actor=actor, at=self.now))

    def replace(self) -> Progress:
        """A run of `roll_out` of a model without the section, whoever started it."""
        return rollout.replace(self.store, model="m", actor="service:roll_out", cause=None, governed=Governed("dev", self.governing))

    def look(self, canary: Canary = CANARY) -> Progress:
        governed = Governed("dev", self.governing)
        return rollout.advance(self.store, canary, model="m", actor="service:roll_out", cause=None, governed=governed)

    def vote(
        self,
        who: str,
        choice: Choice = Choice.APPROVE,
        *,
        number: int = 1,
        reason: str = "read",
        key: str | None = "k",
        auth: timedelta | None = timedelta(),
    ) -> Standing:
        voter = Voter(who, key, None if auth is None else clock.wall() - auth)
        with self.store.transaction(who, choice.value, f"model/m v{number}") as session:
            return admission.vote(session, self.governing, "dev", "m", number, voter, choice, reason)

    def aliases(self) -> dict[str, int]:
        with self.store.read() as session:
            return registry.aliases(session, "m")

    def requests(self) -> list[ApprovalRequest]:
        with self.store.read() as session:
            return list(session.exec(select(ApprovalRequest).order_by(ApprovalRequest.requested_at, ApprovalRequest.attempt)))

    def votes(self) -> list[ApprovalVote]:
        with self.store.read() as session:
            return list(session.exec(select(ApprovalVote)))

    def kinds(self) -> list[str]:
        """What was told of approvals and candidates."""
        with self.store.read() as session:
            told = [event.kind.value for event in events.log(session, "m")]
        return [kind for kind in told if kind.startswith(("approval.", "promotion.", "candidate.rejected"))]

    def event(self, kind: str) -> Any:
        with self.store.read() as session:
            return next(event for event in reversed(events.log(session, "m")) if event.kind.value == kind)

    def loadable(self, number: int = 1) -> None:
        with self.store.read() as session:
            admission.loadable(session, self.governing, "dev", registry.get(session, "m", number))


@contextmanager
def living(governing: GovernanceConfig, url: str = "sqlite:///state.db") -> Iterator[World]:
    """A world in a folder that goes away."""
    with TemporaryDirectory() as folder:
        store = Store.open(url, "blobs", root=Path(folder))
        try:
            yield World(store, governing)
        finally:
            store.close()
