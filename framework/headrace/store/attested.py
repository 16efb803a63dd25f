"""The tables of what others can check: signed statements about versions, and how far receivers of lineage have heard the log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index
from sqlmodel import Field

from headrace.store.columns import BIG_SERIAL, identifier, moment
from headrace.store.tables import Row

__all__ = ["Announced", "Attestation"]


class Attestation(Row, table=True):
    """One signed statement. Rows are only ever added: the database refuses anything else.

    `kind` is `provenance` (a DSSE envelope of an in-toto statement) or `signature` (an OpenSSF model signature); `body` is the whole of it
    as JSON text, `digest` that of the text.
    """

    __tablename__ = "attestation"
    __table_args__ = (Index(None, "model", "number", "kind"),)
    id: str = identifier()
    model: str
    number: int
    kind: str
    media_type: str = Field(max_length=120)
    key: str
    """The id of the key that signed: 64 hex digits."""
    digest: str
    body: str
    actor: str
    at: datetime = moment()


class Announced(Row, table=True):
    """How far a receiver of lineage has heard the log; `sink` is the digest of how it is named."""

    __tablename__ = "announced"
    sink: str = Field(primary_key=True)
    seq: int = Field(sa_type=BIG_SERIAL)
    at: datetime = moment()
