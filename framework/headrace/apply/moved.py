"""What was renamed, under its new name in every table: in one transaction, all of it or nothing."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import ColumnElement, Table, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, delete, select, update

from headrace.journal import ship, unshipped
from headrace.monitoring import rules
from headrace.plan.state import OWED, wrote
from headrace.store import Store
from headrace.store.kinds import OperationStatus, OutboxStatus
from headrace.store.tables import Alert, Operation, Outbox, Outcome, Resource, Row, TrafficCount

_COUNTED = ("epoch", "arm", "metric", "worker")


def rename(session: Session, old: str, new: str) -> None:
    """Give everything that is remembered of `model/bskt` (or of another kind) to `model/basket`; done twice, it is done once.

    Past events and audit rows keep what they said; so do a version's manifest, whose digest is its seal, and Prefect's past runs.
    """
    session.exec(update(Resource).where(col(Resource.address) == old).values(address=new))
    kind, _, before = old.partition("/")
    after = new.partition("/")[2]
    if kind == "model":
        _model(session, before, after)
    elif kind == "channel":
        waiting = (col(Outbox.channel) == before, col(Outbox.status) == OutboxStatus.PENDING)
        session.exec(update(Outbox).where(*waiting).values(channel=after))
    session.flush()


def adopt(store: Store, spool: Path, actor: str) -> list[str]:
    """Give a model what a server wrote under a name that it had before, once its server had still to hear of the new one; what was done."""
    with store.read() as session:
        there = {row.address: row.applied.get("before", ()) for row in session.exec(select(Resource).where(Resource.kind == "model"))}
    done = []
    for new, names in there.items():
        for old in [name for name in names if name not in there]:
            folder = spool / old.removeprefix("model/")
            with store.read() as session:
                waits = wrote(session, old)
            if waits or unshipped(store, folder):
                ship(store, folder)
                with store.transaction(actor, "take along", new) as session:
                    rename(session, old, new)
                done.append(f"{new} has what was still written as {old}")
    return done


def tables() -> list[Table]:
    """Every table with rows of a model."""
    return [table for table in Row.metadata.sorted_tables if "model" in table.c]


def _twin(table: type[Outcome | TrafficCount], model: str, *key: str) -> ColumnElement[bool]:
    """Whether a row has another of the same key under this model."""
    other = aliased(table)
    same = [getattr(other, name) == getattr(table, name) for name in key]
    return exists().where(col(other.model) == model, *same)


def _model(session: Session, before: str, after: str) -> None:
    # What turned out at one moment is known once: a late answer under the old name says what the new name knows already.
    session.exec(delete(Outcome).where(col(Outcome.model) == before, _twin(Outcome, after, "entity", "known_at")))
    # A worker counts totals: what it went on counting under the old name holds what stands under the new one.
    session.exec(delete(TrafficCount).where(col(TrafficCount.model) == after, _twin(TrafficCount, before, *_COUNTED)))
    for row in session.exec(select(Alert).where(Alert.model == before)).all():
        fingerprint = rules.fingerprint(after, row.rule)
        if session.get(Alert, fingerprint) is None:
            session.add(Alert(**{**row.model_dump(), "fingerprint": fingerprint, "model": after}))
        session.delete(row)
    session.flush()
    for table in tables():
        session.connection().execute(table.update().where(table.c.model == before).values(model=after))
    owed = (col(Operation.action).in_(OWED), col(Operation.subject) == before, col(Operation.status) == OperationStatus.INTENT)
    session.exec(update(Operation).where(*owed).values(subject=after))
