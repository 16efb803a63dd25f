"""Every plan gives what a plain walk over the events gives: for any events, moments, windows and edges."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import stdev
from typing import Any

import duckdb
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.compiled import FeatureConfig, ViewConfig
from headrace.features.sql import DIALECTS, DUCKDB, PORTABLE, values
from headrace.spec.expression import parse

EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
TYPES = {
    "shop": "category",
    "at": "timestamp",
    "arrived": "timestamp",
    "amount": "float",
    "pieces": "int64",
    "kind": "category",
    "order": "int64",
}


@dataclass(frozen=True)
class Event:
    """One row of the source; `at` and `arrived` in seconds since the epoch."""

    shop: str
    at: int
    arrived: int | None
    amount: float | None
    pieces: int | None
    kind: str | None
    order: int | None


def feature(kind: Any, of: str | None = None, **given: Any) -> FeatureConfig:
    whole = {"over_seconds": None, "where": None, "empty": None, "expires_seconds": None, "type": "number"} | given
    return FeatureConfig(kind=kind, of=of, **whole)


def view(features: dict[str, FeatureConfig], **given: Any) -> ViewConfig:
    whole = {
        "source": "sales",
        "entity": "shop",
        "time": "at",
        "available_at": None,
        "available_after_seconds": 0,
        "late_seconds": None,
        "window_edges": "(t-w, t]",
        "tie_break": (),
    } | given
    return ViewConfig(features=features, **whole)


def known(v: ViewConfig, f: FeatureConfig, found: list[Event], shop: str, t: int) -> list[Event]:
    """The events that a feature may read at `t`, oldest first, those of one time in the order that makes the newest."""
    kept = []
    for e in found:
        if e.shop != shop or (v.available_at is not None and e.arrived is None):
            continue
        readable = e.at + v.available_after_seconds
        if v.available_at is not None and e.arrived is not None:
            if v.late_seconds is not None and e.arrived - readable > v.late_seconds:
                continue
            readable = max(readable, e.arrived)
        closed = v.window_edges == "(t-w, t]"
        end = t - f.ago_seconds
        if readable > t or e.at > end or (not closed and e.at >= end):
            continue
        age = end - e.at
        if f.over_seconds is not None and (age >= f.over_seconds if closed else age > f.over_seconds):
            continue
        if f.expires_seconds is not None and age > f.expires_seconds:
            continue
        if f.where is not None and parse(f.where, texts=True).evaluate(vars_of(e)) is not True:
            continue
        kept.append(e)

    def key(e: Event) -> tuple[Any, ...]:
        parts = [getattr(e, column) for column in (*v.tie_break, f.of or "shop")]
        return (e.at, *((part is not None, part if part is not None else 0) for part in parts))

    return sorted(kept, key=key) if f.kind in ("last", "column") else kept


def vars_of(e: Event) -> dict[str, Any]:
    return {"amount": e.amount, "pieces": e.pieces, "kind": e.kind}


def plainly(v: ViewConfig, f: FeatureConfig, found: list[Event], shop: str, t: int) -> float | str | None:  # noqa: C901 - an arm a kind
    """The value of a feature, by the definition."""
    events = known(v, f, found, shop, t)
    held = [value for e in events if (value := getattr(e, f.of)) is not None] if f.of in TYPES else []
    answer: float | str | None
    match f.kind:
        case "count":
            answer = float(len(held) if f.of else len(events))
        case "distinct":
            answer = float(len(set(held)))
        case "sum":
            answer = math.fsum(held) if held else None
        case "mean":
            answer = math.fsum(held) / len(held) if held else None
        case "min":
            answer = min(held, default=None)
        case "max":
            answer = max(held, default=None)
        case "std":
            answer = stdev(held) if len(held) > 1 else None
        case "ratio":
            wanted = parse(f.of or "", texts=True)
            answer = sum(wanted.evaluate(vars_of(e)) is True for e in events) / len(events) if events else None
        case "last":
            answer = held[-1 - f.back] if len(held) > f.back else None
        case "column":
            answer = getattr(events[-1], f.of or "") if events else None
        case "since":
            answer = (t - max(held)) / 86400 if held else None
        case _:
            raise AssertionError(f.kind)
    return f.empty if answer is None and f.empty is not None else answer


def table(found: list[Event]) -> pd.DataFrame:
    def moments(seconds: list[int | None]) -> Any:
        return (
            pd.to_datetime([None if s is None else EPOCH + timedelta(seconds=s) for s in seconds], utc=True).tz_localize(None).as_unit("us")
        )

    return pd.DataFrame(
        {
            "shop": pd.Series([e.shop for e in found], dtype=object),
            "at": moments([e.at for e in found]),
            "arrived": moments([e.arrived for e in found]),
            "amount": pd.Series([e.amount for e in found], dtype="Float64"),
            "pieces": pd.Series([e.pieces for e in found], dtype="Int64"),
            "kind": pd.Series([e.kind for e in found], dtype=object),
            "order": pd.Series([e.order for e in found], dtype="Int64"),
        }
    )


START = int(EPOCH.timestamp())


def asked(v: ViewConfig, found: list[Event], lines: list[tuple[str, int]], dialect: Any, plan: Any) -> list[tuple[Any, ...]]:
    with duckdb.connect() as con:
        con.register("sales", table(found))
        spine = pd.DataFrame(
            {"line": range(len(lines)), "shop": pd.Series([s for s, _ in lines], dtype=object), "t": [START + t for _, t in lines]}
        )
        con.register("asked", spine)
        query = values(v, list(v.features), spine=SPINE, source="sales", types=TYPES, dialect=dialect, plan=plan)
        return con.execute(query).fetchall()


SPINE = 'SELECT line AS "__line", CAST(shop AS VARCHAR) AS "__entity", CAST(t AS BIGINT) * 1000000 AS "__moment" FROM asked'


def on_postgresql(con: Any, v: ViewConfig, found: list[Event], lines: list[tuple[str, int]]) -> list[tuple[Any, ...]]:
    """The same, asked of a PostgreSQL server in its own words."""
    import sqlglot

    moment = "to_timestamp(%s) AT TIME ZONE 'UTC'"
    con.execute("DROP TABLE IF EXISTS sales, asked")
    con.execute(
        'CREATE TABLE sales (shop text, "at" timestamp, arrived timestamp, amount float8, pieces bigint, kind text, "order" bigint)'
    )
    con.execute("CREATE TABLE asked (line bigint, shop text, t bigint)")
    for e in found:
        arrived = None if e.arrived is None else START + e.arrived
        row = (e.shop, START + e.at, arrived, e.amount, e.pieces, e.kind, e.order)
        con.execute(f"INSERT INTO sales VALUES (%s, {moment}, {moment}, %s, %s, %s, %s)", row)  # noqa: S608 - a constant
    for line, (shop, t) in enumerate(lines):
        con.execute("INSERT INTO asked VALUES (%s, %s, %s)", (line, shop, START + t))
    query = values(v, list(v.features), spine=SPINE, source="sales", types=TYPES, dialect=DIALECTS["postgres"])
    (told,) = sqlglot.transpile(query, read="duckdb", write="postgres")
    return con.execute(told).fetchall()


seconds = st.integers(0, 60)
events = st.builds(
    Event,
    shop=st.sampled_from("ab"),
    at=seconds,
    arrived=st.none() | seconds,
    amount=st.none() | st.integers(-8, 8).map(lambda n: n / 4),
    pieces=st.none() | st.integers(-3, 3),
    kind=st.none() | st.sampled_from(["x", "y", "Z", "é"]),
    order=st.none() | st.integers(0, 2),
)
wheres = st.sampled_from([None, "amount > 0", "kind == 'x' or pieces >= 1", "not kind == 'y'", "kind != 'x' and amount <= 0.5"])
spans = st.integers(1, 30)
agos = st.sampled_from([0, 0, 1, 5, 20])
aggregates = st.one_of(
    st.builds(
        lambda kind, of, over, where, empty, ago: feature(kind, of, over_seconds=over, where=where, empty=empty, ago_seconds=ago),
        st.sampled_from(["sum", "mean", "min", "max", "std"]),
        st.sampled_from(["amount", "pieces"]),
        spans,
        wheres,
        st.sampled_from([None, 0.0]),
        agos,
    ),
    st.builds(
        lambda of, over, where: feature("count", of, over_seconds=over, where=where),
        st.sampled_from([None, "amount", "kind"]),
        spans,
        wheres,
    ),
    st.builds(lambda over, where, ago: feature("distinct", "kind", over_seconds=over, where=where, ago_seconds=ago), spans, wheres, agos),
    st.builds(lambda over, where: feature("ratio", "amount > 0", over_seconds=over, where=where), spans, wheres),
    st.builds(
        lambda kind, of, over, expires, where, back, ago: feature(
            kind,
            of,
            over_seconds=over,
            expires_seconds=expires,
            where=where,
            type="category" if of == "kind" else "number",
            back=back if kind == "last" else 0,
            ago_seconds=ago if kind == "last" else 0,
        ),
        st.sampled_from(["last", "column"]),
        st.sampled_from(["kind", "pieces"]),
        st.none() | spans,
        st.none() | spans,
        wheres,
        st.sampled_from([0, 0, 1, 2]),
        agos,
    ),
    st.builds(lambda expires: feature("since", "at", expires_seconds=expires), st.none() | spans),
)
views = st.builds(
    lambda features, arrival, after, late, edges, ties: view(
        {f"f{i}": f for i, f in enumerate(features)},
        available_at="arrived" if arrival else None,
        available_after_seconds=after,
        late_seconds=late,
        window_edges=edges,
        tie_break=ties,
    ),
    st.lists(aggregates, min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([0, 0, 4]),
    st.none() | st.integers(0, 20),
    st.sampled_from(["(t-w, t]", "[t-w, t)"]),
    st.sampled_from([(), ("order",)]),
)


@pytest.mark.parametrize(
    ("dialect", "plan"), [(DUCKDB, "join"), (DUCKDB, "window"), (PORTABLE, "join")], ids=["join", "window", "portable"]
)
@given(v=views, found=st.lists(events, max_size=25), lines=st.lists(st.tuples(st.sampled_from("abc"), seconds), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_plan_gives_what_a_plain_walk_over_the_events_gives(
    dialect: Any, plan: Any, v: ViewConfig, found: list[Event], lines: list[tuple[str, int]]
) -> None:
    """Whatever is asked, one answer a line, in the order of the lines."""
    agree(v, found, lines, asked(v, found, lines, dialect, plan))


@pytest.mark.parametrize(("dialect", "plan"), [(DUCKDB, "join"), (DUCKDB, "window"), (PORTABLE, "join")])
@pytest.mark.parametrize("arrival", [None, "arrived"])
@pytest.mark.parametrize(("edges", "expected"), [("(t-w, t]", (2.0, 3.0, 2.0, 2.0)), ("[t-w, t)", (1.0, 4.0, 1.0, 1.0))])
def test_a_window_of_before_has_the_edges_of_one_of_now(dialect: Any, plan: Any, arrival: str | None, edges: str, expected: Any) -> None:
    """Asked at 15 of 5 s before; what is known at 12 of what was at 9 counts, and what is known at 16 does not."""
    found = [Event("a", at, max(at, 12), None, pieces, None, None) for at, pieces in ((6, 4), (7, 3), (9, 1), (10, 2), (11, 9))]
    found.append(Event("a", 8, 16, None, 100, None, None) if arrival else Event("a", 12, 12, None, 100, None, None))
    features = {
        "last": feature("last", "pieces", ago_seconds=5),
        "sum": feature("sum", "pieces", over_seconds=3, ago_seconds=5),
        "fresh": feature("last", "pieces", over_seconds=2, ago_seconds=5),
        "young": feature("last", "pieces", expires_seconds=1, ago_seconds=5),
    }
    v = view(features, available_at=arrival, available_after_seconds=0, late_seconds=None, window_edges=edges, tie_break=())
    told = asked(v, found, [("a", 15)], dialect, plan)
    assert [(0, *expected)] == told
    agree(v, found, [("a", 15)], told)


@given(v=views, found=st.lists(events, max_size=25), lines=st.lists(st.tuples(st.sampled_from("abc"), seconds), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.slow
def test_postgresql_gives_the_same(postgres: str, v: ViewConfig, found: list[Event], lines: list[tuple[str, int]]) -> None:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as con:
        agree(v, found, lines, on_postgresql(con, v, found, lines))


def agree(v: ViewConfig, found: list[Event], lines: list[tuple[str, int]], answers: list[tuple[Any, ...]]) -> None:
    assert [answer[0] for answer in answers] == list(range(len(lines)))
    for (shop, t), answer in zip(lines, answers, strict=True):
        for (word, f), value in zip(v.features.items(), answer[1:], strict=True):
            expected = plainly(v, f, found, shop, t)
            if isinstance(expected, (int, float)) and value is not None:
                assert value == pytest.approx(expected, rel=1e-9, abs=1e-9), word
            else:
                assert value == expected, word
