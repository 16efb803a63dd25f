"""The table of flags that are in force: each as it was last applied, and who changed it when."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field

from headrace.store.columns import json, moment
from headrace.store.tables import Row

__all__ = ["Flag"]


class Flag(Row, table=True):
    """One flag; servers answer by this row, and `digest` is that of its `config`."""

    __tablename__ = "flag"
    name: str = Field(primary_key=True)
    salt: str
    """What its shares are dealt by, beside the unit: the name that it had first, so that another name deals nobody anew."""
    config: dict[str, Any] = json()
    digest: str
    actor: str
    changed_at: datetime = moment()
