"""Which flags are in force: written by `apply`, one transaction and one entry of the audit log for each that changes, read by servers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import rfc8785
from pydantic import ValidationError

from headrace.compiled import FlagConfig
from headrace.digest import digest

if TYPE_CHECKING:
    from sqlmodel import Session

    from headrace.store import Store
    from headrace.store.flagged import Flag


@dataclass(frozen=True, slots=True)
class InForce:
    """A flag as it answers, what its shares are dealt by, and who changed it last."""

    flag: FlagConfig
    salt: str
    digest: str
    actor: str
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A flag whose row this release cannot read: it has no answer, and the others go on."""

    name: str
    why: str


def read(session: Session) -> dict[str, InForce | Unreadable]:
    """Every flag, by name."""
    from sqlmodel import col, select

    from headrace.store.flagged import Flag

    return {row.name: _read(row) for row in session.exec(select(Flag).order_by(col(Flag.name)))}


def put(store: Store, actor: str, flag: FlagConfig, before: str | None = None) -> bool:
    """Let a flag answer as it is declared now; whether that changed anything. `before` is the name that it had.

    Its row and its entry in the audit log, with the digests of what it was and is, are one transaction. Done twice, it is done once.
    """
    from headrace.store.flagged import Flag

    said = flag.to_json()
    now = digest(rfc8785.dumps(said))
    with store.read() as session:
        row, old = session.get(Flag, flag.name), session.get(Flag, before) if before is not None else None
        if row is not None and row.digest == now and old is None:
            return False
        was = old or row
    was_digest = was.digest if was is not None else None
    with store.transaction(actor, "set flag", f"flag/{flag.name}", before=was_digest, after=now) as session:
        for name in {flag.name, before} - {None}:
            if (there := session.get(Flag, name)) is not None:
                session.delete(there)
        session.flush()
        salt = was.salt if was is not None else flag.name
        session.add(Flag(name=flag.name, salt=salt, config=said, digest=now, actor=actor, changed_at=store.clock.now()))
    return True


def remove(store: Store, actor: str, name: str) -> bool:
    """Let a flag answer nobody any more; whether it did."""
    from headrace.store.flagged import Flag

    with store.read() as session:
        row = session.get(Flag, name)
    if row is None:
        return False
    with store.transaction(actor, "remove flag", f"flag/{name}", before=row.digest) as session:
        session.delete(session.get_one(Flag, name))
    return True


def _read(row: Flag) -> InForce | Unreadable:
    try:
        flag = FlagConfig.model_validate_json(json.dumps(row.config), strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unreadable(row.name, f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}")
    return InForce(flag, row.salt, row.digest, row.actor, row.changed_at)
