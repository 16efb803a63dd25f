"""Names for versions (champion, candidate, previous, and any of the user's), and how they move."""

from __future__ import annotations

import re
from datetime import datetime

from sqlmodel import Session, select

from headrace.address import NAME
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.registry.version import get
from headrace.store import events, tables

CHAMPION = "champion"
"""The version that answers."""
CANDIDATE = "candidate"
"""The version that passed its gates and waits for, or is in, its rollout."""
PREVIOUS = "previous"
"""The version that a rollback puts back."""


def aliases(session: Session, model: str) -> dict[str, int]:
    """Every alias of a model with the number it stands for, by name."""
    rows = session.exec(select(tables.Alias).where(tables.Alias.model == model))
    return dict(sorted((row.name, row.number) for row in rows))


def move(session: Session, *, model: str, alias: str, number: int | None, at: datetime, reason: str) -> None:
    """Let an alias stand for another version, or (None) for none; nothing happens where it does already.

    Writes the event alias.moved. HeadraceError: `no-version` where the version does not exist, `reserved-alias` for a name that could be
    taken for a number.
    """
    if not NAME.fullmatch(alias) or alias == "latest" or re.fullmatch(r"v\d+", alias):
        raise HeadraceError(
            Diagnostic("reserved-alias", f"`{alias}` cannot be an alias", help="lower-case letters and digits; not `latest`, not `v1`"),
            Exit.USAGE,
        )
    row = session.get(tables.Alias, (model, alias))
    before = None if row is None else row.number
    if before == number:
        return
    if number is None:
        session.delete(row)
    else:
        get(session, model, number)
        session.merge(tables.Alias(model=model, name=alias, number=number))
    session.flush()
    payload = {"alias": alias, "from": before, "to": number, "reason": reason}
    events.append(session, model=model, kind=events.EventKind.ALIAS_MOVED, payload=payload, at=at)


def promote(session: Session, *, model: str, number: int, at: datetime, reason: str) -> None:
    """Make a version the champion, the champion so far the previous one; a candidate alias of this version is dropped.

    A version that is the champion already stays it, and `previous` stays as well: twice is once.
    """
    held = aliases(session, model)
    champion = held.get(CHAMPION)
    if champion != number:
        move(session, model=model, alias=CHAMPION, number=number, at=at, reason=reason)
        if champion is not None:
            move(session, model=model, alias=PREVIOUS, number=champion, at=at, reason=reason)
    if held.get(CANDIDATE) == number:
        move(session, model=model, alias=CANDIDATE, number=None, at=at, reason=reason)


def rollback(session: Session, model: str, at: datetime, reason: str) -> None:
    """Make the previous version the champion again, and forget `previous`: what was rolled back is nothing to roll back to.

    HeadraceError `no-previous` (exit 4) where there is none.
    """
    held = aliases(session, model)
    if PREVIOUS not in held:
        raise HeadraceError(
            Diagnostic(
                "no-previous", f"model/{model} has no previous version to go back to", help=f"`headrace models {model}` lists what there is"
            ),
            Exit.REFUSED,
        )
    move(session, model=model, alias=CHAMPION, number=held[PREVIOUS], at=at, reason=reason)
    move(session, model=model, alias=PREVIOUS, number=None, at=at, reason=reason)
