"""API keys: how one is made, rotated, revoked and listed, and what a server holds in memory to tell a good one from a bad one."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from math import inf
from typing import TYPE_CHECKING

from sqlalchemy import func, update
from sqlmodel import Session, col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.identity.scopes import Scope
from headrace.store import Sessions, clock

if TYPE_CHECKING:
    from headrace.store.keyed import ApiKey

__all__ = ["Issued", "Keyring", "Known", "issue", "listed", "read", "revoke", "rotate", "state", "used"]

PREFIX = b"hr_"
"""How every key begins, so that a scanner of leaked secrets knows one."""
_ID = 12
_SECRET_AT = len(PREFIX) + _ID + 1
_LENGTH = _SECRET_AT + 43
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(frozen=True, slots=True)
class Issued:
    """A key that was made: its row, and the text that is shown once."""

    row: ApiKey
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Known:
    """What a server knows of one key; `models` None is all, `expires` in seconds of the wall's time."""

    id: str
    digest: bytes
    models: frozenset[str] | None
    expires: float
    scopes: frozenset[str] | None = None
    """What it may do; None is everything but to vote."""
    principal: str | None = None
    """Who votes by it; None is nobody."""


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys of one environment that were in force when the store was last read."""

    serial: int
    known: Mapping[bytes, Known]

    def find(self, text: bytes, now: float) -> Known | None:
        """The key that a request sent, `now` in seconds of the wall's time; None where it is none, or no longer one.

        The part that is no secret finds it; what is secret is compared in constant time, as a digest.
        """
        if len(text) != _LENGTH:
            return None
        found = self.known.get(text[:_SECRET_AT])
        if found is None or not hmac.compare_digest(found.digest, sha256(text[_SECRET_AT:]).digest()) or now >= found.expires:
            return None
        return found


def issue(
    store: Sessions,
    actor: str,
    *,
    name: str,
    models: Sequence[str] | None,
    environment: str,
    expires: timedelta | None,
    scopes: Sequence[Scope] | None = None,
    principal: str | None = None,
) -> Issued:
    """Make a key, which may do what `scopes` say, or everything; only the digest of its secret is kept.

    `principal` is who votes by it, such as `user:alice@example.com`. Times are the wall's, for a key must not outlive it under a driven
    clock.
    """
    made = _made(actor, name=name, models=models, environment=environment, expires=expires, scopes=scopes, principal=principal)
    with store.transaction(actor, "create", f"key {made.row.id}") as session:
        made.row.serial = _next(session)
        session.add(made.row)
    return made


def rotate(store: Sessions, actor: str, id: str, *, environment: str, overlap: timedelta) -> Issued:  # noqa: A002 - the column's name
    """Make a key in place of another, which ends after `overlap`; the new one may ask the same, for as long as the old one could.

    HeadraceError `no-key`, or `key-ended` where the old one has ended or was rotated already.
    """
    from headrace.store.keyed import ApiKey

    with store.transaction(actor, "rotate", f"key {id}") as session:
        old, now = _row(session, id, environment), clock.wall()
        newer = session.exec(select(ApiKey.id).where(ApiKey.replaces == id)).first()
        if newer is not None or state(old, now) != "active":
            why = f"was rotated already, to {newer}" if newer is not None else f"is {state(old, now)}"
            raise HeadraceError(
                Diagnostic("key-ended", f"key {id} {why}", help="`headrace keys create --name NAME` makes another"), Exit.REFUSED
            )
        lifetime = None if old.expires_at is None else old.expires_at - old.created_at
        made = _made(
            actor,
            name=old.name,
            models=old.models,
            environment=environment,
            expires=lifetime,
            scopes=old.scopes,
            principal=old.principal,
        )
        made.row.serial, made.row.replaces = _next(session), id
        session.add(made.row)
        session.flush()
        old.serial = made.row.serial + 1
        old.expires_at = now + overlap if old.expires_at is None else min(old.expires_at, now + overlap)
        session.add(old)
    return made


def revoke(store: Sessions, actor: str, id: str, *, environment: str) -> ApiKey:  # noqa: A002 - the column's name
    """End a key; one that is revoked already stays so. HeadraceError `no-key`."""
    with store.transaction(actor, "revoke", f"key {id}") as session:
        row = _row(session, id, environment)
        if row.revoked_at is None:
            row.revoked_at, row.serial = clock.wall(), _next(session)
            session.add(row)
    return row


def listed(session: Session, environment: str) -> list[ApiKey]:
    """Every key of an environment, oldest first."""
    from headrace.store.keyed import ApiKey

    return list(session.exec(select(ApiKey).where(ApiKey.environment == environment).order_by(col(ApiKey.created_at), col(ApiKey.id))))


def state(row: ApiKey, now: datetime) -> str:
    """`active`, `expired` or `revoked`."""
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= now else "active"


def read(session: Session, environment: str, before: Keyring | None = None) -> Keyring:
    """The keys that are in force; the same value again where nothing changed since `before`, which costs one look into an index."""
    from headrace.store.keyed import ApiKey

    serial = session.exec(select(func.max(ApiKey.serial))).one() or 0
    if before is not None and before.serial == serial:
        return before
    found = session.exec(select(ApiKey).where(ApiKey.environment == environment, col(ApiKey.revoked_at).is_(None)))
    return Keyring(serial, {PREFIX + row.id.encode() + b"_": _known(row) for row in found})


def used(store: Sessions, actor: str, times: Mapping[str, datetime]) -> None:
    """Record when keys were last used, by their ids; an earlier time changes nothing."""
    from headrace.store.keyed import ApiKey

    with store.transaction(actor, "use", "keys", often=True) as session:
        for id_, at in times.items():
            unknown = col(ApiKey.used_at).is_(None) | (col(ApiKey.used_at) < at)
            session.connection().execute(update(ApiKey).where(col(ApiKey.id) == id_, unknown).values(used_at=at))


def _made(
    actor: str,
    *,
    name: str,
    models: Sequence[str] | None,
    environment: str,
    expires: timedelta | None,
    scopes: Sequence[str] | None,
    principal: str | None,
) -> Issued:
    from headrace.store.keyed import ApiKey

    now, id_, secret = clock.wall(), "".join(secrets.choice(_LETTERS) for _ in range(_ID)), secrets.token_urlsafe(32)
    row = ApiKey(
        id=id_,
        serial=0,
        name=name,
        digest=sha256(secret.encode()).hexdigest(),
        models=None if models is None else sorted(models),
        scopes=None if scopes is None else sorted(scopes),
        principal=principal,
        environment=environment,
        actor=actor,
        created_at=now,
        expires_at=None if expires is None else now + expires,
    )
    return Issued(row, f"{PREFIX.decode()}{id_}_{secret}")


def _known(row: ApiKey) -> Known:
    models, scopes = (None if told is None else frozenset(told) for told in (row.models, row.scopes))
    expires = inf if row.expires_at is None else row.expires_at.timestamp()
    return Known(row.id, bytes.fromhex(row.digest), models, expires, scopes, row.principal)


def _next(session: Session) -> int:
    from headrace.store.keyed import ApiKey

    return (session.exec(select(func.max(ApiKey.serial))).one() or 0) + 1


def _row(session: Session, id_: str, environment: str) -> ApiKey:
    from headrace.store.keyed import ApiKey

    row = session.get(ApiKey, id_)
    if row is None or row.environment != environment:
        message = f"environment {environment} has no key {id_[:80]}"
        raise HeadraceError(Diagnostic("no-key", message, help="`headrace keys list` lists them"), Exit.USAGE)
    return row
