"""What an apply writes into the store: its operations as it goes, and the new state at its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session, col, delete, select

from headrace import governance
from headrace.apply.moved import rename
from headrace.compiler.governance import governance as compiled_governance
from headrace.compiler.sources import source_config
from headrace.compiler.views import view_config
from headrace.features import versions
from headrace.plan import Action, Judging, Plan, Training, fingerprint
from headrace.plan.fields import plain, written
from headrace.plan.state import OWED
from headrace.project import Project
from headrace.spec import FeatureView, Source
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
        """Call the intents of earlier applies failed, and say where the last one stood; trainings and judgements are still owed."""
        with self.store.transaction(self.actor, "resume", f"apply {self.apply_id}") as session:
            query = select(Operation).where(Operation.status == OperationStatus.INTENT, col(Operation.action).not_in(OWED))
            rows = list(session.exec(query.order_by(col(Operation.at), col(Operation.position))))
            for row in rows:
                row.status = OperationStatus.FAILED
                row.payload = {**row.payload, "superseded_by": self.apply_id}
        return Left(rows[-1].apply_id, rows[-1].action, rows[-1].subject) if rows else None

    def intend(self, action: str, subject: str, payload: Mapping[str, Any] | None = None) -> str:
        """Write down what is about to be done; its id."""
        self.position += 1
        row = Operation(
            apply_id=self.apply_id,
            position=self.position,
            action=action,
            subject=subject,
            payload=dict(payload or {}),
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

    def owed(self, action: str, model: str, key: str) -> str:
        """The operation that starts a model's training or judgement: the one that is owed already, or a new one."""
        with self.store.read() as session:
            for row in _owed(session, action, model):
                if row.payload.get("key") == key:
                    return row.id
        return self.intend(action, model, {"key": key})

    def forgive(self, models: Iterable[str], keep: str | None = None) -> None:
        """Drop trainings that are owed and no longer wanted: another was started, or none is to be."""
        with self.store.transaction(self.actor, "drop trainings", f"apply {self.apply_id}") as session:
            for model in models:
                for row in _owed(session, "train", model):
                    if row.payload.get("key") != keep:
                        row.status = OperationStatus.FAILED
                        row.payload = {**row.payload, "superseded_by": self.apply_id}


def _owed(session: Session, action: str, model: str) -> list[Operation]:
    """The trainings, or the judgements, of a model that were intended and not started."""
    query = select(Operation).where(Operation.action == action, Operation.subject == model, Operation.status == OperationStatus.INTENT)
    return list(session.exec(query))


def record(journal: Journal, project: Project, plan: Plan, applied: Mapping[str, Mapping[str, object]], train: Iterable[Training]) -> int:
    """The resources as they are applied now, the next serial, new names, and the trainings that are owed, in one transaction; the serial.

    Of a partial plan, only what it names is written down: the rest stays as it was last applied.
    """
    at = journal.store.clock.now()
    serial = plan.serial + 1
    touched = {item.address for item in plan.items if item.action is not Action.OUTSIDE}
    part = " (partial)" if plan.selection.partial else ""
    with journal.store.transaction(journal.actor, "apply", f"project {project.project.name}{part}", after=plan.digest) as session:
        session.add(Revision(serial=serial, digest=plan.digest, actor=journal.actor, at=at))
        names: dict[str, set[str]] = {}
        for item in plan.items:
            if item.before is not None:
                rename(session, item.before, item.address)
                names.setdefault(item.address, set()).add(item.before)
        rows = {row.address: row for row in session.exec(select(Resource))}
        for address, spec in project.specs.items():
            name = str(address)
            if plan.selection.partial and name not in touched:
                continue
            row = rows.get(name)
            before = {*(row.applied.get("before", ()) if row is not None else ()), *names.get(name, ())}
            kept: dict[str, Any] = {"before": sorted(before)} if before else {}
            kept |= governance.kept(row.applied if row is not None else {})
            if name in plan.retiring:
                kept["retiring"] = (row.applied.get("retiring") if row is not None else None) or at.isoformat()
            now: dict[str, Any] = {
                "fingerprint": fingerprint(spec),
                "spec": plain(spec),
                "applied": {"written": written(spec), **applied[name], **kept},
            }
            if row is None:
                session.add(Resource(uid=new_id(), address=name, kind=address.kind, serial=serial, updated_at=at, **now))
            elif row.fingerprint != now["fingerprint"] or row.applied != now["applied"] or row.spec != now["spec"]:
                row.sqlmodel_update({**now, "serial": serial, "updated_at": at})
        _note_views(session, project, plan, journal.actor, at)
        session.flush()
        governance.note(session, project.project.name, compiled_governance(project))
        gone = [item.address for item in plan.items if item.action is Action.REMOVE and item.blocked is None]
        session.exec(delete(Resource).where(col(Resource.address).in_(gone)))
        for training in train:
            _owe(session, journal, "train", training)
        for judging in plan.judge:
            _owe(session, journal, "judge", judging)
    return serial


def _note_views(session: Session, project: Project, plan: Plan, actor: str, at: datetime) -> None:
    """The definition of each view that is applied, where it is another than the one before."""
    named = {item.address for item in plan.items if item.action is not Action.OUTSIDE}
    for view in project.scope.of(FeatureView):
        source = project.scope.get(Source, view.from_)
        if source is not None and (not plan.selection.partial or f"feature_view/{view.name}" in named):
            told = view_config(view, source).definition(source_config(source))
            versions.note(session, view.name, told, description=view.description, actor=actor, at=at)


def _owe(session: Session, journal: Journal, action: str, started: Training | Judging) -> None:
    # A training judges by the gates as they are: what was still to be judged goes with it.
    earlier = [*_owed(session, action, started.model), *(_owed(session, "judge", started.model) if action == "train" else ())]
    for row in earlier:
        if row.payload.get("key") == started.key:
            return
        row.status = OperationStatus.FAILED
        row.payload = {**row.payload, "superseded_by": journal.apply_id}
    journal.position += 1
    session.add(
        Operation(
            apply_id=journal.apply_id,
            position=journal.position,
            action=action,
            subject=started.model,
            payload={"key": started.key},
            status=OperationStatus.INTENT,
            at=clock.wall(),
        )
    )
