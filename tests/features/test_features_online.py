"""Where events of a view lie: faults are told, what was deleted is not guessed at, another definition is another store."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headrace.compiled import SourceConfig, ViewConfig
from headrace.diagnostics import HeadraceError
from headrace.features import online

START = datetime(2024, 1, 1, tzinfo=UTC)
FEATURE = {"over_seconds": None, "where": None, "empty": None, "expires_seconds": None, "type": "number"}
SOURCE = SourceConfig.model_validate(
    {
        "uri": "sales.parquet",
        "columns": {name: {"from": name, "type": kind} for name, kind in {"shop": "int64", "at": "timestamp", "amount": "float"}.items()},
        "arrival": None,
        "fresh_within_seconds": None,
        "checks": (),
    }
)
SOLD = {**FEATURE, "kind": "sum", "of": "amount", "over_seconds": 7 * 86400}
NEWEST = {**FEATURE, "kind": "last", "of": "amount"}


def view(**features: Any) -> ViewConfig:
    return ViewConfig.model_validate(
        {
            "source": "sales",
            "entity": "shop",
            "time": "at",
            "available_at": None,
            "available_after_seconds": 0,
            "late_seconds": None,
            "window_edges": "(t-w, t]",
            "tie_break": (),
            "features": features or {"sold": SOLD},
        }
    )


def pushed(definition: online.Definition, root: Path, *days: float) -> None:
    with online.Events.open(definition, root, "online") as events:
        rows = [{"shop": 1, "at": online.moment(START + timedelta(days=day)), "amount": day} for day in days]
        found = [online.event(definition, row, 0) for row in rows]
        assert len(days) == events.push([item for item in found if item is not None])


def asked(definition: online.Definition, root: Path, day: float, entity: Any = 1, where: str = "online") -> online.Known:
    events = online.Events.find(definition, root, where)
    assert events is not None
    with events:
        return events.read(online.plan(definition, list(definition.view.features)), entity, START + timedelta(days=day))


def test_nothing_is_made_by_looking(tmp_path: Path) -> None:
    assert online.Events.find(online.define("sales", view(), SOURCE), tmp_path, "online") is None
    assert [] == list(tmp_path.iterdir())


def test_another_definition_is_another_store(tmp_path: Path) -> None:
    one = online.define("sales", view(), SOURCE)
    pushed(one, tmp_path, 1)
    assert online.Events.find(online.define("sales", view(newest=NEWEST), SOURCE), tmp_path, "online") is None


def test_how_a_view_is_served_makes_no_other_definition() -> None:
    config = {"fresh_within_seconds": 60, "when_stale": "answer", "sent": "refuse"}
    told = view().to_json() | {"online": config}
    assert online.define("sales", view(), SOURCE).digest == online.define("sales", ViewConfig.model_validate(told), SOURCE).digest


def test_a_value_that_needs_deleted_events_is_refused(tmp_path: Path) -> None:
    definition = online.define("sales", view(), SOURCE)
    pushed(definition, tmp_path, 1, 5, 20)
    with online.Events.open(definition, tmp_path, "online") as events:
        events.prune(START + timedelta(days=13))
    assert {"sold": 20.0} == asked(definition, tmp_path, 20).values
    with pytest.raises(HeadraceError, match=r"\[online-pruned\]: events of feature_view/sales before 2024-01-14 were deleted"):
        asked(definition, tmp_path, 19)


def test_a_feature_that_looks_back_for_ever_reads_no_further_than_it_must(tmp_path: Path) -> None:
    definition = online.define("sales", view(newest=NEWEST, sold=SOLD), SOURCE)
    pushed(definition, tmp_path, *range(200))
    assert {"newest": 3.0, "sold": 6.0} == asked(definition, tmp_path, 3.5).values
    far = asked(definition, tmp_path, 1000)
    assert ({"newest": 199.0, "sold": None}, True) == (far.values, far.seen)


def test_an_entity_that_no_event_can_have_is_unknown(tmp_path: Path) -> None:
    definition = online.define("sales", view(), SOURCE)
    pushed(definition, tmp_path, 1)
    for entity in ("one", "1.0", str(2**63), " 1"):
        assert not asked(definition, tmp_path, 2, entity).seen
    assert asked(definition, tmp_path, 2, "1").seen


def test_a_value_that_no_number_holds_is_said(tmp_path: Path) -> None:
    definition = online.define("sales", view(), SOURCE)
    with online.Events.open(definition, tmp_path, "online") as events:
        row = {"shop": 1, "at": online.moment(START), "amount": 1.7e308}
        event = online.event(definition, row, 0)
        assert event is not None
        events.push([event, event])
    with pytest.raises(HeadraceError, match=r"\[features-failed\]: feature_view/sales: `sold` of 1 at 2024-01-02 00:00 is beyond"):
        asked(definition, tmp_path, 1)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    definition = online.define("sales", view(), SOURCE)
    pushed(definition, tmp_path, 1)
    (file,) = (tmp_path / "online").glob("*.db")
    file.write_bytes(b"no database " * 1000)
    with pytest.raises(HeadraceError, match=r"\[online-altered\]: the events at .* are no sound database"):
        asked(definition, tmp_path, 1)


def test_a_server_that_does_not_answer_is_told_without_its_password(tmp_path: Path) -> None:
    definition = online.define("sales", view(), SOURCE)
    url = f"postgresql://ana:s3cret@/events?host={tmp_path}"
    with pytest.raises(HeadraceError, match=r"\[online-unreachable\]: the events of feature_view/sales cannot be had") as told:
        online.Events.find(definition, tmp_path, url)
    assert "s3cret" not in str(told.value)


def test_a_driver_that_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(HeadraceError, match=r"\[online-driver\]: events are kept in PostgreSQL"):
        online.Events.find(online.define("sales", view(), SOURCE), tmp_path, "postgresql://host/events")


def test_a_place_may_be_a_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENTS_AT", "elsewhere")
    assert ["elsewhere", "online"] == [online.location(tmp_path, where) for where in ("env:EVENTS_AT", "online")]
