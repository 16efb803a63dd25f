"""What the journal holds of a rollout's epochs: answers of both arms, those with their outcome, and answers that a shadow gave, too.

Each request once, for the arm that it was assigned to: what the champion answered in a failing candidate's stead is none of its share.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from sqlalchemy import ColumnElement, case, exists, func, select
from sqlmodel import Session

from headrace.journal.mirrored import SHADOW, mirrored
from headrace.journal.reader import OUTCOME, PREDICTION, counts, paired, text


class Counted(NamedTuple):
    """How many rows of one arm in one epoch, and how many of them were of the kind that is asked for."""

    epoch: int
    arm: str
    n: int
    hits: int


class Known(NamedTuple):
    """One answer and what turned out to be true: a number, or the label of a class."""

    epoch: int
    arm: str
    version: int
    answer: float | dict[str, float]
    outcome: float | str


def at_least(session: Session, model: str, epochs: Sequence[int], limit: float) -> list[Counted]:
    """Requests that were answered, and the answers of `limit` or more among them, by epoch and arm."""
    p = PREDICTION.c
    hits = func.sum(case((p.output >= limit, 1), else_=0))
    here = (p.model == model, p.epoch.in_(epochs), counts(), ~_stands_in())
    query = select(p.epoch, p.arm, func.count(), hits).where(*here).group_by(p.epoch, p.arm).order_by(p.epoch, p.arm)
    return [Counted(epoch, arm, int(n), int(found)) for epoch, arm, n, found in session.connection().execute(query).tuples()]


def units(session: Session, model: str, epochs: Sequence[int]) -> tuple[list[Counted], list[Counted]]:
    """How many entities each arm was asked about: in each epoch, and in the first epoch in which that arm was asked about them.

    By the first there are more of those that come again, and by the second each counts once an arm. `hits` are 0.
    """
    p = PREDICTION.c
    here = (p.model == model, p.epoch.in_(epochs), p.arm != SHADOW, ~_stands_in())
    each = select(p.epoch, p.arm, func.count(p.entity.distinct())).where(*here).group_by(p.epoch, p.arm)
    first = select(func.min(p.epoch).label("epoch"), p.arm).where(*here).group_by(p.arm, p.entity).subquery()
    once = select(first.c.epoch, first.c.arm, func.count()).group_by(first.c.epoch, first.c.arm)
    there, new = ([Counted(e, arm, int(n), 0) for e, arm, n in session.connection().execute(query).tuples()] for query in (each, once))
    return there, new


def known(session: Session, model: str, epochs: Sequence[int], *, asked_by: datetime, known_by: datetime) -> list[Known]:
    """The requests asked by one moment whose outcome was known by another, each with the outcome that is its own, as in `reader`."""
    p, o = PREDICTION.c, OUTCOME.c
    columns = (p.epoch, p.arm, p.version, p.output, text(p.answer), o.value, o.label)
    here = (p.model == model, p.epoch.in_(epochs), p.at <= asked_by, ~_stands_in())
    rows = session.connection().execute(paired(columns, model, known_by).where(*here).order_by(p.seq)).tuples()
    return [
        Known(epoch, arm, version, output if answer is None else orjson.loads(answer), value if label is None else label)
        for epoch, arm, version, output, answer, value, label in rows
    ]


def apart(session: Session, model: str, epochs: Sequence[int], *, arm: str, shadow: int, limit: float) -> tuple[int, int]:
    """How many requests an arm answered that a version was asked, too, and how many of them it answered further apart than `limit`.

    Where it failed, it answered otherwise.
    """
    given, other = PREDICTION.alias("given"), PREDICTION.alias("other")
    differs = case((other.c.output.is_(None), 1), (func.abs(given.c.output - other.c.output) > limit, 1), else_=0)
    query = (
        select(func.count(), func.sum(differs))
        .join_from(other, given, other.c.id == mirrored(given.c.id))
        .where(other.c.model == model, other.c.arm == SHADOW, other.c.version == shadow)
        .where(given.c.model == model, given.c.arm == arm, given.c.epoch.in_(epochs), given.c.output.is_not(None))
    )
    n, found = session.connection().execute(query).one()
    return int(n), int(found or 0)


def _stands_in() -> ColumnElement[bool]:
    """Whether the champion answered in the stead of a candidate that failed on the same row."""
    p, failed = PREDICTION.c, PREDICTION.alias("failed")
    same = (failed.c.model == p.model, failed.c.entity == p.entity, failed.c.at == p.at, failed.c.epoch == p.epoch)
    return exists().where(*same, failed.c.arm != p.arm, failed.c.arm != SHADOW, failed.c.error.is_not(None))
