"""Versions that are taken out of use: hidden, refused wherever they would be used, and kept with their number, digests and history."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session, select

from headrace.registry.conflict import ANY, Any_, refuse_other
from headrace.registry.indexed import index_of
from headrace.registry.use import refuse_used
from headrace.store import events
from headrace.store.kinds import Stage
from headrace.store.registered import VersionIndex


def withdraw(session: Session, *, model: str, number: int, at: datetime, reason: str, expected: Stage | Any_ = ANY) -> None:
    """Take a version out of use, for ever; nothing happens where it is so. Writes the event version.withdrawn.

    HeadraceError: `no-version`, `version-in-use` where it is champion, candidate or previous, has another alias, is in production, in a
    rollout, answers requests, or is a part of another version; `registry-conflict` where it is not in the stage that is `expected`.
    """
    found = index_of(session, model, number)
    refuse_other(f"the stage of model/{model} v{number}", expected, found.stage)
    if found.withdrawn_at is not None:
        return
    refuse_used(session, model, number, "withdrawn")
    found.withdrawn_at, found.withdrawn_by, found.withdrawn_reason = at, session.info["actor"], reason
    payload = {"number": number, "stage": found.stage.value, "reason": reason}
    events.append(session, model=model, kind=events.EventKind.VERSION_WITHDRAWN, payload=payload, at=at)
    session.flush()


def withdrawn(session: Session, model: str) -> dict[int, str]:
    """Why each withdrawn version of a model was, by its number."""
    query = select(VersionIndex).where(VersionIndex.model == model)
    return {row.number: row.withdrawn_reason or "" for row in session.exec(query) if row.withdrawn_at is not None}
