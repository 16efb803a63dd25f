"""The table of model cards: every card that was ever written. Only a card's status moves; the database refuses anything else."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import UniqueConstraint
from sqlmodel import Field

from headrace.store.columns import identifier, json, moment, word
from headrace.store.tables import Row

__all__ = ["CardStatus", "ModelCard"]


class CardStatus(StrEnum):
    """How far a card has come."""

    DRAFT = "draft"
    PENDING = "pending"
    APPROVED = "approved"
    ARCHIVED = "archived"


class ModelCard(Row, table=True):
    """One card of one version, under its digest. A version cannot be inserted before its first card is."""

    __tablename__ = "model_card"
    __table_args__ = (UniqueConstraint("model", "number", "card_version"),)
    id: str = identifier()
    model: str
    number: int
    card_version: int
    digest: str = Field(unique=True)
    content: dict[str, Any] = json()
    actor: str
    at: datetime = moment()
    status: CardStatus = word(CardStatus, "status")
    approval: str | None = None
    """The decision that it was approved by."""
    moved_at: datetime = moment()
    """When its status was last another."""
