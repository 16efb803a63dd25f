"""P42: what is read online of an entity at a moment is what a training set would hold of it."""

from __future__ import annotations

import math
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from online_values import EPOCH, Happened, asked, histories, micros, row, source, summands, views, write

from headrace.compiled import ViewConfig
from headrace.diagnostics import Report
from headrace.features import Origins, joined, online
from headrace.hooks import load_plugins

READERS = load_plugins(None, Report(), allow=[]).readers
LATER = EPOCH + timedelta(days=1)
Lines = list[tuple[str, int]]


@dataclass(frozen=True)
class Life:
    """A view, the events that its source will hold, what is asked, and which events are pushed before the source is read."""

    view: ViewConfig
    found: list[Happened]
    lines: Lines
    pushed: list[int]
    entity: str


lives = st.builds(Life, views, histories, asked, st.lists(st.integers(0, 20), max_size=8), st.sampled_from(["category", "int64"]))


def offline(root: Path, v: ViewConfig, lines: Lines, entity: str) -> list[dict[str, Any]]:
    spine = pd.DataFrame(
        {
            "shop": [shop if entity == "category" else str(ord(shop)) for shop, _ in lines],
            "t": pd.to_datetime([EPOCH + timedelta(seconds=t) for _, t in lines], utc=True),
        }
    )
    frame = joined(Origins(root, {"sales": source(entity)}, READERS), {"v": v}, wanted={"v": list(v.features)}, spine=spine)
    return [{word: None if pd.isna(value) else value for word, value in line.items()} for line in frame.to_dict("records")]


def read(definition: online.Definition, root: Path, where: str, lines: Lines, entity: str) -> list[dict[str, Any]]:
    plan = online.plan(definition, list(definition.view.features))
    events = online.Events.find(definition, root, where)
    assert events is not None
    with events:
        told = []
        for shop, t in lines:
            known = events.read(plan, shop if entity == "category" else str(ord(shop)), EPOCH + timedelta(seconds=t))
            told.append(known.values)
        return told


def agree(v: ViewConfig, found: list[Happened], expected: list[dict[str, Any]], told: list[dict[str, Any]]) -> None:
    for line, (wanted, have) in enumerate(zip(expected, told, strict=True)):
        for word in v.features:
            if word.startswith("about") and wanted[word] is not None and have[word] is not None:
                slack = 1e-9 * max(abs(wanted[word]), summands(v, word, found))
                assert math.isclose(wanted[word], have[word], rel_tol=1e-9, abs_tol=slack), (line, word, v.features[word])
            else:
                assert wanted[word] == have[word], (line, word, v.features[word])


def lived(life: Life, root: Path, where: str) -> None:
    """Events come as they please, some pushed before their file is read, some twice; the store is closed and opened between."""
    v, found, lines, entity = life.view, life.found, life.lines, life.entity
    definition = online.define("v", v, source(entity))
    whole = [online.event(definition, row(e, entity), arrived=micros(e.arrived)) for e in found]
    kept = [e for e in whole if e is not None]
    pushed = [kept[place] for place in life.pushed if place < len(kept)]
    for part in (pushed[: len(pushed) // 2], pushed, pushed[:1]):
        with online.Events.open(definition, root, where) as events:
            for event in part:  # a retry: each in a request of its own, so that it is the same again
                events.push([event])
    origins = Origins(root, {"sales": source(entity)}, READERS)
    write(root, found[: len(found) // 2], entity)
    online.materialize(origins, definition, where, LATER)
    write(root, found, entity)
    for _ in range(2):
        online.materialize(origins, definition, where, LATER)
        agree(v, found, offline(root, v, lines, entity), read(definition, root, where, lines, entity))


@given(life=lives)
@settings(max_examples=120, deadline=None)
def test_what_is_read_online_is_what_a_training_set_would_hold(life: Life) -> None:
    with tempfile.TemporaryDirectory() as folder:
        lived(life, Path(folder), "online")


@given(v=views, found=histories, lines=asked)
@settings(max_examples=60, deadline=None)
def test_events_that_are_pushed_alone_are_what_a_file_of_them_would_be(v: ViewConfig, found: list[Happened], lines: Lines) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        definition = online.define("v", v, source())
        told = [online.event(definition, row(e), arrived=micros(e.arrived)) for e in found]
        for _ in range(2):
            with online.Events.open(definition, root, "online") as events:
                events.push([e for e in told if e is not None])
        write(root, found)
        agree(v, found, offline(root, v, lines, "category"), read(definition, root, "online", lines, "category"))


@given(life=lives)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_postgresql_says_the_same(postgres: str, life: Life) -> None:
    import psycopg

    with psycopg.connect(postgres, autocommit=True) as con:
        con.execute("DROP SCHEMA public CASCADE")
        con.execute("CREATE SCHEMA public")
    with tempfile.TemporaryDirectory() as folder:
        lived(life, Path(folder), postgres)


@pytest.mark.parametrize("edges", ["(t-w, t]", "[t-w, t)"])
@pytest.mark.parametrize("ago", [1, 4])
def test_a_window_of_before_has_its_edges_online_too(tmp_path: Path, edges: Any, ago: int) -> None:
    from online_values import feature, view

    features = {"f": feature("sum", "pieces", over_seconds=2, ago_seconds=ago), "n": feature("last", "pieces", ago_seconds=ago)}
    features["o"] = feature("last", "pieces", over_seconds=3, ago_seconds=ago)
    found = [Happened("a", at, at, None, None, None, 2**at, None, None) for at in range(8)]
    lived(Life(view(features, window_edges=edges), found, [("a", at) for at in range(14)], [7, 3], "category"), tmp_path, "online")


@pytest.mark.parametrize("where", ["online", "postgres"])
def test_moments_before_1970_and_great_numbers_are_kept(tmp_path: Path, request: pytest.FixtureRequest, where: str) -> None:
    from online_values import feature, view

    place = request.getfixturevalue("postgres") if where == "postgres" else where
    v = view({"f": feature("sum", "pieces", over_seconds=10), "n": feature("last", "kind", type="category")})
    found = [
        Happened("a", -(2**31) - 1, 0, None, None, None, 2**52, "é", None),
        Happened("a", -(2**31), 0, None, None, None, 1, None, None),
    ]
    lived(Life(v, found, [("a", -(2**31)), ("a", -(2**31) + 8)], [1], "category"), tmp_path, place)
