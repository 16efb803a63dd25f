"""The table of experiments: one row a comparison of a candidate (and others) with the champion, from its start to its decision."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index, UniqueConstraint

from headrace.store.columns import identifier, json, moment
from headrace.store.tables import Row

__all__ = ["Experiment"]


class Experiment(Row, table=True):
    """One experiment: no group of tracked runs, which that word names too.

    `arms` is by alias its version and share; `declared` is the section as it was begun with, and as it was last changed. Enrolment ends at
    `enrols_until`, answers are waited for until `ends_at`. Its epochs of weights are those from `first_epoch` on, to `last_epoch` where it
    has ended.
    """

    __tablename__ = "controlled_experiment"
    __table_args__ = (UniqueConstraint("model", "number"), Index(None, "model", "state"))
    id: str = identifier()
    model: str
    number: int
    """1, 2, ... of its model."""
    candidate: int
    champion: int
    arms: dict[str, Any] = json()
    state: str
    declared: dict[str, Any] = json()
    first_epoch: int
    last_epoch: int | None = None
    started_at: datetime = moment()
    enrols_until: datetime = moment()
    ends_at: datetime = moment()
    details: dict[str, Any] = json()
