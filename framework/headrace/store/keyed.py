"""The table of API keys: who may ask which models of an environment, for what, until when; of a secret only its digest."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Field

from headrace.store.columns import json, moment
from headrace.store.tables import Row

__all__ = ["ApiKey"]


class ApiKey(Row, table=True):
    """One key. `id` is the part of it that is no secret; `digest` is the SHA-256 of the part that is.

    Every change gives the row a new `serial`, greater than all before it: who has read up to one knows whether anything changed.
    """

    __tablename__ = "api_key"
    id: str = Field(primary_key=True)
    serial: int = Field(unique=True)
    name: str
    digest: str
    models: list[str] | None = json(optional=True)
    """Those that it may ask; None is all."""
    scopes: list[str] | None = json(optional=True)
    """What it may do; None is everything."""
    principal: str | None = None
    """Who votes by it, such as `user:alice@example.com`; nobody does by one that is nobody's."""
    environment: str
    actor: str
    created_at: datetime = moment()
    expires_at: datetime | None = moment(optional=True)
    revoked_at: datetime | None = moment(optional=True)
    replaces: str | None = None
    """The key that it was made in place of."""
    used_at: datetime | None = moment(optional=True)
    """When it was last used, to about a minute."""
