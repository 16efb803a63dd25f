"""The tables of feature views over time: every definition that was applied, and the values that were kept under one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import UniqueConstraint

from headrace.store.columns import identifier, json, moment
from headrace.store.tables import Row

__all__ = ["FeatureValues", "FeatureVersion"]


class FeatureVersion(Row, table=True):
    """One definition of a view, numbered from 1 in the order of applies. Rows are only ever added: the database refuses anything else."""

    __tablename__ = "feature_version"
    __table_args__ = (UniqueConstraint("view", "number"),)
    id: str = identifier()
    view: str
    number: int
    digest: str
    definition: dict[str, Any] = json()
    description: str
    actor: str
    at: datetime = moment()


class FeatureValues(Row, table=True):
    """Values that were kept under a definition: a Parquet blob, never changed. Rows are only ever added."""

    __tablename__ = "feature_values"
    __table_args__ = (UniqueConstraint("version_id", "number"),)
    id: str = identifier()
    version_id: str
    number: int
    digest: str
    rows: int
    told: dict[str, Any] = json()
    actor: str
    at: datetime = moment()
