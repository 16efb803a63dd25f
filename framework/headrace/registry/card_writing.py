"""How a card comes to be, and how far it comes: the first with its version, another where anything changed, its status by who decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.governance.card import Card, Completeness, completeness, may_move
from headrace.registry.card import CardOf, card_history, card_of
from headrace.registry.card_evidence import Declared, made
from headrace.registry.version import Version
from headrace.store import events
from headrace.store.carded import CardStatus, ModelCard
from headrace.store.tables import Verdict


def write_card(session: Session, version: Version, *, at: datetime, said: Declared | None = None, keep_approved: bool = False) -> CardOf:
    """Write the card of a version by what is recorded now, unless the newest says all of it already, which is then given.

    Without `said` its words are those of the card before. The card before is archived, so that an approval of it is void; with
    `keep_approved` one that is approved stays, as where a machine measures a champion again. Called within the transaction that registers a
    version, before its row. Writes card.written.
    """
    before = card_history(session, version.model, version.number)
    newest = before[-1] if before else None
    old = _readable(newest)
    if newest is not None and old is not None and keep_approved and newest.status is CardStatus.APPROVED:
        return newest
    card = made(session, version, said, old, 1 if newest is None else newest.card_version + 1)
    if newest is not None and old is not None and card.model_copy(update={"card_version": old.card_version}) == old:
        return newest
    if newest is not None and newest.status is not CardStatus.ARCHIVED:
        _move(session, newest, CardStatus.ARCHIVED, at=at)
    row = ModelCard(
        model=version.model,
        number=version.number,
        card_version=card.card_version,
        digest=card.digest,
        content=card.to_json(),
        actor=session.info["actor"],
        at=at,
        status=CardStatus.DRAFT,
        moved_at=at,
    )
    session.add(row)
    session.flush()
    written = card_of(session, version.model, version.number, card.card_version)
    _say(session, written, None, at)
    return written


def card_now(session: Session, version: Version, said: Declared | None) -> Card:
    """What `write_card` would write, under the newest card's number, so that both are alike where it would write nothing."""
    newest = card_of(session, version.model, version.number)
    return made(session, version, said, _readable(newest), newest.card_version)


def card_judged(session: Session, version: Version, rows: Sequence[Verdict]) -> Completeness | None:
    """How complete a version's newest card is once these rows are written down; None where it has none.

    One that is approved stays what it is, as `write_card` with `keep_approved` leaves it. HeadraceError `card-altered`.
    """
    newest = next(reversed(card_history(session, version.model, version.number)), None)
    if newest is None or newest.status is CardStatus.APPROVED:
        return None if newest is None else newest.completeness
    return completeness(made(session, version, None, newest.card, newest.card_version, rows=rows))


def submit_card(session: Session, model: str, number: int, *, digest: str, at: datetime) -> CardOf:
    """Ask for a decision on a version's newest card: from draft to pending. One that is pending already stays it.

    HeadraceError: `card-changed` where `digest` is not the newest card's, `card-incomplete`, `card-status`.
    """
    found = _meant(session, model, number, digest)
    _complete(found)
    return found if found.status is CardStatus.PENDING else _move(session, found, CardStatus.PENDING, at=at)


def approve_card(session: Session, model: str, number: int, *, digest: str, approval: str, at: datetime) -> CardOf:
    """Let a decision approve a version's newest card: `approval` is its id, `digest` the card's that was decided on.

    The same decision twice is once. HeadraceError: `card-changed` where the card is another by now, `card-incomplete`, `card-status` where
    nobody was asked.
    """
    found = _meant(session, model, number, digest)
    _complete(found)
    if found.status is CardStatus.APPROVED and found.approval == approval:
        return found
    return _move(session, found, CardStatus.APPROVED, at=at, approval=approval)


def refuse_card(session: Session, model: str, number: int, *, digest: str, at: datetime) -> CardOf:
    """Let a decision send a version's newest card back: from pending to draft. HeadraceError: `card-changed`, `card-status`."""
    return _move(session, _meant(session, model, number, digest), CardStatus.DRAFT, at=at)


def archive_card(session: Session, model: str, number: int, *, at: datetime) -> CardOf:
    """Put a version's newest card away, as when its version is retired; one that is archived stays it."""
    found = card_of(session, model, number)
    return found if found.status is CardStatus.ARCHIVED else _move(session, found, CardStatus.ARCHIVED, at=at)


def _readable(found: CardOf | None) -> Card | None:
    """Its parts, or None where it was altered: what is written next starts anew then."""
    try:
        return None if found is None else found.card
    except HeadraceError:
        return None


def _meant(session: Session, model: str, number: int, digest: str) -> CardOf:
    found = card_of(session, model, number)
    _ = found.card  # altered ones are refused
    if found.digest != digest:
        message = f"the card of model/{model} v{number} is another by now: card {found.card_version}, {found.digest}"
        raise HeadraceError(
            Diagnostic("card-changed", message, help=f"`headrace card diff {model}@{number}` shows what changed"), Exit.REFUSED
        )
    return found


def _complete(found: CardOf) -> None:
    lacking = found.completeness.lacking
    if lacking:
        what = f"{found.model}@{found.number}"
        message = f"card {found.card_version} of model/{found.model} v{found.number} lacks {len(lacking)} parts: {lacking[0]}"
        raise HeadraceError(Diagnostic("card-incomplete", message, help=f"`headrace card check {what}` lists them"), Exit.REFUSED)


def _move(session: Session, found: CardOf, to: CardStatus, *, at: datetime, approval: str | None = None) -> CardOf:
    """Another status, under the transaction's lock; HeadraceError `card-status` where it cannot follow."""
    row = session.exec(select(ModelCard).where(ModelCard.digest == found.digest)).one()
    if not may_move(row.status.value, to.value):
        message = f"card {found.card_version} of model/{found.model} v{found.number} is {row.status.value}: it cannot become {to.value}"
        raise HeadraceError(Diagnostic("card-status", message, help=_HELP[to].format(f"{found.model}@{found.number}")), Exit.REFUSED)
    was = row.status
    row.status, row.moved_at = to, at
    # A decision stays beside what it decided, also when the card is archived.
    row.approval = approval if to is CardStatus.APPROVED else row.approval if to is CardStatus.ARCHIVED else None
    session.add(row)
    session.flush()
    moved = card_of(session, found.model, found.number, found.card_version)
    _say(session, moved, was, at)
    return moved


_HELP = {
    CardStatus.DRAFT: "`headrace card history {}` says where each card stands",
    CardStatus.PENDING: "`headrace card write {}` writes a new card",
    CardStatus.APPROVED: "ask for a decision first; `headrace card history {}` says where each card stands",
    CardStatus.ARCHIVED: "`headrace card history {}` says where each card stands",
}


def _say(session: Session, card: CardOf, was: CardStatus | None, at: datetime) -> None:
    payload = {
        "number": card.number,
        "card_version": card.card_version,
        "digest": card.digest,
        "status": card.status.value,
        "was": None if was is None else was.value,
        "approval": card.approval,
    }
    events.append(session, model=card.model, kind=events.EventKind.CARD_WRITTEN, payload=payload, at=at)
