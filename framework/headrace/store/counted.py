"""The table of units that a rollout saw fail: each once, whatever its requests."""

from __future__ import annotations

from sqlmodel import Field

from headrace.store.tables import Row

__all__ = ["FailedUnit"]


class FailedUnit(Row, table=True):
    """One unit that failed while a version was on trial, with the epoch and the arm of its first failure; `unit` is a digest."""

    __tablename__ = "failed_unit"
    model: str = Field(primary_key=True)
    candidate: int = Field(primary_key=True, sa_column_kwargs={"autoincrement": False})
    unit: str = Field(primary_key=True)
    epoch: int
    arm: str
