"""The tables of the keys that values about persons are encrypted by: one for each subject of a model, and what tells of erased ones."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, Index, LargeBinary
from sqlmodel import Field

from headrace.store.columns import moment
from headrace.store.tables import Row

__all__ = ["SubjectErasure", "SubjectKey"]


class SubjectKey(Row, table=True):
    """A data key of one subject, wrapped by a key that is in no database. Where it was erased, `wrapped` and `subject` are gone for good.

    `subject` is the entity as the journal has it; `tag` is its keyed hash under the wrapping key, by which an erasure is known again.
    """

    __tablename__ = "subject_key"
    __table_args__ = (Index(None, "model", "subject"), Index(None, "model", "kek"))
    id: str = Field(primary_key=True)
    model: str
    subject: str | None = None
    tag: str
    kek: str
    wrapped: bytes | None = Field(default=None, sa_column=Column(LargeBinary(), nullable=True))
    made_at: datetime = moment()
    erasure: str | None = None
    """The erasure that destroyed it."""


class SubjectErasure(Row, table=True):
    """That a subject of a model was erased, by its tag: keys that were made before then and come later are not taken."""

    __tablename__ = "subject_erasure"
    __table_args__ = (Index(None, "tag", "at"),)
    id: str = Field(primary_key=True)
    tag: str = Field(primary_key=True)
    model: str
    at: datetime = moment()
    actor: str
