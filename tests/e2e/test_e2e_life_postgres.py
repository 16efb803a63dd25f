"""A life whose store is a PostgreSQL: trained, judged, served, answered, watched, and trained again."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from postgres import running
from serving_process import until
from shop import MODEL, SPECS, START, Shop, row, shop
from sqlmodel import select

from headrace import journal, registry
from headrace.store import EventKind, events
from headrace.store.tables import Window

pytestmark = pytest.mark.slow

ROWS = 250
DAY = timedelta(days=1)
OTHER = {"a": "b", "b": "a"}


@pytest.fixture
def lived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    with running() as postgres:
        monkeypatch.setenv("SHOP_STORE", postgres.url)
        specs = SPECS.replace("PORT", "8080").replace("sqlite:///.headrace/state.db", "env:SHOP_STORE")
        with shop(tmp_path, specs, monkeypatch) as made:
            assert "postgresql" == made.store.engine.dialect.name
            made.drive(START)
            yield made


def serve(shop: Shop, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Ask for all rows at the clock's time, answer them a day later, and ship what was spooled; what the server said."""
    asked = [{name: item[name] for name in ("visit", "code", "region", "pages", "hour")} for item in rows]
    known = (START + 2 * DAY).isoformat()
    with shop.served() as client:
        until(lambda: client.get("/health/ready").status_code == 200)
        told = client.post("/predict/batch", json={"rows": asked}, headers={"Headrace-Time": (START + DAY).isoformat()})
        answers = [{"visit": item["visit"], "bought": item["bought"], "known_at": known} for item in rows]
        taken = client.post("/outcomes", json={"outcomes": answers})
    assert (200, 202) == (told.status_code, taken.status_code), (told.text, taken.text)
    journal.ship(shop.store, shop.spool)
    predictions: list[dict[str, Any]] = told.json()["predictions"]
    return predictions


def test_a_model_lives_on_postgresql(lived: Shop) -> None:
    verdict = lived.train()
    assert (True, True) == (verdict.passed, lived.roll_out(verdict.event_id).passed)
    lived.drive(START + DAY)
    chance = random.Random(5)
    visits = [row(10_000 + i, 2016, chance) for i in range(ROWS)]
    predictions = serve(lived, [{**item, "code": OTHER[item["code"]]} for item in visits])  # the codes were swapped on the way
    assert ({1}, ROWS) == ({item["version"] for item in predictions}, len(predictions))

    lived.drive(START + 150 * DAY)
    decision = lived.monitor()
    with lived.store.read() as session:
        (window,) = session.exec(select(Window)).all()
        kinds = {event.kind for event in events.log(session, MODEL)}
    assert (ROWS, True) == (window.n, window.performance["value"] < 0.6)
    assert (True, {EventKind.ALERT_FIRED, EventKind.RETRAINING_REQUESTED} <= kinds) == (decision.passed, True)
    assert "degraded" in (lived.root / ".headrace" / "alerts.jsonl").read_text(encoding="utf-8")

    lived.train(decision.event_id)
    with lived.store.read() as session:
        versions = registry.versions(session, MODEL)
        waiting = [event.kind for event in events.unanswered(session, MODEL)]
    assert [(1, 0), (2, ROWS)] == [(version.number, version.manifest["rows"]["new"]) for version in versions]
    assert EventKind.RETRAINING_REQUESTED not in waiting
