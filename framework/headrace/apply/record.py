"""What an apply writes into the store: its operations as it goes, and the new state at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, col, delete, select

from headrace.plan import Plan, Training, Wanted, fingerprint
from headrace.plan.fields import plain, written
from headrace.project import Project
from headrace.store import Store, clock
from headrace.store.columns import new_id
from headrace.store.kinds import OperationStatus
from headrace.store.tables import Operation, Resource, Revision


@dataclass(frozen=True, slots=True)
class Left:
    """Where an apply that was cut short stood."""

    apply_id: str
    action: str
    subject: str


class Journal:
    """The operations of one apply: an intent before each side effect, done after it."""

    def __init__(self, store: Store, actor: str) -> None:
        self.store = store
        self.actor = actor
        self.apply_id = new_id()
        self.position = 0

    def close_earlier(self) -> Left | None:
        """Call the intents of earlier applies failed, and say where the last one stood; trainings stay, since they are still owed."""
        with self.store.transaction(self.actor, "resume", f"apply {self.apply_id}") as session:
            query = select(Operation).where(Operation.status == OperationStatus.INTENT, Operation.action != "train")
            rows = list(session.exec(query.order_by(col(Operation.at), col(Operation.position))))
            for row in rows:
                row.status = OperationStatus.FAILED
                row.payload = {**row.payload, "superseded_by": self.apply_id}
        return Left(rows[-1].apply_id, rows[-1].action, rows[-1].subject) if rows else None

    def intend(self, action: str, subject: str, payload: Mapping[str, Any]) -> str:
        """Write down what is about to be done; its id."""
        self.position += 1
        row = Operation(
            apply_id=self.apply_id,
            position=self.position,
            action=action,
            subject=subject,
            payload=dict(payload),
            status=OperationStatus.INTENT,
            at=self.store.clock.now(),
        )
        with self.store.transaction(self.actor, f"intend {action}", subject) as session:
            session.add(row)
        return row.id

    def end(self, operation: str, status: OperationStatus, error: str | None = None) -> None:
        """Write down how it ended."""
        with self.store.transaction(self.actor, status.value, f"operation {operation}") as session:
            row = session.get_one(Operation, operation)
            row.status = status
            if error is not None:
                row.payload = {**row.payload, "error": error}

    def owed(self, model: str, key: str) -> str:
        """The operation that starts a model's training: the one that is owed already, or a new one."""
        with self.store.read() as session:
            for row in session.exec(_trainings(model)):
                if row.payload.get("key") == key:
                    return row.id
        return self.intend("train", model, {"key": key})

    def forgive(self, models: Iterable[str], keep: str | None = None) -> None:
        """Drop trainings that are owed and no longer wanted: another was started, or none is to be."""
        with self.store.transaction(self.actor, "drop trainings", f"apply {self.apply_id}") as session:
            for model in models:
                for row in session.exec(_trainings(model)):
                    if row.payload.get("key") != keep:
                        row.status = OperationStatus.FAILED
                        row.payload = {**row.payload, "superseded_by": self.apply_id}


def _trainings(model: str) -> Any:  # noqa: ANN401 - a select of operations
    return select(Operation).where(Operation.action == "train", Operation.subject == model, Operation.status == OperationStatus.INTENT)


def record(journal: Journal, project: Project, plan: Plan, wanted: Wanted, outputs: Mapping[str, str], train: Iterable[Training]) -> int:
    """The resources as they are applied now, the next serial, and the trainings that are owed, in one transaction; the serial."""
    store = journal.store
    at = store.clock.now()
    with store.transaction(journal.actor, "apply", f"project {project.project.name}") as session:
        serial = plan.serial + 1
        session.add(Revision(serial=serial, digest=plan.digest, actor=journal.actor, at=at))
        rows = {row.address: row for row in session.exec(select(Resource))}
        for address, spec in project.specs.items():
            print_ = fingerprint(spec)
            applied = {"written": written(spec), **_applied(str(address), wanted, outputs)}
            row = rows.get(str(address))
            if row is None:
                row = Resource(
                    uid=new_id(), address=str(address), kind=address.kind, fingerprint="", spec={}, applied={}, serial=0, updated_at=at
                )
                session.add(row)
            if row.fingerprint != print_ or row.applied != applied:
                row.fingerprint, row.spec, row.applied, row.serial, row.updated_at = print_, plain(spec), applied, serial, at
        gone = set(rows) - {str(address) for address in project.specs}
        session.exec(delete(Resource).where(col(Resource.address).in_(gone)))
        for training in train:
            _owe(session, journal, training)
    return serial


def _owe(session: Session, journal: Journal, training: Training) -> None:
    for row in session.exec(_trainings(training.model)):
        if row.payload.get("key") == training.key:
            return
        row.status = OperationStatus.FAILED
        row.payload = {**row.payload, "superseded_by": journal.apply_id}
    journal.position += 1
    session.add(
        Operation(
            apply_id=journal.apply_id,
            position=journal.position,
            action="train",
            subject=training.model,
            payload={"key": training.key},
            status=OperationStatus.INTENT,
            at=clock.wall(),
        )
    )


def _applied(address: str, wanted: Wanted, outputs: Mapping[str, str]) -> dict[str, Any]:
    kind, _, name = address.partition("/")
    if kind == "project":
        return {"files": sorted(outputs)}
    if kind != "model":
        return {}
    return {
        "deployments": {d.name: d.version for d in wanted.deployments.values() if d.model == name},
        "automations": {a.name: a.deployment for a in wanted.automations.values() if a.model == name},
    }
