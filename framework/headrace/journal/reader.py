"""What is in the journal, as frames: predictions, predictions with what turned out, and how many answers have arrived."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson
from sqlalchemy import Select, String, Table, Text, cast, exists, func, select, type_coerce
from sqlmodel import Session

from headrace.store.tables import Row

if TYPE_CHECKING:
    import pandas as pd

_PREDICTION: Table = Row.metadata.tables["prediction"]
_OUTCOME: Table = Row.metadata.tables["outcome"]
_COLUMNS = ("seq", "id", "version", "arm", "entity", "at", "output", "error", "unseen", "inputs")
_LABELS = ("value", "known_at")


def predictions(session: Session, model: str, after_seq: int = 0, limit: int | None = None) -> pd.DataFrame:
    """The predictions of a model after a `seq`, in its order; at most `limit` of them.

    Columns: seq, id, version, arm, entity, at (UTC), output (NaN where there was an error), error, unseen (lists of inputs' names),
    inputs (dicts; `inputs` makes columns of them).
    """
    p = _PREDICTION.c
    query = select(*_raw(_PREDICTION, _COLUMNS)).where(p.model == model, p.seq > after_seq).order_by(p.seq).limit(limit)
    return _frame(session, query, _COLUMNS)


def labelled(session: Session, model: str, known_by: datetime, after_seq: int = 0) -> pd.DataFrame:
    """The predictions of a model made by then whose entity's outcome was known by then, in the order of `seq`.

    Of an entity the first prediction that gave an answer counts, wherever it lies; `after_seq` then chooses among those.
    Columns: those of `predictions`, value (the outcome), known_at (UTC).
    """
    p, o, first = _PREDICTION.c, _OUTCOME.c, _PREDICTION.alias("first")
    earlier = exists().where(
        first.c.model == p.model,
        first.c.entity == p.entity,
        first.c.seq < p.seq,
        first.c.error.is_(None),
        first.c.output.is_not(None),
    )
    query = (
        select(*_raw(_PREDICTION, _COLUMNS), *_raw(_OUTCOME, _LABELS))
        .join_from(_PREDICTION, _OUTCOME, (o.model == p.model) & (o.entity == p.entity))
        .where(p.model == model, p.seq > after_seq, p.at <= known_by, o.known_at <= known_by)
        .where(p.error.is_(None), p.output.is_not(None), ~earlier)
        .order_by(p.seq)
    )
    return _frame(session, query, (*_COLUMNS, *_LABELS))


def new_labels(session: Session, model: str, since: datetime, by: datetime) -> int:
    """How many outcomes of entities that the model has answered became known after `since`, up to and with `by`."""
    p, o = _PREDICTION.c, _OUTCOME.c
    answered = exists().where(p.model == o.model, p.entity == o.entity)
    query = select(func.count()).select_from(_OUTCOME).where(o.model == model, o.known_at > since, o.known_at <= by, answered)
    return int(session.connection().execute(query).scalar_one())


def inputs(frame: pd.DataFrame) -> pd.DataFrame:
    """The inputs of a frame of predictions, a column each, with the frame's index; what a request did not carry is missing."""
    import pandas as pd

    rows: list[dict[str, Any]] = frame["inputs"].tolist()
    names = dict.fromkeys(name for row in rows for name in row)
    return pd.DataFrame({name: [row.get(name) for row in rows] for name in names}, index=frame.index)


def _raw(table: Table, names: Sequence[str]) -> list[Any]:
    """Columns as the driver gives them: decoding a hundred thousand rows is done a column at a time, in `_frame`."""
    made = {"at": _moment, "known_at": _moment, "inputs": _text, "unseen": _text}
    return [made[name](table.c[name]) if name in made else table.c[name] for name in names]


def _moment(column: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    return type_coerce(column, String).label(column.name)


def _text(column: Any) -> Any:  # noqa: ANN401 - SQLAlchemy's columns
    return cast(column, Text).label(column.name)


def _frame(session: Session, query: Select[Any], names: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    rows = session.connection().execute(query).all()
    columns: dict[str, Any] = dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))
    for name in ("inputs", "unseen"):
        columns[name] = pd.Series(orjson.loads(f"[{','.join(columns[name])}]"), dtype=object)
    for name in {"at", "known_at"} & set(names):
        columns[name] = pd.to_datetime(pd.Series(columns[name], dtype=object), utc=True, format="ISO8601")
    for name in {"output", "value"} & set(names):
        columns[name] = pd.array(columns[name], dtype="Float64").to_numpy(dtype="float64", na_value=float("nan"))
    frame = pd.DataFrame(columns)
    return frame.astype({"seq": "int64", "version": "int64"})
