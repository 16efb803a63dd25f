"""A trial for some: who has the values that it names is dealt an arm, the champion answers all others as `outside`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from serving_project import MODEL, ROW, Project
from sqlmodel import select

from headrace import traffic
from headrace.journal import ship
from headrace.serving.snapshot import CANDIDATE, CHAMPION
from headrace.store import clock
from headrace.store.tables import Prediction
from headrace.traffic import OUTSIDE, Among, Arm

Serve = Callable[[Project], TestClient]
WAYS = ("direct", "hot", "route")
ONLY: tuple[tuple[str, tuple[str | float, ...]], ...] = (("age", (30, 31.5)), ("sex", ("1",)))
UNITS = range(60)


@pytest.fixture
def tried(project: Project) -> Project:
    """A candidate that half of those have who are 30 or 31.5, and of sex 1."""
    champion, candidate = project.register(0), project.register(1)
    project.alias("champion", champion)
    arms = [Arm(CHAMPION, champion, 0.5), Arm(CANDIDATE, candidate, 0.5)]
    with project.store.transaction("user:test", "weigh", MODEL) as session:
        traffic.set_weights(session, model=MODEL, expected=None, arms=arms, at=clock.wall(), reason="test", among=Among(None, only=ONLY))
    return project


def rows(**more: Any) -> list[dict[str, Any]]:
    return [ROW | {"person_id": unit, "age": 30.0, "sex": "1"} | more for unit in UNITS]


def told(client: TestClient, sent: list[dict[str, Any]]) -> list[list[str]]:
    """Each row's arm: asked one by one, as rows, and as columns."""
    columns = {name: [row[name] for row in sent] for name in ROW}
    answers = (
        [client.post("/predict", json=row).json() for row in sent],
        client.post("/predict/batch", json={"rows": sent}).json()["predictions"],
        client.post("/predict/batch", json={"columns": columns}).json()["predictions"],
    )
    return [[one["arm"] for one in each] for each in answers]


def test_only_who_is_named_takes_part_however_it_is_asked(tried: Project, serve: Serve) -> None:
    client = serve(tried)
    inside = told(client, rows())
    assert inside[0] == inside[1] == inside[2]
    assert {CHAMPION, CANDIDATE} == set(inside[0])
    # The same unit keeps its arm whatever value admits it.
    assert inside[0] == told(client, rows(age=31.5))[1]
    for more in ({"age": 32.0}, {"sex": "2"}, {"age": None}, {"sex": "9"}):
        assert [[OUTSIDE] * len(UNITS)] * 3 == told(client, rows(**more)), more


def test_a_batch_of_both_keeps_its_order(tried: Project, serve: Serve) -> None:
    client = serve(tried)
    mixed = [row | ({"sex": "2"} if at % 3 == 0 else {}) for at, row in enumerate(rows())]
    one, several, columns = told(client, mixed)
    assert one == several == columns
    assert {at for at in UNITS if at % 3 == 0} == {at for at, arm in enumerate(one) if arm == OUTSIDE}


def test_who_is_outside_is_journalled_and_counted_apart(tried: Project, serve: Serve) -> None:
    client = serve(tried)
    answers = [client.post("/predict", json=row).json() for row in (*rows()[:20], *rows(sex="2")[:20])]
    ship(tried.store, tried.spool)
    with tried.store.read() as session:
        journalled = {row.id: (row.arm, row.epoch, row.version) for row in session.exec(select(Prediction))}
    assert {answer["id"]: (answer["arm"], 1, answer["version"]) for answer in answers} == journalled
    assert {OUTSIDE: {1}} == {answer["arm"]: {1} for answer in answers[20:]}
    server = client.app.state.server if hasattr(client, "app") else None  # type: ignore[attr-defined]
    if server is not None:
        counted = {arm: n for (_, arm, metric), (n, _) in server.counter.totals().items() if metric == "error_rate"}
        assert (20, 20) == (counted[OUTSIDE], counted[CHAMPION] + counted[CANDIDATE])


def test_it_ends_with_the_trial(tried: Project, serve: Serve) -> None:
    client = serve(tried)
    champion = client.post("/predict", json=rows(sex="2")[0]).json()["version"]
    with tried.store.transaction("user:test", "weigh", MODEL) as session:
        standing = traffic.current(session, MODEL)
        assert standing is not None
        arms = [Arm(CHAMPION, champion, 1.0)]
        traffic.set_weights(session, model=MODEL, expected=standing.epoch, arms=arms, at=clock.wall(), reason="promoted")
    limit = time.monotonic() + 20
    while client.post("/predict", json=rows(sex="2")[0]).json()["arm"] != CHAMPION:
        assert time.monotonic() < limit
        time.sleep(0.02)
