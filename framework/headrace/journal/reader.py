"""What the journal holds, each request once and with its own outcome: for windows, for training rows, and for counting new labels.

A request is a prediction that gave an answer; a client that tries again after it was answered makes a repetition (the same entity,
moment and answer), which is none, and neither is what a shadow answered (see `mirrored`). An outcome belongs to the last request about
its entity made at or before it was known, and of the outcomes after a request only the first is its own: an entity that is asked about
again has another answer of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import ColumnElement, FromClause, Select, String, Text, and_, cast, exists, func, select, type_coerce
from sqlmodel import Session

from headrace.journal.mirrored import SHADOW
from headrace.store.tables import Row

if TYPE_CHECKING:
    import pandas as pd

_PREDICTION: FromClause = Row.metadata.tables["prediction"]
_OUTCOME: FromClause = Row.metadata.tables["outcome"]
_COLUMNS = ("seq", "id", "version", "arm", "entity", "at", "output", "unseen", "inputs", "answer")
_LABELS = ("value", "known_at", "label")
_EVER = datetime.max.replace(tzinfo=UTC)
_JSON = ("inputs", "unseen", "answer")


def requests(session: Session, model: str, after_seq: int, limit: int) -> pd.DataFrame:
    """The requests of a model after a `seq`, in the journal's order; at most `limit` of them.

    Columns: seq, id, version, arm, entity, at (UTC), output, unseen (lists of inputs' names), inputs (dicts), answer (dicts, None where
    an answer is one number).
    """
    p = _PREDICTION.c
    query = select(*_raw(_PREDICTION, _COLUMNS)).where(p.model == model, p.seq > after_seq, _counts()).order_by(p.seq).limit(limit)
    return _frame(session, query, _COLUMNS)


def outcomes(
    session: Session, model: str, first_seq: int, last_seq: int, known_by: datetime
) -> list[tuple[int, float | dict[str, float], float | str | None]]:
    """Of each request from one `seq` to another: the version, its answer (by class or level, where it is several numbers), and the
    outcome where it was known by then: a number, or the label of a class.
    """  # noqa: D205 - one list, one sentence
    p, about = _PREDICTION.c, _PREDICTION.alias("about")
    here = p.seq.between(first_seq, last_seq)
    # By entity first: of a long journal only the outcomes of these few are looked at.
    few = select(about.c.entity).where(about.c.model == model, about.c.seq.between(first_seq, last_seq))
    pairs = _pairs((p.seq, _OUTCOME.c.value, _OUTCOME.c.label), model, known_by).where(here, _OUTCOME.c.entity.in_(few))
    known = {seq: value if label is None else label for seq, value, label in session.connection().execute(pairs).tuples()}
    columns = (p.seq, p.version, p.output, _text(p.answer))
    rows = select(*columns).where(p.model == model, here, _counts()).order_by(p.seq)
    return [
        (version, output if answer is None else orjson.loads(answer), known.get(seq))
        for seq, version, output, answer in session.connection().execute(rows)
    ]


def labelled(session: Session, model: str, known_by: datetime) -> pd.DataFrame:
    """The requests of a model whose outcome was known by then, in the journal's order.

    Columns: those of `requests`, value (the outcome), known_at (UTC), label (of an outcome that is a class).
    """
    columns = (*_raw(_PREDICTION, _COLUMNS), *_raw(_OUTCOME, _LABELS))
    return _frame(session, _pairs(columns, model, known_by).order_by(_PREDICTION.c.seq), (*_COLUMNS, *_LABELS))


def new_labels(session: Session, model: str, since: datetime, by: datetime) -> int:
    """How many requests had their outcome known after `since`, up to and with `by`."""
    query = _pairs((func.count(),), model, by).where(_OUTCOME.c.known_at > since)
    return int(session.connection().execute(query).scalar_one())


def labelled_counts(session: Session, model: str) -> list[tuple[tuple[int, int, str], int, datetime]]:
    """How many requests of each version, epoch and arm have their outcome, and when the first of these was known."""
    p, o = _PREDICTION.c, _OUTCOME.c
    by = (p.version, p.epoch, p.arm)
    query = _pairs((*by, func.count(), func.min(o.known_at)), model, _EVER).group_by(*by).order_by(*by)
    return [((version, epoch, arm), n, first) for version, epoch, arm, n, first in session.connection().execute(query).tuples()]


def outcome_of(session: Session, model: str, seq: int) -> tuple[float | str, datetime] | None:
    """The outcome that is one request's own: a number or the label of a class, and when it was known; None where it is not known yet."""
    o, about = _OUTCOME.c, _PREDICTION.alias("about")
    entity = select(about.c.entity).where(about.c.seq == seq)
    query = _pairs((o.value, o.label, o.known_at), model, _EVER).where(_PREDICTION.c.seq == seq, o.entity.in_(entity))
    row = session.connection().execute(query).first()
    return None if row is None else (row[0] if row[1] is None else row[1], row[2])


def paired(columns: Sequence[Any], model: str, known_by: datetime) -> Select[Any]:
    """Columns of the tables `prediction` and `outcome`, of the requests whose outcome was known by then, as a query to go on with."""
    return _pairs(columns, model, known_by)


def _pairs(columns: Sequence[Any], model: str, known_by: datetime) -> Select[Any]:
    """Columns of the requests and outcomes that belong together, as far as they were known by then."""
    p, o, last, sooner = _PREDICTION.c, _OUTCOME.c, _PREDICTION.alias("last"), _OUTCOME.alias("sooner")
    # Of requests of one moment the first: a repetition is none.
    asked = (
        select(last.c.seq)
        .where(last.c.model == o.model, last.c.entity == o.entity, last.c.at <= o.known_at, _answered(last))
        .order_by(last.c.at.desc(), last.c.seq)
        .limit(1)
        .correlate(_OUTCOME)
        .scalar_subquery()
    )
    taken = exists().where(
        sooner.c.model == o.model, sooner.c.entity == o.entity, sooner.c.known_at >= p.at, sooner.c.known_at < o.known_at
    )
    return select(*columns).join_from(_OUTCOME, _PREDICTION, p.seq == asked).where(o.model == model, o.known_at <= known_by, ~taken)


def _answered(prediction: FromClause) -> ColumnElement[bool]:
    return and_(prediction.c.error.is_(None), prediction.c.output.is_not(None), prediction.c.arm != SHADOW)


def _counts() -> ColumnElement[bool]:
    """Answered, and no repetition."""
    p, before = _PREDICTION.c, _PREDICTION.alias("before")
    repeated = exists().where(
        before.c.model == p.model,
        before.c.entity == p.entity,
        before.c.at == p.at,
        before.c.output == p.output,
        before.c.error.is_(None),
        before.c.arm != SHADOW,
        before.c.seq < p.seq,
    )
    return and_(_answered(_PREDICTION), ~repeated)


def _raw(table: FromClause, names: Sequence[str]) -> list[Any]:
    """Columns as the driver gives them: decoding a hundred thousand rows is done a column at a time, in `_frame`."""
    made = {"at": _moment, "known_at": _moment, **dict.fromkeys(_JSON, _text)}
    return [made[name](table.c[name]) if name in made else table.c[name] for name in names]


def _moment(column: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    return type_coerce(column, String).label(column.name)


def _text(column: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    return cast(column, Text).label(column.name)


def _frame(session: Session, query: Select[Any], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    rows = session.connection().execute(query).all()
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    for name in _JSON:
        columns[name] = pd.Series(orjson.loads(f"[{','.join(item or 'null' for item in columns[name])}]"), dtype=object)
    for name in {"at", "known_at"} & set(names):
        columns[name] = pd.to_datetime(pd.Series(columns[name], dtype=object), utc=True, format="ISO8601")
    if "label" in names:
        columns["label"] = pd.Series(columns["label"], dtype=object)
    kinds = {"seq": "int64", "version": "int64", "output": "float64", "value": "float64"}
    return pd.DataFrame(columns).astype({name: kind for name, kind in kinds.items() if name in columns})
