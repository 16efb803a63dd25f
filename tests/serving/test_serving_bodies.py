import io
import json
import math
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from serving_project import CONFIG, MODEL, ROW, SIGNATURE, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.compiled import ServingConfig
from headrace.hooks import Input, Signature
from headrace.journal import ship
from headrace.serving.apart import LARGE
from headrace.serving.bodies.columns import Columns, Reader
from headrace.serving.bodies.records import PIECE, Records
from headrace.serving.bulk import LEAST, encode
from headrace.serving.once import once
from headrace.serving.problem import Refused
from headrace.serving.schema import Schema
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
ARROW = "application/vnd.apache.arrow.stream"
INFER = f"/v2/models/{MODEL}/infer"


@pytest.fixture
def client(project: Project, serve: Serve) -> TestClient:
    project.alias("champion", project.register())
    return serve(project)


def rows(size: int) -> list[dict[str, Any]]:
    """Rows of all sorts: missing values, and a category that training never saw."""
    return [
        {"person_id": i, "age": None if i % 7 == 0 else float(i % 120), "education": ("16", "19", "99", None)[i % 4], "sex": str(i % 2 + 1)}
        for i in range(size)
    ]


def columns(told: list[dict[str, Any]]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in told] for name in told[0]}


def tensors(told: list[dict[str, Any]]) -> list[dict[str, Any]]:
    kinds = {"person_id": "INT64", "age": "FP64"}
    return [
        {"name": name, "shape": [len(values)], "datatype": kinds.get(name, "BYTES"), "data": values}
        for name, values in columns(told).items()
    ]


def stream(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema, options=pa.ipc.IpcWriteOptions(**options)) as writer:
        writer.write_table(table)
    return out.getvalue()


def read_stream(data: bytes) -> list[dict[str, Any]]:
    with pa.ipc.open_stream(data) as reader:
        found: list[dict[str, Any]] = reader.read_all().to_pylist()
    return found


def journalled(project: Project) -> list[dict[str, Any]]:
    ship(project.store, project.spool)
    with project.store.read() as session:
        return [row.model_dump() for row in session.exec(select(Prediction).order_by(Prediction.seq))]


def faults(told: Any) -> dict[str, str]:
    assert 422 == told.status_code, told.text
    return {item["field"]: item["message"] for item in told.json()["errors"]}


@pytest.mark.parametrize("size", [3, LEAST + 50])
def test_a_batch_is_the_same_by_records_columns_tensors_and_arrow(project: Project, client: TestClient, size: int) -> None:
    told = rows(size)
    records = client.post("/predict/batch", json={"rows": told}).json()["predictions"]
    by_column = client.post("/predict/batch", json={"columns": columns(told)}).json()["predictions"]
    answer = client.post(INFER, json={"inputs": tensors(told)}).json()
    arrow = read_stream(client.post("/predict/batch", content=stream(pa.table(columns(told))), headers={"Content-Type": ARROW}).content)
    outputs = {item["name"]: item["data"] for item in answer["outputs"]}
    one_by_one = [client.post("/predict", json=row).json() for row in told[:3]]
    expected = [item["prediction"] for item in records]
    assert expected == [item["prediction"] for item in by_column] == outputs["prediction"] == [item["prediction"] for item in arrow]
    assert expected[:3] == [item["prediction"] for item in one_by_one]
    unseen = [item["unseen"] for item in records]
    assert unseen == [item["unseen"] for item in by_column] == [item["unseen"] for item in arrow]
    assert {str(row): names for row, names in enumerate(unseen) if names} == {
        str(row): names for row, *names in answer["parameters"]["unseen"]
    }
    kept = journalled(project)
    assert 4 * size + 3 == len(kept) == len({row["id"] for row in kept})
    asked = {row["id"]: row for row in kept}
    for ids in ([item["id"] for item in records], [item["id"] for item in by_column], outputs["id"], [item["id"] for item in arrow]):
        for id_, row, value in zip(ids, told, expected, strict=True):
            record = asked[id_]
            assert (str(row["person_id"]), value, 1, "champion") == (record["entity"], record["output"], record["version"], record["arm"])
            assert {name: cell for name, cell in row.items() if name != "person_id"} == record["inputs"]
            assert list(record["inputs"]) == ["age", "education", "sex"]


def test_a_large_batch_is_split_among_arms_as_its_rows_are(project: Project, serve: Serve) -> None:
    champion, candidate = project.register_flaky(0.25), project.register_flaky(0.75)
    project.alias("champion", champion)
    project.weigh(champion, candidate, 0.4)
    client = serve(project)
    told = [{**ROW, "person_id": i, "age": 1.0} for i in range(LEAST + 100)]
    batch = client.post("/predict/batch", json={"columns": columns(told)}).json()["predictions"]
    alone = [client.post("/predict", json=row).json() for row in told]
    assert [(one["arm"], one["version"], one["prediction"]) for one in alone] == [
        (one["arm"], one["version"], one["prediction"]) for one in batch
    ]
    assert {"champion", "candidate"} == {one["arm"] for one in batch}
    counts = client.app.state.server.counter.totals()  # type: ignore[attr-defined]
    assert 2 * len(told) == sum(n for (_, _, metric), (n, _) in counts.items() if metric == "error_rate")
    assert 2 * len(told) == len(journalled(project))


def test_a_large_batch_in_which_one_row_fails_is_answered_row_by_row(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register_flaky(0.25, fail=100))
    told = [{**ROW, "person_id": i, "age": float(i % 100 + 1)} for i in range(200)]
    client = serve(project)
    by_column = client.post("/predict/batch", json={"columns": columns(told)}).json()["predictions"]
    arrow = read_stream(client.post("/predict/batch", content=stream(pa.table(columns(told))), headers={"Content-Type": ARROW}).content)
    answer = client.post(INFER, json={"inputs": tensors(told)}).json()
    failed = [row for row, one in enumerate(by_column) if one["prediction"] is None]
    assert [99, 199] == failed
    assert failed == [row for row, one in enumerate(arrow) if one["prediction"] is None and one["error"]]
    assert failed == [row for row, value in enumerate(answer["outputs"][0]["data"]) if value is None]
    assert failed == [row for row, _ in answer["parameters"]["errors"]]
    assert 3 * len(told) == len(journalled(project))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"age": [1.0, 2.0, 3.0, "x"]}, {"columns.age[3]": "must be a number"}),
        ({"age": [1, True, 3, 4]}, {"columns.age[1]": "must be a number"}),
        ({"age": [1, 2, 10**400, 4]}, {"": "is no JSON: number is infinity when parsed as double"}),
        ({"age": [1, 2, 121, -1]}, {"columns.age[2]": "must be at most 120", "columns.age[3]": "must be at least 0"}),
        ({"age": [1, 2, 3]}, {"columns.age": "has 3 values, and person_id has 4"}),
        ({"sex": ["1", 1.5, "a" * 257, "\0"]}, None),
        ({"person_id": [1, "", None, 4]}, None),
        ({"person_id": [1, 2**63, 3, 4]}, {"columns.person_id[1]": "must be a whole number or a text of 1 to 256 characters"}),
        ({"height": [1, 2, 3, 4]}, {"columns.height": "is no input of this model"}),
        ({"age": "x"}, {"columns.age": "must be a list"}),
    ],
)
def test_a_fault_in_columns_is_named_at_its_place(client: TestClient, changed: dict[str, Any], expected: dict[str, str] | None) -> None:
    told = {"columns": {"person_id": [1, 2, 3, 4], "age": [1, 2, 3, 4], "education": ["16"] * 4, "sex": ["1"] * 4} | changed}
    given = faults(client.post("/predict/batch", content=json.dumps(told), headers={"Content-Type": "application/json"}))
    if expected is not None:
        assert expected == given
    else:
        # In the words that the same values have in records.
        listed = [dict(zip(told["columns"], cells, strict=True)) for cells in zip(*told["columns"].values(), strict=True)]
        said = faults(client.post("/predict/batch", json={"rows": listed}))
        (name,) = changed
        assert {f"columns.{name}[{field[5]}]": message for field, message in said.items()} == given


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rows": [ROW], "columns": {}}, "columns"),
        ({"columns": {"person_id": [1]}, "rows": []}, "rows"),
        ({"columns": [ROW]}, "columns"),
        ({"lines": [ROW]}, "rows"),
        ({"columns": {}}, "columns.person_id"),
        ({"columns": {"person_id": [], "age": [], "education": [], "sex": []}}, "columns.person_id"),
    ],
)
def test_a_batch_has_rows_or_columns(client: TestClient, body: dict[str, Any], field: str) -> None:
    assert field in faults(client.post("/predict/batch", json=body))


@pytest.mark.parametrize("size", [1, 3, 400])
def test_a_key_that_stands_twice_in_one_row_of_many_is_refused(client: TestClient, size: int) -> None:
    text = json.dumps({"rows": rows(size)})
    at = text.rindex('"age"')
    told = client.post("/predict/batch", content=text[:at] + '"age": 1, ' + text[at:], headers={"Content-Type": "application/json"})
    assert {"age": "stands twice in one object: send it once"} == faults(told)


@pytest.mark.parametrize("body", [b":" * 5, b":" * 200_000, b"x" * 65_535 + b"::", b":" + b"x" * 150_000 + b":"])
def test_a_body_with_a_colon_for_each_member_is_not_parsed_again(body: bytes) -> None:
    assert once(body, body.count(b":"))
    with pytest.raises(json.JSONDecodeError):
        once(body, body.count(b":") - 1)


def test_a_column_that_stands_twice_is_refused(client: TestClient) -> None:
    text = json.dumps({"columns": columns(rows(2))}).replace('"age"', '"age": [1, 2], "age"')
    told = client.post("/predict/batch", content=text, headers={"Content-Type": "application/json"})
    assert {"age": "stands twice in one object: send it once"} == faults(told)


@pytest.mark.parametrize("size", [0, LARGE])
@pytest.mark.parametrize(("path", "form"), [("/predict/batch", "rows"), ("/predict/batch", "columns"), (INFER, "inputs")])
def test_no_form_nests_deeper_than_may_be_however_large_it_is(client: TestClient, path: str, form: str, size: int) -> None:
    text = json.dumps({"x": "x" * size})
    body = f'{{"{form}": {"[" * 100}{text}{"]" * 100}}}'
    told = client.post(path, content=body, headers={"Content-Type": "application/json"})
    assert (422, True) == (told.status_code, "nests deeper than 32 levels" in told.text)


def test_no_form_carries_more_rows_than_may_be(tmp_path: Any, serve: Serve) -> None:
    made = make_project(tmp_path, {"max_rows": 5})
    made.alias("champion", made.register())
    client, told = serve(made), rows(6)
    assert {"columns.person_id": "must have at most 5 items"} == faults(client.post("/predict/batch", json={"columns": columns(told)}))
    arrow = client.post("/predict/batch", content=stream(pa.table(columns(told))), headers={"Content-Type": ARROW})
    assert {"": "must have at most 5 rows"} == faults(arrow)
    inferred = client.post(INFER, json={"inputs": tensors(told)})
    assert (400, True) == (inferred.status_code, "must have at most 5 items" in inferred.json()["error"])


def cell(name: str) -> st.SearchStrategy[Any]:
    odd = st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=3), st.just("a" * 300))
    usual = {"age": st.floats(0, 120) | st.integers(0, 120), "person_id": st.integers(0, 9) | st.text(min_size=1, max_size=3)}
    return st.one_of(usual.get(name, st.sampled_from(["16", "1", 16, 1.0])), odd)


NAMES = ["person_id", "age", "education", "sex"]
READ = ServingConfig.model_validate(CONFIG)
SCHEMA = Schema(READ)
READER = Reader(READ, SCHEMA)
MANY = ServingConfig.model_validate(CONFIG | {"max_rows": 20_000})
ALL, RECORDS = Schema(MANY), Records(MANY)


@given(st.lists(st.fixed_dictionaries({name: cell(name) for name in NAMES}), min_size=1, max_size=4))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_columns_take_what_records_take_and_read_it_alike(listed: list[dict[str, Any]]) -> None:
    def read(body: str, reading: Callable[[bytes], Any]) -> Any:
        try:
            return reading(body.encode("utf-8", "surrogatepass"))
        except Refused as refused:
            return sorted({(fault.field[-1:] == "]", fault.message) for fault in refused.faults}) and refused.status

    by_row = read(json.dumps({"rows": listed}), SCHEMA.read_rows)
    by_column = read(json.dumps({"columns": columns(listed)}), lambda body: READER.json(body).rows())
    assert repr(by_row) == repr(by_column)


FIELDS = st.permutations(NAMES).flatmap(lambda names: st.fixed_dictionaries({name: cell(name) for name in names}))
SOUND = st.fixed_dictionaries(
    {
        "person_id": st.integers(-(2**63), 2**63 - 1) | st.text(min_size=1, max_size=3),
        "age": st.none() | st.floats(0, 120) | st.integers(0, 120),
        "education": st.none() | st.sampled_from(["16", 16, 1.0, "ü},{"]),
        "sex": st.sampled_from(["1", 2, "]}"]),
    }
)


@given(st.lists(SOUND | FIELDS, min_size=1, max_size=4), st.sampled_from([(", ", ": "), (",", ":"), (" ,\n", " : ")]))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_is_read_of_records_at_once_is_what_the_models_read(listed: list[dict[str, Any]], separators: tuple[str, str]) -> None:
    body = json.dumps({"rows": listed}, separators=separators).encode("utf-8", "surrogatepass")
    found = RECORDS.read(body)
    if found is not None:
        assert repr(SCHEMA.read_rows(body)) == repr(found.rows())


@given(st.lists(SOUND, min_size=1, max_size=5), st.integers(0, 2), st.sampled_from([(", ", ": "), (",", ":"), (" ,\n", " : ")]))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_large_body_is_read_in_pieces_as_it_is_at_once(listed: list[dict[str, Any]], more: int, separators: tuple[str, str]) -> None:
    sent = listed * (3 * PIECE // (60 * len(listed)) + more)
    body = json.dumps({"rows": sent}, separators=separators).encode()
    found = RECORDS.read(body)
    # Of a body that was cut within a text, which looks like the border of two rows there, the models have the say.
    assert found is not None or _mixed(listed) or any("},{" in str(row["education"]) for row in listed)
    if found is not None:
        assert repr(ALL.read_rows(body)) == repr(found.rows())


def _mixed(listed: list[dict[str, Any]]) -> bool:
    """Whether a column holds texts and numbers, which are read cell by cell."""
    return any(len({isinstance(row[name], str) for row in listed if row[name] is not None}) > 1 for name in NAMES)


@pytest.mark.parametrize(
    "body",
    [
        b'{"rows":[]}',
        b'{"rows":{}}',
        b'{"rows":[1]}',
        b"[]",
        b'{"rows":[{}],"more":1}',
        b'{"rows":[{"person_id":1,"age":1,"education":"16"}]}',
        b'{"rows":[{"person_id":1,"age":1,"education":"16","sex":"1","more":1}]}',
        b'{"rows":[{"person_id":1,"age":true,"education":"16","sex":"1"}]}',
        b'{"rows":[{"person_id":1,"age":"1","education":"16","sex":"1"}]}',
        b'{"rows":[{"person_id":1,"age":121,"education":"16","sex":"1"}]}',
        b'{"rows":[{"person_id":1,"age":[1],"education":"16","sex":"1"}]}',
        b'{"rows":[{"person_id":9223372036854775808,"age":1,"education":"16","sex":"1"}]}',
    ],
)
def test_what_is_unusual_of_records_is_left_to_the_models(body: bytes) -> None:
    assert RECORDS.read(body) is None


@pytest.mark.parametrize("broken", [b'"}, {"', b"]}, {", b'"rows":[{}, {'])
def test_a_large_body_that_is_no_json_is_left_to_the_models(broken: bytes) -> None:
    row = json.dumps(rows(2)[1]).encode()
    many = b", ".join([row] * (3 * PIECE // len(row)))
    assert RECORDS.read(b'{"rows": [' + many + b"]}") is not None
    middle = len(many) // 2
    assert RECORDS.read(b'{"rows": [' + many[:middle] + broken + many[middle:] + b"]}") is None
    assert RECORDS.read(b'{"rows": [' + many + b'], "rows": [' + many + b"]}") is None


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "age": st.none() | st.floats(0, 120),
                "education": st.none() | st.sampled_from(["16", "99"]),
                "sex": st.sampled_from(["1", "2", "3"]),
            }
        ),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=100, deadline=None)
def test_columns_are_encoded_as_their_rows_are(listed: list[dict[str, Any]], numbers: bool, texts: bool) -> None:  # noqa: FBT001
    import numpy as np

    signature = Signature(
        (
            Input("age", "number", missing=numbers),
            Input("education", "category", ("16",), missing=texts),
            *SIGNATURE.inputs[2:],
            Input("new", "number"),
        )
    )
    given = Columns(
        [str(i) for i in range(len(listed))],
        {
            "age": np.array([row["age"] for row in listed], dtype=float),
            **{name: [row[name] for row in listed] for name in ("education", "sex")},
        },
        ("age", "education", "sex"),
    )
    found = encode(signature, given)
    assert found is not None
    matrix, unseen = found
    for at, row in enumerate(listed):
        values, names = signature.encode_row(row)
        assert (repr(values), names) == (repr(matrix[at].tolist()), unseen.get(at, ()))


def test_a_matrix_of_all_inputs_is_taken_where_each_is_a_number(client: TestClient) -> None:
    told = [{"person_id": i, "age": float(i), "education": "19", "sex": "2"} for i in range(4)]
    matrix = {"name": "predict", "shape": [4, 3], "datatype": "FP64", "data": [cell for i in range(4) for cell in (float(i), 19, 2)]}
    nested = matrix | {"data": [[float(i), 19, 2] for i in range(4)]}
    expected = [one["prediction"] for one in client.post("/predict/batch", json={"rows": told}).json()["predictions"]]
    for tensor in (matrix, nested):
        answer = client.post(INFER, json={"id": "a7", "inputs": [tensor], "outputs": [{"name": "entity"}, {"name": "prediction"}]}).json()
        assert ("a7", MODEL, "1") == (answer["id"], answer["model_name"], answer["model_version"])
        assert [
            {"name": "entity", "shape": [4], "datatype": "BYTES", "data": ["a7:0", "a7:1", "a7:2", "a7:3"]},
            {"name": "prediction", "shape": [4], "datatype": "FP64", "data": expected},
        ] == answer["outputs"]


def test_an_output_that_there_is_not_is_refused_before_anything_is_answered(project: Project, client: TestClient) -> None:
    told = client.post(INFER, json={"inputs": tensors(rows(2)), "outputs": [{"name": "logits"}]})
    assert (400, []) == (told.status_code, journalled(project))


def test_one_who_is_not_named_is_journalled_under_an_id_of_its_own_that_the_answer_tells(project: Project, client: TestClient) -> None:
    told = [item for item in tensors(rows(2)) if item["name"] != "person_id"]
    outputs = {item["name"]: item["data"] for item in client.post(INFER, json={"inputs": told}).json()["outputs"]}
    assert outputs["entity"] == [row["entity"] for row in journalled(project)]
    assert 2 == len(set(outputs["entity"]))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"{", "is no JSON"),
        ([], "must be a JSON object"),
        ({}, "`inputs` must be a list"),
        ({"inputs": [{"name": "age", "shape": [2], "datatype": "FP64", "data": [1]}]}, "has 1 values, and its shape [2] wants 2"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "FP64", "data": ["1"]}]}, "must be of FP64, or null"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "UINT8", "data": [256]}]}, "must be of UINT8, or null"),
        ({"inputs": [{"name": "age", "shape": [1], "datatype": "QUAD", "data": [1]}]}, "datatype of `age` must be one of"),
        ({"inputs": [{"name": "age", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}, "must be [n] or [n, 1]"),
        ({"inputs": [{"name": "all", "shape": [1, 2], "datatype": "FP64", "data": [1, 2]}]}, "no matrix [n, 3] of all of them"),
        ({"inputs": [{"name": "all", "shape": [1, 3], "datatype": "BYTES", "data": ["1", "2", "3"]}]}, "holds texts"),
        ({"inputs": [{"name": "all", "shape": [1, 3], "datatype": "FP64", "data": [121, 16, 1]}]}, "`age[0]` must be at most 120"),
        ({"inputs": [{"name": "all", "shape": [2**60, 2**60], "datatype": "FP64", "data": []}]}, "wants"),
        ({"id": 7, "inputs": tensors(rows(1))}, "`id` must be a text"),
        ({"inputs": tensors(rows(1)), "outputs": [{"name": "logits"}]}, "`logits` is no output of this model"),
    ],
)
def test_what_is_none_of_the_protocol_is_refused_by_its_error_object(client: TestClient, body: Any, said: str) -> None:
    told = client.post(INFER, content=body if isinstance(body, bytes) else json.dumps(body), headers={"Content-Type": "application/json"})
    assert (400, ["error"]) == (told.status_code, list(told.json()))
    assert told.json()["error"].startswith("bad-inference: ")
    assert said in told.json()["error"]


def test_the_protocol_tells_of_the_server_and_its_model(client: TestClient) -> None:
    model = client.get(f"/v2/models/{MODEL}").json()
    assert ["name", "version", "extensions"] == list(client.get("/v2").json())
    assert {"live": True} == client.get("/v2/health/live").json()
    assert 200 == client.get("/v2/health/ready").status_code
    assert {"name": MODEL, "ready": True} == client.get(f"/v2/models/{MODEL}/versions/1/ready").json()
    assert {"name": "age", "datatype": "FP64", "shape": [-1]} in model["inputs"]
    assert ["person_id", "age", "education", "sex"] == [item["name"] for item in model["inputs"]]
    assert (["1"], ["prediction", "id", "arm", "version", "entity"]) == (model["versions"], [item["name"] for item in model["outputs"]])
    for path, id_ in (
        ("/v2/models/other", "no-such-model"),
        (f"/v2/models/{MODEL}/versions/2", "no-such-version"),
        ("/v2/nothing", "no-such-route"),
    ):
        told = client.get(path)
        assert (404, ["error"], id_) == (told.status_code, list(told.json()), told.json()["error"].partition(":")[0])
    assert 200 == client.post(f"/v2/models/{MODEL}/versions/1/infer", json={"inputs": tensors(rows(2))}).status_code


def test_a_version_that_answers_a_share_is_not_asked_alone(project: Project, serve: Serve) -> None:
    champion, candidate = project.register_flaky(0.25), project.register_flaky(0.75)
    project.alias("champion", champion)
    project.weigh(champion, candidate, 0.5)
    told = serve(project).post(f"/v2/models/{MODEL}/versions/{candidate}/infer", json={"inputs": tensors(rows(2))})
    assert (409, "arms-assigned") == (told.status_code, told.json()["error"].partition(":")[0])
    assert [] == journalled(project)


def test_the_repository_is_what_the_store_says(project: Project, client: TestClient) -> None:
    ready = [{"name": MODEL, "version": "1", "state": "READY", "reason": ""}]
    assert ready == client.post("/v2/repository/index", json={}).json() == client.post("/v2/repository/index", json={"ready": True}).json()
    second = project.register(1)
    project.alias("champion", second)
    assert {"name": MODEL, "versions": ["2"]} == client.post(f"/v2/repository/models/{MODEL}/load").json()
    blob = project.blob(second)
    blob.chmod(0o600)
    blob.write_bytes(b"other bytes")
    told = client.post(f"/v2/repository/models/{MODEL}/load")
    assert (503, "not-loaded") == (told.status_code, told.json()["error"].partition(":")[0])
    assert 2 == client.post("/predict", json=ROW).json()["version"]
    assert ["READY", "UNAVAILABLE"] == [item["state"] for item in client.post("/v2/repository/index", json={}).json()]
    unload = client.post(f"/v2/repository/models/{MODEL}/unload")
    assert (409, "not-unloaded") == (unload.status_code, unload.json()["error"].partition(":")[0])


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        (pa.table({"person_id": [1], "age": ["x"], "education": ["16"], "sex": ["1"]}), {"columns.age[0]": "must be a number"}),
        (pa.table({"person_id": [1], "age": [math.inf], "education": ["16"], "sex": ["1"]}), {"columns.age[0]": "must be a finite number"}),
        (pa.table({"person_id": [1], "age": [121], "education": ["16"], "sex": ["1"]}), {"columns.age[0]": "must be at most 120"}),
        (pa.table({"person_id": [1], "age": [[1.0]], "education": ["16"], "sex": ["1"]}), None),
        (pa.table({"person_id": [1.5], "age": [1], "education": ["16"], "sex": ["1"]}), None),
        (pa.table({"person_id": pa.array([], pa.int64())}), {"": "must not be empty"}),
    ],
)
def test_a_fault_in_arrow_is_named_at_its_place(client: TestClient, table: pa.Table, expected: dict[str, str] | None) -> None:
    found = faults(client.post("/predict/batch", content=stream(table), headers={"Content-Type": ARROW}))
    assert found == (found if expected is None else expected)


def test_arrow_reads_widths_nulls_and_dictionaries(client: TestClient) -> None:
    told = rows(40)
    plain = pa.table(columns(told))
    other = pa.table(
        {
            "person_id": plain["person_id"].cast(pa.int32()),
            "age": plain["age"].cast(pa.float32()),
            "education": plain["education"].dictionary_encode(),
            "sex": plain["sex"].cast(pa.int8()),
        }
    )
    given = [client.post("/predict/batch", content=stream(table), headers={"Content-Type": ARROW}) for table in (plain, other)]
    one, two = ([item["prediction"] for item in read_stream(answer.content)] for answer in given)
    assert ARROW == given[0].headers["content-type"]
    assert one == two


@pytest.mark.parametrize("compression", ["lz4", "zstd"])
def test_a_compressed_stream_is_refused_before_it_is_unpacked(client: TestClient, compression: str) -> None:
    bomb = stream(pa.table({"age": [0.0] * 1_000_000}), compression=compression)
    assert len(bomb) < 2**16
    assert "is compressed" in faults(client.post("/predict/batch", content=bomb, headers={"Content-Type": ARROW}))[""]


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_bytes_of_any_kind_are_no_stream_and_never_a_failure(client: TestClient, data: Any) -> None:
    whole = bytearray(stream(pa.table(columns(rows(5)))))
    for _ in range(data.draw(st.integers(1, 8))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    told = client.post("/predict/batch", content=bytes(whole[: data.draw(st.integers(0, len(whole)))]), headers={"Content-Type": ARROW})
    assert told.status_code in {200, 422}


def test_arrow_is_for_batches_alone(client: TestClient) -> None:
    table = stream(pa.table(columns(rows(1))))
    assert [415, 415] == [client.post(path, content=table, headers={"Content-Type": ARROW}).status_code for path in ("/predict", INFER)]


def test_an_input_that_is_called_as_the_entity_is_read_as_both(tmp_path: Any, serve: Serve) -> None:
    named = {"name": "person_id", "column": "person_id", "view": None, "type": "number", "low": None, "high": None}
    made = make_project(tmp_path, {"inputs": [*CONFIG["inputs"], named]})
    made.alias("champion", made.register())
    told = serve(made).post("/predict/batch", json={"columns": columns(rows(3))})
    assert 200 == told.status_code
    kept = journalled(made)
    assert [("0", 0.0), ("1", 1.0), ("2", 2.0)] == [(row["entity"], row["inputs"]["person_id"]) for row in kept]
    made.store.close()
