"""Computed features as they were known at given moments: one query a view, its plan chosen by how many pairs it would make."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from headrace.compiled import ViewConfig
from headrace.diagnostics import Diagnostic, Exit, HeadraceError
from headrace.features.checks.checked import HIDDEN
from headrace.features.engine import Origins, column_types, engine, engine_errors, relation
from headrace.features.sql import DUCKDB, ENTITY, LINE, MOMENT, Plan, columns, identity, values
from headrace.features.sql.relation import oldest
from headrace.features.sql.values import closure
from headrace.features.sql.word import name

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

PAIRS = 50
"""How many times more pairs than events and lines together a join may make before walking is the better bargain.

A pair takes some hundredth of the time that a row of a walk takes; a walk is as fast however uneven entities are.
"""
_SPINE = "asked"


class _Asked(Protocol):
    """An input of a model, as flows and servers are told of it."""

    @property
    def name(self) -> str: ...
    @property
    def view(self) -> str | None: ...


def of_views(inputs: Iterable[_Asked]) -> dict[str, list[str]]:
    """The inputs that views compute, by view."""
    found: dict[str, list[str]] = {}
    for item in inputs:
        if item.view is not None:
            found.setdefault(item.view, []).append(item.name)
    return found


def joined(origins: Origins, views: Mapping[str, ViewConfig], *, wanted: Mapping[str, Sequence[str]], spine: pd.DataFrame) -> pd.DataFrame:
    """The wanted features of each view (by view, their names) as they were known of each line of the spine, in its order.

    `spine` has two columns: the entity as text, and the moment (UTC). Numbers are float64 with NaN, texts None where there is none.
    HeadraceError: those of `read_source`, `unknown-view`, and `features-failed` where the engine cannot go on.
    """
    import numpy as np
    import pandas as pd

    found = pd.DataFrame(index=spine.index)
    for view, names in wanted.items():
        if view not in views:
            fault = Diagnostic("unknown-view", f"there is no feature_view/{view} in flows/headrace.json", help="type `headrace compile`")
            raise HeadraceError(fault, Exit.FAILED)
        table = _of_view(origins, view, views[view], names, spine)
        for word in names:
            number = views[view].features[word].type == "number"
            told = table[word].to_numpy(dtype="float64", na_value=float("nan")) if number else table[word].to_numpy(dtype=object)
            if number and (beyond := np.isinf(told)).any():
                entity, moment = spine.iloc[int(beyond.argmax())]
                entity = HIDDEN if views[view].entity in origins.sources[views[view].source].personal else entity
                message = f"feature_view/{view}: `{word}` of {entity} at {moment:%Y-%m-%d %H:%M} is beyond what a number holds"
                raise HeadraceError(Diagnostic("features-failed", message, help="look for the values in its source"))
            found[word] = pd.Series(told, index=spine.index, dtype="float64" if number else object)
    return found


def _of_view(origins: Origins, named: str, view: ViewConfig, wanted: Sequence[str], spine: pd.DataFrame) -> pd.DataFrame:
    types = column_types(origins.sources[view.source])
    with engine(origins.root) as con:
        read = sorted({*columns(view), view.entity, view.time, *([view.available_at] if view.available_at else [])})
        source = relation(con, origins, view.source, read)
        con.register(_SPINE, _lines(spine))
        entity = f"TRY_CAST({name('entity')} AS {identity(view, types)})"
        asked = f"SELECT {name('line')} AS {name(LINE)}, {entity} AS {name(ENTITY)}, {name('moment')} AS {name(MOMENT)} FROM {_SPINE}"
        try:
            plan = _plan(con, view, wanted, source, identity(view, types))
            query = values(view, wanted, spine=asked, source=source, types=types, dialect=DUCKDB, plan=plan)
            answers: pd.DataFrame = con.sql(query).df()
        except engine_errors() as error:
            said = str(error).splitlines()[0]
            raise HeadraceError(Diagnostic("features-failed", f"feature_view/{named} could not be computed: {said}")) from error
    if len(answers) != len(spine) or not (answers[LINE].to_numpy() == range(len(spine))).all():
        message = f"feature_view/{named} gave {len(answers):,} rows for {len(spine):,} of the model's: one each is wanted"
        raise HeadraceError(Diagnostic("features-failed", message))
    return answers


def _lines(spine: pd.DataFrame) -> Any:  # noqa: ANN401 - an Arrow table
    import pyarrow as pa

    entity, moment = spine.iloc[:, 0], spine.iloc[:, 1]
    at = moment.dt.tz_convert("UTC").dt.as_unit("us").astype("int64")
    return pa.table(
        {"line": pa.array(range(len(spine)), pa.int64()), "entity": pa.array(entity, pa.string()), "moment": pa.array(at, pa.int64())}
    )


def _plan(con: duckdb.DuckDBPyConnection, view: ViewConfig, wanted: Sequence[str], source: str, kind: str) -> Plan:
    """Walk where a join would make many more pairs than there are events and lines: entities with many events, and wide windows."""
    ages = [oldest(view, view.features[word]) for word in closure(view, wanted) if view.features[word].kind != "expression"]
    widest = max((age for age in ages if age is not None), default=0)
    if not widest or view.available_at is not None:
        return "join"
    entity, time = name(view.entity), name(view.time)
    lines = f"SELECT TRY_CAST({name('entity')} AS {kind}) AS k, COUNT(*) AS n FROM {_SPINE} GROUP BY 1"
    ((most,),) = con.execute(f"SELECT COALESCE(MAX(n), 0) FROM ({lines})").fetchall()
    if most <= PAIRS:  # an event meets no more lines than its entity has: the events need not be counted
        return "join"
    ((pairs, size),) = con.execute(
        f"WITH e AS (SELECT CAST({entity} AS {kind}) AS k, COUNT(*) AS n, epoch_us(MIN({time})) AS first, epoch_us(MAX({time})) AS last"
        f" FROM {source} GROUP BY 1), s AS ({lines})"
        f" SELECT COALESCE(SUM(e.n * s.n * LEAST(1.0, {float(widest)!r} / GREATEST(e.last - e.first, 1))), 0.0),"
        f" (SELECT COALESCE(SUM(n), 0) FROM e) + (SELECT COALESCE(SUM(n), 0) FROM s) FROM e JOIN s ON e.k = s.k"
    ).fetchall()
    return "window" if float(pairs) > PAIRS * float(size) else "join"
