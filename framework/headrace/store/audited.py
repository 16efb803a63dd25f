"""The tables beside the audit log's entries: its tree, its head, what is counted only, and what was written down before there was a log."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Column, LargeBinary
from sqlmodel import Field

from headrace.store.columns import BIG_SERIAL, moment
from headrace.store.tables import Row

__all__ = ["AuditCount", "AuditEarlier", "AuditHead", "AuditNode"]


class AuditHead(Row, table=True):
    """The one row that says how far the log has come; who appends has it locked.

    `log` names the log, at random: a store that began anew has another. `edge` holds the 32 bytes of each whole subtree at the right edge.
    """

    __tablename__ = "audit_head"
    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    log: str
    size: int = Field(sa_type=BIG_SERIAL)
    edge: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class AuditNode(Row, table=True):
    """The root of 256 nodes of the level below, so that a proof reads a few tiles and not the log. Rows are only ever added."""

    __tablename__ = "audit_node"
    level: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    index: int = Field(sa_column=Column(BIG_SERIAL, primary_key=True, autoincrement=False))
    hash: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class AuditCount(Row, table=True):
    """How often within an hour somebody did what repeats many times a second: it changes no model, and no log could hold it."""

    __tablename__ = "audit_count"
    actor: str = Field(primary_key=True)
    action: str = Field(primary_key=True)
    subject: str = Field(primary_key=True)
    hour: datetime = moment(key=True)
    n: int
    at: datetime = moment()
    """The clock's time of the last one."""
    recorded_at: datetime = moment()
    """The wall's."""


class AuditEarlier(Row, table=True):
    """Who wrote what before there was a log, as it stood then: nothing vouches for it but the digest in the log's first entry."""

    __tablename__ = "audit_earlier"
    seq: int = Field(sa_column=Column(BIG_SERIAL, primary_key=True, autoincrement=False))
    actor: str
    action: str
    subject: str
    at: datetime = moment()
    recorded_at: datetime = moment()
