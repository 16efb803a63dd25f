"""The tables of the store: one class a table, all moments in UTC, JSON as plain dicts and lists.

Ids are made where none is given; `serial()` keys are given out by the database in the order of commits.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Column, Index, LargeBinary, MetaData, UniqueConstraint
from sqlmodel import Field, SQLModel
from sqlmodel._compat import SQLModelConfig

from headrace.store.columns import BIG_SERIAL, identifier, json, moment, serial, word
from headrace.store.kinds import AlertState, ClockMode, EventKind, OperationStatus, OutboxStatus, RunStatus, Successor

__all__ = [
    "Alert",
    "Alias",
    "Audit",
    "Clock",
    "Due",
    "Event",
    "Lock",
    "ModelVersion",
    "Operation",
    "Outbox",
    "Outcome",
    "Prediction",
    "Principal",
    "Resource",
    "Revision",
    "Rollout",
    "Row",
    "Run",
    "SpoolOffset",
    "TrafficCount",
    "Verdict",
    "Weights",
    "Window",
]


class Row(SQLModel):
    """What every table of ours is: its names of constraints are the same on every database."""

    model_config = SQLModelConfig(defer_build=True)  # pydantic validates no row: what would is not built
    metadata: ClassVar[MetaData] = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "pk": "pk_%(table_name)s",
        }
    )


class Event(Row, table=True):
    """One thing that happened to a model. Rows are only ever added."""

    __tablename__ = "event"
    __table_args__ = (Index(None, "model", "seq"), Index(None, "cause"), {"sqlite_autoincrement": True})
    seq: int | None = serial()
    id: str = Field(unique=True)
    model: str
    kind: EventKind = word(EventKind, "kind")
    payload: dict[str, Any] = json()
    actor: str
    at: datetime = moment()
    recorded_at: datetime = moment()
    cause: str | None = None
    successor: Successor | None = word(Successor, "successor", optional=True)


class Audit(Row, table=True):
    """One entry of the audit log, written with what it tells of. Rows are only ever added, one after the other from 0 on.

    `body` is the entry: canonical JSON, whose bytes are never made again. `leaf` is its hash in the tree. The other columns say the same as
    the body, for queries; a check holds them against it.
    """

    __tablename__ = "audit_entry"
    seq: int = Field(sa_column=Column(BIG_SERIAL, primary_key=True, autoincrement=False))
    actor: str
    action: str
    subject: str
    at: datetime = moment()
    recorded_at: datetime = moment()
    leaf: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))
    body: bytes = Field(sa_column=Column(LargeBinary(), nullable=False))


class Clock(Row, table=True):
    """The one row that says what time it is, where time is driven."""

    __tablename__ = "clock"
    id: int = Field(default=1, primary_key=True, sa_column_kwargs={"autoincrement": False})
    mode: ClockMode = word(ClockMode, "mode", default=ClockMode.WALL)
    now: datetime | None = moment(optional=True)
    holder: str | None = None
    lease_until: datetime | None = moment(optional=True)


class Lock(Row, table=True):
    """Who holds a name, and when the holder last gave a sign of life."""

    __tablename__ = "lock"
    name: str = Field(primary_key=True)
    id: str = Field(unique=True)
    actor: str
    host: str
    pid: int
    since: datetime = moment()
    heartbeat: datetime = moment()


class Due(Row, table=True):
    """When a flow of a model should next run, in the clock's time."""

    __tablename__ = "due"
    model: str = Field(primary_key=True)
    flow: str = Field(primary_key=True)
    at: datetime = moment()
    reason: str


class Principal(Row, table=True):
    """Someone, or something, that acts."""

    __tablename__ = "principal"
    id: str = identifier()
    name: str = Field(unique=True)
    kind: str
    created_at: datetime = moment()


class Resource(Row, table=True):
    """One resource as it was last applied."""

    __tablename__ = "resource"
    uid: str = Field(primary_key=True)
    address: str = Field(unique=True)
    kind: str
    fingerprint: str
    spec: dict[str, Any] = json()
    applied: dict[str, Any] = json()
    serial: int
    updated_at: datetime = moment()


class Revision(Row, table=True):
    """One apply that ended: the serial of the state, and its digest."""

    __tablename__ = "revision"
    serial: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    digest: str
    actor: str
    at: datetime = moment()


class Operation(Row, table=True):
    """One step of an apply: written as an intent before it is done."""

    __tablename__ = "operation"
    __table_args__ = (Index(None, "apply_id", "position"),)
    id: str = identifier()
    apply_id: str
    position: int
    action: str
    subject: str
    payload: dict[str, Any] = json()
    status: OperationStatus = word(OperationStatus, "status")
    at: datetime = moment()


class Run(Row, table=True):
    """One run of a flow of a model."""

    __tablename__ = "run"
    __table_args__ = (Index(None, "model", "flow", "status"),)
    id: str = identifier()
    model: str
    flow: str
    cause: str | None = None
    as_of: datetime | None = moment(optional=True)
    started_at: datetime = moment()
    ended_at: datetime | None = moment(optional=True)
    status: RunStatus = word(RunStatus, "status", default=RunStatus.RUNNING)
    details: dict[str, Any] = json()


class ModelVersion(Row, table=True):
    """One trained version of a model, by the digests of its parts."""

    __tablename__ = "model_version"
    __table_args__ = (UniqueConstraint("model", "number"),)
    id: str = identifier()
    model: str
    number: int
    run_id: str
    algorithm: str
    format: str
    model_digest: str
    manifest_digest: str
    manifest: dict[str, Any] = json()
    created_at: datetime = moment()


class Alias(Row, table=True):
    """A name for a version, such as champion."""

    __tablename__ = "alias"
    model: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    number: int


class Verdict(Row, table=True):
    """What one gate said about one version, with the numbers that it said it by."""

    __tablename__ = "verdict"
    __table_args__ = (Index(None, "model", "number"),)
    id: str = identifier()
    model: str
    number: int
    run_id: str
    gate: str
    metric: str
    passed: bool
    mode: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    threshold: float | None = None
    n: int | None = None
    reason: str
    data_digest: str | None = None
    at: datetime = moment()
    evidence: dict[str, Any] | None = json(optional=True)
    """How its numbers were made, and what was said of each slice or group."""
    waived: dict[str, Any] | None = json(optional=True)
    """Who lets the version through although the gate failed, why, and until when."""


class Weights(Row, table=True):
    """Which share of the requests each version answers; a change is a new epoch."""

    __tablename__ = "weights"
    model: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    arms: list[dict[str, Any]] = json()
    at: datetime = moment()
    reason: str
    among: dict[str, Any] | None = json(optional=True)
    """Whom the arms are dealt to, as an experiment chooses them: None is everyone."""


class TrafficCount(Row, table=True):
    """How many requests one worker has counted, and how many of them were bad: totals, not differences."""

    __tablename__ = "traffic_count"
    model: str = Field(primary_key=True)
    epoch: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    arm: str = Field(primary_key=True)
    metric: str = Field(primary_key=True)
    worker: str = Field(primary_key=True)
    n: int
    bad: int


class Rollout(Row, table=True):
    """One candidate's way to all of the traffic."""

    __tablename__ = "rollout"
    __table_args__ = (Index(None, "model", "state"),)
    id: str = identifier()
    model: str
    candidate: int
    champion: int | None = None
    state: str
    step: int
    epoch: int
    started_at: datetime = moment()
    step_since: datetime = moment()
    passed: list[Any] = json()
    details: dict[str, Any] = json()


class Prediction(Row, table=True):
    """One answer that was given, as it was journalled; `answer` has what is more than the one number `output`."""

    __tablename__ = "prediction"
    __table_args__ = (Index(None, "model", "seq"), Index(None, "model", "entity", "at"), {"sqlite_autoincrement": True})
    seq: int | None = serial()
    id: str = Field(unique=True)
    model: str
    version: int
    arm: str
    epoch: int
    entity: str
    at: datetime = moment()
    recorded_at: datetime = moment()
    latency_us: int = Field(sa_type=BIG_SERIAL)
    inputs: dict[str, Any] = json()
    output: float | None = None
    error: str | None = None
    unseen: list[str] = json()
    answer: dict[str, float] | None = json(optional=True)


class Outcome(Row, table=True):
    """What turned out to be true of an entity, and since when it is known; an entity that is asked about again has another.

    Of a class `value` is 1, and `label` its name.
    """

    __tablename__ = "outcome"
    __table_args__ = (UniqueConstraint("model", "entity", "known_at"), Index(None, "model", "known_at"), {"sqlite_autoincrement": True})
    id: int | None = serial()
    model: str
    entity: str
    value: float
    known_at: datetime = moment()
    label: str | None = None


class SpoolOffset(Row, table=True):
    """How many bytes of a segment of the journal's spool are in this store."""

    __tablename__ = "spool_offset"
    segment: str = Field(primary_key=True)
    offset: int = Field(sa_type=BIG_SERIAL)


class Window(Row, table=True):
    """One stretch of predictions, and what was measured over it."""

    __tablename__ = "window"
    __table_args__ = (UniqueConstraint("model", "number"),)
    id: str = identifier()
    model: str
    number: int
    first_seq: int = Field(sa_type=BIG_SERIAL)
    last_seq: int = Field(sa_type=BIG_SERIAL)
    start: datetime = moment()
    end: datetime = moment()
    n: int
    version: int | None = None
    drift: dict[str, Any] | None = json(optional=True)
    estimate: dict[str, Any] | None = json(optional=True)
    performance: dict[str, Any] | None = json(optional=True)
    unseen_share: float | None = None


class Alert(Row, table=True):
    """The state of one alert rule."""

    __tablename__ = "alert"
    fingerprint: str = Field(primary_key=True)
    model: str
    rule: str
    state: AlertState = word(AlertState, "state")
    since: datetime = moment()
    window_number: int | None = None
    details: dict[str, Any] = json()


class Outbox(Row, table=True):
    """One message to one channel, until it is delivered or given up; `next_at` is wall time."""

    __tablename__ = "outbox"
    __table_args__ = (Index(None, "status", "next_at"),)
    id: str = identifier()
    channel: str
    message: dict[str, Any] = json()
    status: OutboxStatus = word(OutboxStatus, "status", default=OutboxStatus.PENDING)
    attempts: int = 0
    next_at: datetime = moment()
    last_error: str | None = None
    receipt: str | None = None
    created_at: datetime = moment()
