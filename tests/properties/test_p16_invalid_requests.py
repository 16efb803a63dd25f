"""P16: an invalid request returns an error that names what is at fault, and never makes the server fail."""

import json
import math
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[1] / "serving"))

from serving_project import BESIDE, ROW, project

from headrace.compiled import ServingConfig, read
from headrace.serving import app
from headrace.serving.workspace import open_workspace

SETTINGS = settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4), max_leaves=12
)
PATH = st.sampled_from(["/predict", "/predict/batch", "/outcomes"])


@pytest.fixture(scope="module", params=["hot", "route"])
def client(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    made = project(tmp_path_factory.mktemp("p16"))
    made.alias("champion", made.register())
    config = read(ServingConfig, made.config)
    with (
        open_workspace(made.config.parent / "headrace.json", config) as workspace,
        TestClient(app(config, workspace, BESIDE if request.param == "route" else ()), raise_server_exceptions=False) as started,
    ):
        yield started
    made.store.close()


def check(client: TestClient, path: str, body: bytes) -> int:
    reply = client.post(path, content=body, headers={"Content-Type": "application/json"})
    if reply.status_code in {200, 202}:
        return reply.status_code
    told = reply.json()
    assert (422, "application/problem+json") == (reply.status_code, reply.headers["content-type"])
    assert {"type", "title", "status", "detail", "errors"} == set(told)
    assert all(error["message"] for error in told["errors"])
    return 422


@SETTINGS
@given(path=PATH, body=st.binary(max_size=200))
def test_any_bytes_get_an_answer_or_a_problem(client: TestClient, path: str, body: bytes) -> None:
    check(client, path, body)


@SETTINGS
@given(path=PATH, value=JSON)
def test_any_json_gets_an_answer_or_a_problem(client: TestClient, path: str, value: object) -> None:
    check(client, path, json.dumps(value).encode())


@SETTINGS
@given(name=st.sampled_from([*ROW, "another"]), value=JSON)
def test_a_row_with_one_field_of_anything_is_refused_for_that_field_or_answered(client: TestClient, name: str, value: object) -> None:
    body = json.dumps({**ROW, name: value}).encode()
    reply = client.post("/predict", content=body)
    if reply.status_code != 200:
        assert (422, [name]) == (reply.status_code, [error["field"] for error in reply.json()["errors"]])


@SETTINGS
@given(age=st.floats(allow_nan=True, allow_infinity=True) | st.booleans() | st.text(max_size=5))
def test_a_number_is_taken_exactly_where_it_is_finite_and_within_its_bounds(client: TestClient, age: object) -> None:
    taken = isinstance(age, float) and 0.0 <= age <= 120.0
    assert (200 if taken else 422) == check(client, "/predict", json.dumps({**ROW, "age": age}).encode())


@SETTINGS
@given(dropped=st.sets(st.sampled_from(list(ROW)), min_size=1))
def test_every_field_that_is_missing_is_named(client: TestClient, dropped: set[str]) -> None:
    reply = client.post("/predict", json={name: value for name, value in ROW.items() if name not in dropped})
    assert (422, dropped) == (reply.status_code, {error["field"] for error in reply.json()["errors"]})


@SETTINGS
@given(header=st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40))
def test_any_event_time_is_refused_while_the_clock_runs_with_the_wall(client: TestClient, header: str) -> None:
    reply = client.post("/predict", json=ROW, headers={"Headrace-Time": header})
    assert (400, "application/problem+json") == (reply.status_code, reply.headers["content-type"])


def finite(value: object) -> bool:
    return not isinstance(value, float) or math.isfinite(value)


# What is at the border of what is taken, where a number that no double holds is left out: of columns it makes the whole body no JSON.
EDGES: list[object] = ["", "\0", "x" * 257, True, False, 2**63, -(2**63) - 1, 120.5, -0.5, 120, 0, None, [], {}, "21", 21, 21.5]


@SETTINGS
@given(
    form=st.sampled_from(["records", "columns"]),
    place=st.integers(2, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))),
    name=st.sampled_from(list(ROW)),
    value=st.sampled_from(EDGES) | SCALAR.filter(finite),
)
def test_a_row_among_many_is_refused_exactly_where_it_is_alone(
    client: TestClient, form: str, place: tuple[int, int], name: str, value: object
) -> None:
    size, at = place
    rows = [{**ROW, name: value} if row == at else ROW for row in range(size)]
    columns = {key: [row[key] for row in rows] for key in ROW}
    alone = client.post("/predict", json={**ROW, name: value})
    reply = client.post("/predict/batch", json={"rows": rows} if form == "records" else {"columns": columns})
    assert alone.status_code == reply.status_code
    if reply.status_code != 200:
        field = f"rows[{at}].{name}" if form == "records" else f"columns.{name}[{at}]"
        assert [(field, error["message"]) for error in alone.json()["errors"]] == [
            (error["field"], error["message"]) for error in reply.json()["errors"]
        ]


@SETTINGS
@given(
    form=st.sampled_from(["alone", "records", "columns"]), size=st.integers(1, 60), at=st.integers(0, 59), name=st.sampled_from(list(ROW))
)
def test_a_key_that_stands_twice_is_refused_by_its_name(client: TestClient, form: str, size: int, at: int, name: str) -> None:
    twice = json.dumps(ROW)[:-1] + f", {json.dumps(name)}: {json.dumps(ROW[name])}}}"
    rows = ", ".join(twice if row == at % size else json.dumps(ROW) for row in range(size))
    columns = (
        json.dumps({key: [value] * size for key, value in ROW.items()})[:-1] + f", {json.dumps(name)}: {json.dumps([ROW[name]] * size)}}}"
    )
    path, body = {
        "alone": ("/predict", twice),
        "records": ("/predict/batch", f'{{"rows": [{rows}]}}'),
        "columns": ("/predict/batch", f'{{"columns": {columns}}}'),
    }[form]
    reply = client.post(path, content=body)
    assert (422, [name]) == (reply.status_code, [error["field"] for error in reply.json()["errors"]])


@SETTINGS
@given(name=st.sampled_from(list(ROW)), size=st.integers(1, 60), other=st.integers(0, 60))
def test_columns_of_two_lengths_are_refused(client: TestClient, name: str, size: int, other: int) -> None:
    reply = client.post("/predict/batch", json={"columns": {key: [value] * (other if key == name else size) for key, value in ROW.items()}})
    assert (200 if other == size else 422) == reply.status_code
