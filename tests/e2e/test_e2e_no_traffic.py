"""A candidate that nobody asks is neither promoted nor rolled back: it is held, and the log says why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from shop import MODEL, SPECS, START, Shop, shop

from headrace import registry, traffic
from headrace.store import EventKind, events

pytestmark = pytest.mark.slow

DAY = timedelta(days=1)
DECIDED = {EventKind.ROLLOUT_PROMOTED, EventKind.ROLLOUT_ROLLED_BACK, EventKind.ROLLOUT_ABORTED}


@pytest.fixture
def lived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """Version 1 is champion, and version 2 has passed its gates."""
    with shop(tmp_path, SPECS.replace("PORT", "8080"), monkeypatch) as made:
        made.drive(START)
        assert made.roll_out(made.train().event_id).passed
        yield made


def standing(shop: Shop) -> tuple[dict[str, int], list[tuple[str, int, float]]]:
    with shop.store.read() as session:
        weights = traffic.current(session, MODEL)
        assert weights is not None
        return registry.aliases(session, MODEL), [(arm.name, arm.version, arm.weight) for arm in weights.arms]


def test_a_candidate_without_traffic_is_held(lived: Shop) -> None:
    verdict = lived.train()
    began = lived.roll_out(verdict.event_id)
    split = ({"champion": 1, "candidate": 2}, [("champion", 1, 0.5), ("candidate", 2, 0.5)])
    assert ("headrace.rollout.started", split) == (began.event, standing(lived))
    lived.drive(START + 61 * DAY)
    held = lived.roll_out()
    assert ("headrace.rollout.held", False, split) == (held.event, held.passed, standing(lived))
    assert "no candidate request since 2016-01-01" in held.payload["reason"]
    lived.drive(START + 100 * DAY)
    again = lived.roll_out()
    assert (False, split) == (again.passed, standing(lived))
    with lived.store.read() as session:
        log = events.log(session, MODEL)
    after = [event for event in log if event.seq > next(e.seq for e in log if e.id == verdict.event_id)]
    assert ["no-data"] == [event.payload["held"] for event in after if event.kind is EventKind.ROLLOUT_HELD]
    assert [] == [event.kind for event in after if event.kind in DECIDED]
