"""What a shadow answered, beside what the caller got: rows of the journal that stand for no request, found by the ids of those that do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlmodel import Session

from headrace.store.tables import Row

SHADOW = "shadow"
"""The arm of what a shadow answered: nobody got it, so it is none of a window's requests, of training's rows, of a rollout's counts."""
_SUFFIX = ".shadow"


def mirrored_id(id: str) -> str:  # noqa: A002 - a journalled prediction's id
    """The id of what a shadow answered to a request, from that of the answer that was given."""
    return id + _SUFFIX


def mirrored(ids: ColumnElement[str]) -> ColumnElement[str]:
    """Likewise of a column of ids."""
    return ids + _SUFFIX


@dataclass(frozen=True, slots=True)
class Pair:
    """One row, as it was answered and as the shadow answered it; an output is None where there is an error."""

    id: str
    at: datetime
    entity: str
    version: int
    output: float | None
    error: str | None
    shadow_version: int
    shadow_output: float | None
    shadow_error: str | None


def pairs(session: Session, model: str, *, shadow: int | None = None) -> Iterator[Pair]:
    """Each row that a shadow was asked, too, oldest first; of one version of it, where that is named."""
    table = Row.metadata.tables["prediction"]
    given, other = table.alias("given"), table.alias("other")
    columns = (given.c.id, given.c.at, given.c.entity, given.c.version, given.c.output, given.c.error)
    query = (
        select(*columns, other.c.version, other.c.output, other.c.error)
        .join_from(other, given, other.c.id == mirrored(given.c.id))
        .where(other.c.model == model, given.c.model == model, other.c.arm == SHADOW)
        .order_by(other.c.seq)
    )
    if shadow is not None:
        query = query.where(other.c.version == shadow)
    return (Pair(*row) for row in session.connection().execute(query).tuples())
