"""P19: the arm that answered stands in the answer and in the journal, with its version and epoch; who takes no part stands outside."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, func, select

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import ACTOR, BESIDE, MODEL, ROW, Project, project

from headrace import traffic
from headrace.compiled import ServingConfig, read
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.bulk import LEAST
from headrace.serving.workspace import open_workspace
from headrace.store import clock, tables
from headrace.traffic import OUTSIDE, Among, Arm, Weights, enrolling

WHO = st.none() | st.builds(
    Among,
    experiment=st.just("x"),
    coverage=st.sampled_from([0.0, 0.3, 1.0]),
    layer=st.none(),
    holdout=st.sampled_from([0.0, 0.2]),
)
UNIT = count()


@pytest.fixture(scope="module", params=["hot", "route"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, TestClient]]:
    made = project(tmp_path_factory.mktemp("p19"))
    made.alias("champion", made.register(0))
    made.register(1)
    made.weigh(1)
    config = read(ServingConfig, made.config)
    with (
        open_workspace(made.config.parent / "headrace.json", config) as workspace,
        TestClient(app(config, workspace, BESIDE if request.param == "route" else ())) as client,
    ):
        yield made, client
    made.store.close()


def dealt(made: Project, client: TestClient, share: float, who: Among | None) -> Weights:
    """New weights, which the server acts on."""
    arms = (Arm("champion", 1, 1.0 - share), Arm("candidate", 2, share))
    with made.store.transaction(ACTOR, "weigh", made.model) as session:
        standing = traffic.current(session, made.model)
        weights = traffic.set_weights(
            session, model=made.model, expected=standing and standing.epoch, arms=arms, at=clock.wall(), reason="test", among=who
        )
    until = time.monotonic() + 60
    while client.get("/metadata").json()["counted_epoch"] != weights.epoch:
        assert time.monotonic() < until
        time.sleep(0.02)
    return weights


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.sampled_from([0.1, 0.5, 0.9]), who=WHO, rows_at_once=st.sampled_from([1, 12, LEAST]))
def test_every_answer_and_its_record_name_the_unit_s_own_arm(
    served: tuple[Project, TestClient], share: float, who: Among | None, rows_at_once: int
) -> None:
    made, client = served
    weights = dealt(made, client, share, who)
    with made.store.read() as session:
        after = session.exec(select(func.max(tables.Prediction.seq))).one() or 0
    rows = [ROW | {"person_id": next(UNIT)} for _ in range(max(rows_at_once, 12))]
    if rows_at_once > 1:
        told = client.post("/predict/batch", json={"rows": rows}).json()["predictions"]
    else:
        told = [client.post("/predict", json=row).json() for row in rows]
    arm = enrolling(MODEL, weights.pairs, weights.among)
    wanted = [arm(str(row["person_id"])) for row in rows]
    version = {"champion": 1, OUTSIDE: 1, "candidate": 2}
    assert wanted == [one["arm"] for one in told]
    assert [version[name] for name in wanted] == [one["version"] for one in told]
    ship(made.store, made.spool)
    with made.store.read() as session:
        found = {row.id: row for row in session.exec(select(tables.Prediction).where(col(tables.Prediction.seq) > after))}
    kept = [found[one["id"]] for one in told]
    assert [(row.arm, row.version, row.epoch) for row in kept] == [(name, version[name], weights.epoch) for name in wanted]
