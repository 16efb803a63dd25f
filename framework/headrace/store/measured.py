"""The tables of experiments' data: which arm each unit saw first, and what business metrics were told of it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, UniqueConstraint
from sqlmodel import Field

from headrace.store.columns import BIG_SERIAL, moment, serial
from headrace.store.tables import Row

__all__ = ["Exposure", "ExposureCursor", "Measure"]


class Measure(Row, table=True):
    """One value of a business metric of one unit, such as an order; `at` is when it happened, `known_at` since when it is known.

    `id` is its teller's, and unique in a model: told twice, it is there once, and of two that say otherwise the first that came holds.
    """

    __tablename__ = "measure"
    __table_args__ = (UniqueConstraint("model", "id"), Index(None, "model", "metric", "unit", "at"), {"sqlite_autoincrement": True})
    seq: int | None = serial()
    model: str
    id: str
    unit: str
    metric: str
    value: float
    at: datetime = moment()
    known_at: datetime = moment()


class Exposure(Row, table=True):
    """The arm that a unit saw first in an experiment, and holds in its analysis; `seq` is the prediction it was seen by.

    `switched` says that the unit was answered by another arm in another epoch, since the shares changed.
    """

    __tablename__ = "exposure"
    __table_args__ = (Index(None, "experiment", "arm", "epoch"),)
    experiment: str = Field(primary_key=True)
    unit: str = Field(primary_key=True)
    model: str
    arm: str
    epoch: int
    seq: int = Field(sa_type=BIG_SERIAL)
    first_at: datetime = moment()
    switched: bool = False


class ExposureCursor(Row, table=True):
    """Up to which prediction an experiment's exposures are there."""

    __tablename__ = "exposure_cursor"
    experiment: str = Field(primary_key=True)
    seq: int = Field(sa_type=BIG_SERIAL)
