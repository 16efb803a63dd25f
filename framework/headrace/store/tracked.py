"""The tables of tracked runs: what each was asked for, what it measured and when, what it left, and what it was made of.

A run of a `train` flow has its row in `run` and, under the same id, one here; a run from a notebook has only this one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Index
from sqlmodel import Field

from headrace.store.columns import BIG_SERIAL, exact, json, moment, serial, word
from headrace.store.kinds import TrackedKind, TrackedStatus
from headrace.store.tables import Row

__all__ = ["Experiment", "Tracked", "TrackedArtifact", "TrackedMetric", "TrackedPoint", "TrackedValue"]


class Experiment(Row, table=True):
    """What runs are gathered under: a model's name, or a name that a notebook gives."""

    __tablename__ = "experiment"
    name: str = Field(primary_key=True)
    description: str = ""
    created_at: datetime = moment()


class Tracked(Row, table=True):
    """One tracked run. `host`, `pid` and `born` name its process, so that one that died without a word is found."""

    __tablename__ = "tracked"
    __table_args__ = (Index(None, "experiment", "started_at"), Index(None, "parent"))
    id: str = Field(primary_key=True)
    experiment: str
    name: str | None = None
    model: str | None = None
    version: int | None = None
    """The number of the candidate that it registered."""
    flow: str | None = None
    parent: str | None = None
    status: TrackedStatus = word(TrackedStatus, "status", default=TrackedStatus.RUNNING)
    started_at: datetime = moment()
    ended_at: datetime | None = moment(optional=True)
    seconds: float | None = None
    actor: str
    error: str | None = None
    dataset: dict[str, Any] | None = json(optional=True)
    host: str | None = None
    pid: int | None = None
    born: float | None = None


class TrackedValue(Row, table=True):
    """One param, tag or digest. `value` is its JSON text; `number` and `text` are what conditions compare, where it is either."""

    __tablename__ = "tracked_value"
    __table_args__ = (Index(None, "kind", "name"),)
    run_id: str = Field(primary_key=True)
    kind: TrackedKind = word(TrackedKind, "kind", key=True)
    name: str = Field(primary_key=True)
    value: str
    number: float = exact()
    text: str | None = None


class TrackedPoint(Row, table=True):
    """One value of one metric, as it was logged. Rows are only ever added."""

    __tablename__ = "tracked_point"
    __table_args__ = (Index(None, "run_id", "name", "step"), {"sqlite_autoincrement": True})
    id: int | None = serial()
    run_id: str
    name: str
    step: int = Field(sa_type=BIG_SERIAL)
    value: float = exact()
    at: datetime = moment()


class TrackedMetric(Row, table=True):
    """The last value of one metric: that of the highest step, and of several the one that was logged last; `n` counts all of them."""

    __tablename__ = "tracked_metric"
    __table_args__ = (Index(None, "name"),)
    run_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    step: int = Field(sa_type=BIG_SERIAL)
    value: float = exact()
    at: datetime = moment()
    n: int


class TrackedArtifact(Row, table=True):
    """Bytes that a run left, by their digest; other bytes under one name are its next version."""

    __tablename__ = "tracked_artifact"
    run_id: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    version: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
    size: int | None = Field(default=None, sa_type=BIG_SERIAL)
    at: datetime = moment()
