"""P17: every answered prediction is journalled once, with its features, result, version and latency; nothing else is."""

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import col, func, select

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import BESIDE, ROW, Project, project

from headrace.compiled import ServingConfig, read
from headrace.journal import ship
from headrace.serving import app
from headrace.serving.bulk import LEAST
from headrace.serving.workspace import open_workspace
from headrace.store import tables

ONE = st.fixed_dictionaries(
    {
        "person_id": st.integers(-(2**63), 2**63 - 1)
        | st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12),
        "age": st.none() | st.floats(0, 120),
        "education": st.none() | st.sampled_from(["16", "19", "21", "never seen"]),
        "sex": st.none() | st.sampled_from(["1", "2", "ü"]),
    }
)
ROWS = st.lists(ONE, min_size=1, max_size=20)
MANY = st.lists(ONE, min_size=LEAST, max_size=2 * LEAST)
"""As many as are answered and journalled by column."""
BAD = {**ROW, "age": "x"}


@pytest.fixture(scope="module", params=["hot", "route"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, TestClient]]:
    made = project(tmp_path_factory.mktemp("p17"))
    champion, candidate = made.register(), made.register_flaky(0.75, fail=3)
    made.alias("champion", champion)
    made.weigh(champion, candidate, 0.01)  # few enough failures that it is never aborted here
    config = read(ServingConfig, made.config)
    with (
        open_workspace(made.config.parent / "headrace.json", config) as workspace,
        TestClient(app(config, workspace, BESIDE if request.param == "route" else ())) as client,
    ):
        yield made, client
    made.store.close()


def kept(made: Project, after: int) -> list[tables.Prediction]:
    ship(made.store, made.spool)
    with made.store.read() as session:
        return list(session.exec(select(tables.Prediction).where(col(tables.Prediction.seq) > after).order_by(col(tables.Prediction.seq))))


def asked(client: TestClient, rows: list[dict[str, Any]], how: str) -> list[dict[str, Any]]:
    match how:
        case "as records":
            told: list[dict[str, Any]] = client.post("/predict/batch", json={"rows": rows}).json()["predictions"]
        case "as columns":
            columns = {name: [row[name] for row in rows] for name in rows[0]}
            told = client.post("/predict/batch", json={"columns": columns}).json()["predictions"]
        case "together":
            with ThreadPoolExecutor(4) as pool:
                told = list(pool.map(lambda row: client.post("/predict", json=row).json(), rows))
        case _:
            told = [client.post("/predict", json=row).json() for row in rows]
    return told


def check(served: tuple[Project, TestClient], rows: list[dict[str, Any]], how: str) -> None:
    made, client = served
    with made.store.read() as session:
        after = session.exec(select(func.max(tables.Prediction.seq))).one() or 0
    told = asked(client, rows, how)
    assert 422 == client.post("/predict", json=BAD).status_code
    found = kept(made, after)
    answered = {row.id: row for row in found if row.error is None}
    assert len(rows) == len(answered) == len({one["id"] for one in told})
    for sent, one in zip(rows, told, strict=True):
        row = answered[one["id"]]
        inputs = {name: value for name, value in sent.items() if name != "person_id"}
        assert (str(sent["person_id"]), inputs) == (row.entity, row.inputs)
        assert (one["prediction"], one["version"], one["arm"], one["unseen"]) == (row.output, row.version, row.arm, row.unseen)
        assert row.latency_us > 0
    # What failed and was answered by the champion is journalled as well, and said to be an error.
    failed = [row for row in found if row.error is not None]
    assert {"candidate"} >= {row.arm for row in failed}
    assert all(row.output is None for row in failed)


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, how=st.sampled_from(["one by one", "together", "as records", "as columns"]))
def test_what_is_answered_is_journalled_once_with_all_that_belongs_to_it(
    served: tuple[Project, TestClient], rows: list[dict[str, Any]], how: str
) -> None:
    check(served, rows, how)


@settings(deadline=None, max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=MANY, how=st.sampled_from(["as records", "as columns"]))
def test_so_is_what_is_answered_by_column(served: tuple[Project, TestClient], rows: list[dict[str, Any]], how: str) -> None:
    check(served, rows, how)
