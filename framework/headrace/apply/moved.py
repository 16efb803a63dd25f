"""What was renamed, under its new name in every table: in one transaction, all of it or nothing."""

from __future__ import annotations

from sqlalchemy import Table
from sqlmodel import Session, col, delete, select, update

from headrace.monitoring import rules
from headrace.store.kinds import OperationStatus, OutboxStatus
from headrace.store.tables import Alert, Operation, Outbox, Outcome, Resource, Row


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


def tables() -> list[Table]:
    """Every table with rows of a model."""
    return [table for table in Row.metadata.sorted_tables if "model" in table.c]


def _model(session: Session, before: str, after: str) -> None:
    # What turned out is known once: a late answer under the old name says what the new name knows already.
    known = select(Outcome.entity).where(Outcome.model == after)
    session.exec(delete(Outcome).where(col(Outcome.model) == before, col(Outcome.entity).in_(known)))
    for row in session.exec(select(Alert).where(Alert.model == before)).all():
        fingerprint = rules.fingerprint(after, row.rule)
        if session.get(Alert, fingerprint) is None:
            session.add(Alert(**{**row.model_dump(), "fingerprint": fingerprint, "model": after}))
        session.delete(row)
    session.flush()
    for table in tables():
        session.connection().execute(table.update().where(table.c.model == before).values(model=after))
    owed = (col(Operation.action) == "train", col(Operation.subject) == before, col(Operation.status) == OperationStatus.INTENT)
    session.exec(update(Operation).where(*owed).values(subject=after))
