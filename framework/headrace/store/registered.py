"""The tables of the registry beside versions and aliases: the next number, what versions are found by, their stages and these' history."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, String, UniqueConstraint, text
from sqlmodel import Field

from headrace.store.columns import BIG_SERIAL, exact, identifier, moment, serial, word
from headrace.store.kinds import IndexedKind, Stage
from headrace.store.tables import Row

__all__ = ["StageHistory", "VersionCounter", "VersionIndex", "VersionValue"]

_BY_CODE_POINT = String().with_variant(String(collation="C"), "postgresql")
"""Text that sorts by its code points on both databases."""


class VersionCounter(Row, table=True):
    """The number that a model's next version gets; it only ever grows."""

    __tablename__ = "version_counter"
    model: str = Field(primary_key=True)
    next: int


class VersionIndex(Row, table=True):
    """What a version is found by, beside its row that never changes: its stage now, its SemVer, whether it was withdrawn.

    `precedence` sorts as SemVer does, and two versions of a model may not have the same.
    """

    __tablename__ = "version_index"
    __table_args__ = (
        UniqueConstraint("model", "number"),
        UniqueConstraint("model", "precedence"),
        Index(None, "created_at", "model", "number"),
        Index(None, "stage", "created_at"),
        Index(None, "algorithm", "created_at"),
        {"sqlite_autoincrement": True},
    )
    id: int | None = serial()
    model: str
    number: int
    algorithm: str
    run_id: str
    created_at: datetime = moment()
    stage: Stage = word(Stage, "stage", default=Stage.REGISTERED)
    semver: str | None = None
    precedence: str | None = Field(default=None, sa_column=Column(_BY_CODE_POINT, nullable=True))
    withdrawn_at: datetime | None = moment(optional=True)
    withdrawn_by: str | None = None
    withdrawn_reason: str | None = None


class VersionValue(Row, table=True):
    """One metric, param or tag of a version, by its id in the index: `number` or `text` is what conditions compare, where it is either."""

    __tablename__ = "version_value"
    __table_args__ = (
        Index(None, "kind", "name", "number", "version_id"),
        Index(None, "kind", "name", "text", "version_id"),
        {"sqlite_with_rowid": False},
    )
    version_id: int = Field(primary_key=True, sa_type=BIG_SERIAL, sa_column_kwargs={"autoincrement": False})
    kind: IndexedKind = word(IndexedKind, "kind", key=True)
    name: str = Field(primary_key=True)
    number: float = exact()
    text: str | None = None


class StageHistory(Row, table=True):
    """One stay of a version in a stage: from a moment until the next, none while it lasts. `event_id` names the event that began it."""

    __tablename__ = "stage_history"
    __table_args__ = (
        Index(
            "uq_stage_history_production",
            "model",
            unique=True,
            sqlite_where=text("stage = 'production' AND valid_to IS NULL"),
            postgresql_where=text("stage = 'production' AND valid_to IS NULL"),
        ),
        Index(
            "uq_stage_history_now",
            "model",
            "number",
            unique=True,
            sqlite_where=text("valid_to IS NULL"),
            postgresql_where=text("valid_to IS NULL"),
        ),
        Index(None, "model", "number", "valid_from"),
        Index(None, "model", "valid_from"),
    )
    id: str = identifier()
    model: str
    number: int
    stage: Stage = word(Stage, "stage")
    valid_from: datetime = moment()
    valid_to: datetime | None = moment(optional=True)
    reason: str
    actor: str
    event_id: str | None = None
