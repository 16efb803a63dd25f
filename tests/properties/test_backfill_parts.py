"""A backfill of many parts: whatever order they end in, wherever it is ended, and however often one is done, it is the same in the end."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import HeadraceError, Report
from headrace.features import Origins, online
from headrace.features.online import backfill
from headrace.hooks import load_plugins

READERS = load_plugins(None, Report(), allow=[]).readers
START = datetime(2024, 1, 1, tzinfo=UTC)
DAYS, SHOPS = 24, 3
NOW = START + timedelta(days=DAYS)
SOURCE = SourceConfig.model_validate(
    {
        "uri": "sales.parquet",
        "columns": {name: {"from": name, "type": kind} for name, kind in {"shop": "int64", "at": "timestamp", "amount": "float"}.items()},
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)
SOLD = {"kind": "sum", "of": "amount", "over_seconds": 3 * 86400, "where": None, "empty": 0.0, "expires_seconds": None, "type": "number"}
VIEW = ViewConfig.model_validate(
    {
        "source": "sales",
        "entity": "shop",
        "time": "at",
        "available_at": None,
        "available_after_seconds": 0,
        "late_seconds": None,
        "window_edges": "(t-w, t]",
        "tie_break": (),
        "features": {"sold": SOLD},
    }
)
DEFINITION = online.define("sales", VIEW, SOURCE)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Days are made durable one or two at a time."""
    for module in ("backfill", "materialize"):
        monkeypatch.setattr(sys.modules[f"headrace.features.online.{module}"], "AT_ONCE", 2)


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        rows = [
            (shop, START + timedelta(days=day, hours=shop), float(day)) for day in range(DAYS) for shop in range(SHOPS) if (day + shop) % 5
        ]
        pd.DataFrame(rows, columns=["shop", "at", "amount"]).to_parquet(Path(folder) / "sales.parquet")
        yield Path(folder)


def all_of(root: Path, where: str) -> list[tuple[object, ...]]:
    (path,) = (root / where).glob("*.db")
    with sqlite3.connect(path) as connection:
        kept = connection.execute(
            "SELECT entity, time, seen, key, occurrence, c0 FROM event ORDER BY entity, time, key, occurrence"
        ).fetchall()
        return [
            *kept,
            *connection.execute("SELECT day, digest FROM day ORDER BY day").fetchall(),
            *connection.execute("SELECT day FROM again"),
        ]


def refused(root: Path, where: str, moment: datetime) -> bool:
    events = online.Events.find(DEFINITION, root, where)
    assert events is not None
    with events:
        try:
            events.read(online.plan(DEFINITION, ["sold"]), 1, moment)
        except HeadraceError as error:
            return [fault.id for fault in error.report] == ["online-pruned"]
    return False


def state(root: Path, where: str) -> online.State:
    events = online.Events.find(DEFINITION, root, where)
    assert events is not None
    with events:
        return events.state()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    days=st.tuples(st.integers(0, 4), st.integers(6, DAYS - 1)),
    pieces=st.integers(2, 6),
    killed=st.integers(0, 6),
    chance=st.randoms(use_true_random=False),
)
def test_a_backfill_is_the_same_whatever_its_parts_do(root, days, pieces, killed, chance) -> None:
    begin, floor = days
    origins = Origins(root, {"sales": SOURCE}, READERS)
    span = online.Span(START + timedelta(days=begin), NOW)
    with tempfile.TemporaryDirectory(dir=root) as folder:
        where, whole = (str(Path(folder).relative_to(root) / name) for name in ("one", "whole"))
        online.materialize(origins, DEFINITION, where, NOW)
        with online.Events.open(DEFINITION, root, where) as events:
            events.prune(START + timedelta(days=floor))
        before = state(root, where)
        within = START + timedelta(days=floor + 1)  # its window reaches what was deleted
        first = backfill.planned(origins, DEFINITION, where, span, pieces=pieces)
        assert (DAYS - begin, 0) == (first.days, first.before)
        parts = [*first.parts, *first.parts]  # a worker that was thought to be lost does its part, too
        chance.shuffle(parts)
        done = parts[: min(killed, len(parts))]
        for part in done:
            backfill.bring_again(origins, DEFINITION, where, part.first, part.last)
            assert refused(root, where, within)
        # The command is ended here, and typed again.
        again = backfill.planned(origins, DEFINITION, where, span, pieces=pieces)
        assert sum(part.days for part in set(done)) == again.before
        left = list(again.parts)
        chance.shuffle(left)
        brought = {part: backfill.bring_again(origins, DEFINITION, where, part.first, part.last) for part in left}
        assert refused(root, where, within)
        told = backfill.finish(origins, DEFINITION, where, span, plan=again, brought=list(brought.values()))
        assert (before.newest, before.watermark, span.start) == (told.newest, told.watermark, told.pruned_before)
        assert not refused(root, where, START + timedelta(days=begin + 3, hours=1))
        assert not refused(root, where, within)
        online.materialize(origins, DEFINITION, whole, NOW)
        with online.Events.open(DEFINITION, root, whole) as events:
            events.prune(span.start)
        assert all_of(root, whole) == all_of(root, where)


def test_a_mark_of_a_day_that_was_deleted_since_says_nothing(root: Path) -> None:
    origins, span = Origins(root, {"sales": SOURCE}, READERS), online.Span(START, NOW)
    online.materialize(origins, DEFINITION, "marked", NOW)
    backfill.bring_again(origins, DEFINITION, "marked", *span.days)
    plan = backfill.planned(origins, DEFINITION, "marked", span)
    assert (0, DAYS) == (plan.days, plan.before)
    with online.Events.open(DEFINITION, root, "marked") as events:
        events.prune(START + timedelta(days=10))
    plan = backfill.planned(origins, DEFINITION, "marked", span)
    assert (10, DAYS - 10) == (plan.days, plan.before)


def test_a_database_that_an_earlier_release_made_takes_a_backfill(root: Path) -> None:
    origins, span = Origins(root, {"sales": SOURCE}, READERS), online.Span(START, NOW)
    online.materialize(origins, DEFINITION, "earlier", NOW)
    (path,) = (root / "earlier").glob("*.db")
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE again")
    assert DAYS == backfill.backfill(origins, DEFINITION, "earlier", span).days
