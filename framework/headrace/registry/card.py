"""The cards of a model's versions as they were written: the newest, all before it, and whether one is approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlmodel import Session, col, select

from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.governance.card import Card, Completeness, completeness, digest_of
from headrace.registry.version import Version
from headrace.store.carded import CardStatus, ModelCard


@dataclass(frozen=True, slots=True)
class CardOf:
    """One card of one version, as it was written; `content` is the JSON that `digest` is of."""

    model: str
    number: int
    card_version: int
    digest: str
    content: Mapping[str, Any]
    status: CardStatus
    actor: str
    at: datetime
    approval: str | None
    moved_at: datetime

    @property
    def card(self) -> Card:
        """Its parts; HeadraceError `card-altered` where it is not what was written."""
        if digest_of(self.content) != self.digest:
            message = f"card {self.card_version} of model/{self.model} v{self.number} is not the one that was written"
            raise HeadraceError(Diagnostic("card-altered", message, help=_AGAIN.format(self.model, self.number)), Exit.REFUSED)
        try:
            return Card.model_validate(self.content)
        except ValidationError as error:
            message = f"card {self.card_version} of model/{self.model} v{self.number} cannot be read: {error.error_count()} faults"
            raise HeadraceError(Diagnostic("card-altered", message, help=_AGAIN.format(self.model, self.number)), Exit.REFUSED) from error

    @property
    def completeness(self) -> Completeness:
        """What it has of what its model's risk asks for."""
        return completeness(self.card)

    def brief(self) -> dict[str, Any]:
        """What queries of versions say of it; one that was altered says so, and is complete in nothing."""
        told: dict[str, Any] = {"card_version": self.card_version, "digest": self.digest, "status": self.status.value}
        try:
            found = self.completeness
        except HeadraceError as error:
            return {**told, "complete": False, "has": 0, "needs": 0, "lacking": [str(fault.message) for fault in error.report]}
        lacking = [str(item) for item in found.lacking]
        return {**told, "complete": found.complete, "has": found.has, "needs": found.needs, "lacking": lacking}


@dataclass(frozen=True, slots=True)
class Approved:
    """Whether a version's newest card is approved, why not, and the digest that was looked at."""

    approved: bool
    why: str
    digest: str | None

    def __bool__(self) -> bool:
        return self.approved


_AGAIN = "`headrace card write {0}@{1}` writes a new one of what is recorded"


def card_history(session: Session, model: str, number: int) -> list[CardOf]:
    """All cards of a version, oldest first."""
    query = select(ModelCard).where(ModelCard.model == model, ModelCard.number == number).order_by(col(ModelCard.card_version))
    return [_value(row) for row in session.exec(query)]


def card_of(session: Session, model: str, number: int, card_version: int | None = None) -> CardOf:
    """A version's newest card, or one by its number; HeadraceError `no-card` where there is none."""
    query = select(ModelCard).where(ModelCard.model == model, ModelCard.number == number).order_by(col(ModelCard.card_version).desc())
    if card_version is not None:
        query = query.where(ModelCard.card_version == card_version)
    row = session.exec(query.limit(1)).first()
    if row is None:
        which = "no card" if card_version is None else f"no card {card_version}"
        message = f"model/{model} v{number} has {which}"
        help_ = _AGAIN.format(model, number) if card_version is None else f"`headrace card history {model}@{number}` lists them"
        raise HeadraceError(Diagnostic("no-card", message, help=help_))
    return _value(row)


def cards(session: Session, model: str) -> dict[int, CardOf]:
    """The newest card of each version of a model, by the version's number."""
    query = select(ModelCard).where(ModelCard.model == model).order_by(col(ModelCard.number), col(ModelCard.card_version))
    return {row.number: _value(row) for row in session.exec(query)}


def card_approved(session: Session, version: Version) -> Approved:
    """Whether the newest card of a version is approved as it stands: unaltered, complete, and of this very version."""
    try:
        found = card_of(session, version.model, version.number)
        card, lacking = found.card, found.completeness.lacking
    except HeadraceError as error:
        return Approved(approved=False, why=str(error.report.found[0].message), digest=None)
    what = f"card {found.card_version} of {version}"
    if (card.identity.manifest_digest, card.card_version) != (version.manifest_digest, found.card_version):
        return Approved(approved=False, why=f"{what} is of another version", digest=found.digest)
    if found.status is not CardStatus.APPROVED or found.approval is None:
        return Approved(approved=False, why=f"{what} is not approved: it is {found.status.value}", digest=found.digest)
    if lacking:
        return Approved(approved=False, why=f"{what} is not complete: {lacking[0]}", digest=found.digest)
    return Approved(approved=True, why=f"{what} is approved by {found.approval}", digest=found.digest)


def _value(row: ModelCard) -> CardOf:
    return CardOf(**{name: getattr(row, name) for name in CardOf.__dataclass_fields__})
