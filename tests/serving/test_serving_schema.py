import json
import re
from datetime import UTC, datetime, timedelta, timezone
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from serving_project import CONFIG, ROW

from headrace.compiled import ServingConfig
from headrace.serving.problem import Fault, Refused
from headrace.serving.schema import Answer, Row, Schema, parse_time

SCHEMA = Schema(ServingConfig.model_validate(CONFIG))


def faults(body: object, read: str = "read_row") -> list[Fault]:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with pytest.raises(Refused) as caught:
        getattr(SCHEMA, read)(data)
    assert caught.value.status == 422
    return list(caught.value.faults)


def test_a_row_is_its_entity_as_text_and_its_inputs_by_name() -> None:
    expected = Row("7", "7", {"age": 46.0, "education": "21", "sex": "2"})
    assert expected == SCHEMA.read_row(json.dumps({**ROW, "age": 46}).encode())


def test_null_is_a_missing_value_and_an_unknown_category_is_no_fault() -> None:
    expected = Row("7", "7", {"age": None, "education": "never seen", "sex": None})
    assert expected == SCHEMA.read_row(json.dumps({**ROW, "age": None, "education": "never seen", "sex": None}).encode())


def test_the_order_of_the_keys_means_nothing() -> None:
    turned = dict(reversed(list(ROW.items())))
    assert SCHEMA.read_row(json.dumps(ROW).encode()) == SCHEMA.read_row(json.dumps(turned).encode())


NUMBER = [
    (True, "must be a number"),
    ("46", "must be a number"),
    ([46], "must be a number"),
    (float("nan"), "must be a finite number"),
    (float("inf"), "must be a finite number"),
    (-1, "must be at least 0"),
    (120.5, "must be at most 120"),
    (10**400, "must be a finite number"),
]


@pytest.mark.parametrize(("value", "message"), NUMBER)
def test_a_number_is_a_finite_number_within_its_bounds(value: object, message: str) -> None:
    assert [Fault("age", message)] == faults({**ROW, "age": value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (1.5, "must be a text or a whole number"),
        (True, "must be a text or a whole number"),
        ({}, "must be a text or a whole number"),
        (10**300, "must have at most 256 characters"),
        ("x" * 257, "must have at most 256 characters"),
        ("a\0b", "must not hold the character U+0000"),
    ],
)
def test_a_category_is_a_text_or_a_whole_number(value: object, message: str) -> None:
    assert [Fault("education", message)] == faults({**ROW, "education": value})


@pytest.mark.parametrize("value", ["21", 21, 21.0])
def test_a_category_sent_as_a_number_is_the_text_that_training_has(value: object) -> None:
    assert "21" == SCHEMA.read_row(json.dumps({**ROW, "education": value}).encode()).inputs["education"]


@pytest.mark.parametrize("value", [None, True, 1.5, "", "x" * 257, [1], 2**63])
def test_an_entity_is_a_whole_number_or_a_text_and_is_named_once(value: object) -> None:
    assert [Fault("person_id", "must be a whole number or a text of 1 to 256 characters")] == faults({**ROW, "person_id": value})


def test_an_entity_with_a_character_that_no_store_takes_is_told_which() -> None:
    assert [Fault("person_id", "must not hold the character U+0000")] == faults({**ROW, "person_id": "a\0"})
    assert [Fault("rows[0].person_id", "must not hold the character U+0000")] == faults(
        {"rows": [{**ROW, "person_id": "a\0"}]}, "read_rows"
    )


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ([ROW], Fault("", "must be one row, a JSON object: a list of rows goes to POST /predict/batch, as `rows`")),
        ({"rows": [ROW]}, Fault("rows", "is of many rows, which go to POST /predict/batch")),
        ({"columns": {}}, Fault("columns", "is of many rows, which go to POST /predict/batch")),
    ],
)
def test_many_rows_where_one_is_read_are_told_where_they_go(body: object, fault: Fault) -> None:
    assert [fault] == faults(body)


def _doubled(body: object, key: str, value: str) -> bytes:
    """The body's text with one more of a key, behind the first one."""
    return re.sub(rf'("{key}": [^,}}\]]+)', rf'\1, "{key}": {value}', json.dumps(body), count=1).encode()


@pytest.mark.parametrize(
    ("read", "body", "key"),
    [
        ("read_row", ROW, "age"),
        ("read_row", {**ROW, "person_id": "a:b"}, "person_id"),
        ("read_row", ROW, "person_id"),
        ("read_rows", {"rows": [ROW, ROW]}, "age"),
        ("read_outcomes", {"outcomes": [{"person_id": 7, "employed": 1, "known_at": "2024-01-01T00:00:00Z"}]}, "employed"),
    ],
)
def test_a_key_that_stands_twice_is_refused(read: str, body: dict[str, Any], key: str) -> None:
    getattr(SCHEMA, read)(json.dumps(body).encode())  # once it is taken, colons in texts or not
    doubled = _doubled(body, key, "1")
    assert doubled.count(f'"{key}"'.encode()) > json.dumps(body).encode().count(f'"{key}"'.encode())
    assert [Fault(key, "stands twice in one object: send it once")] == faults(doubled, read)
    assert SCHEMA.quick(doubled) is None


def test_a_key_that_is_spelt_in_another_way_is_the_same_key() -> None:
    doubled = json.dumps(ROW).replace('"age"', '"\\u0061ge": 1, "age"').encode()
    assert [Fault("age", "stands twice in one object: send it once")] == faults(doubled)


def test_every_fault_is_told_at_once() -> None:
    expected = [
        Fault("person_id", "is required, as a whole number or a text of 1 to 256 characters"),
        Fault("age", "must be a number"),
        Fault("education", "is required (null where it is not known)"),
        Fault("sex", "is required (null where it is not known)"),
        Fault("race", "is no input of this model"),
    ]
    assert expected == faults({"age": "x", "race": "1"})


def test_what_was_sent_is_not_repeated() -> None:
    with pytest.raises(Refused) as caught:
        SCHEMA.read_row(json.dumps({**ROW, "age": "secret-4711"}).encode())
    assert b"secret-4711" not in caught.value.response().body


@pytest.mark.parametrize(
    ("body", "start"),
    [
        (b"", "is no JSON"),
        (b"{", "is no JSON"),
        (b"\xff\xfe", "is no JSON"),
        (b"[" * 100_000, "is no JSON: recursion limit"),
        (b'{"person_id":"\\ud800"}', "is no JSON"),
        (b"NaN", "must be a JSON object"),
        (b"[]", "must be one row, a JSON object"),
    ],
)
def test_a_body_that_is_no_object_is_refused_whole(body: bytes, start: str) -> None:
    (fault,) = faults(body)
    assert (fault.field, fault.message[: len(start)]) == ("", start)


def test_a_batch_names_the_row() -> None:
    assert [Fault("rows[1].age", "must be a number")] == faults({"rows": [ROW, {**ROW, "age": "x"}]}, "read_rows")


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, Fault("rows", "is required, or `columns` in its place")),
        ([ROW], Fault("", "must be a JSON object: send a list of records as `rows`")),
        ({"rows": [ROW], "columns": {}}, Fault("columns", "stands beside the other: send `rows` or `columns`")),
        ({"rows": []}, Fault("rows", "must not be empty")),
        ({"rows": {}}, Fault("rows", "must be a list")),
        ({"rows": [3]}, Fault("rows[0]", "must be a JSON object")),
        ({"rows": [ROW] * 1001}, Fault("rows", "must have at most 1000 items")),
    ],
)
def test_a_batch_is_a_list_of_rows(body: object, fault: Fault) -> None:
    assert [fault] == faults(body, "read_rows")


def test_only_the_first_faults_are_listed_and_the_rest_is_counted() -> None:
    with pytest.raises(Refused) as caught:
        SCHEMA.read_rows(json.dumps({"rows": [{**ROW, "age": "x"}] * 50}).encode())
    assert (20, "`rows[0].age` must be a number, and 49 more") == (len(caught.value.faults), caught.value.detail)


def test_an_outcome_may_say_since_when_it_is_known() -> None:
    body = {"outcomes": [{"person_id": 7, "employed": 1, "known_at": "2016-03-01T13:00:00+01:00"}, {"person_id": "a", "employed": 0.0}]}
    expected = [Answer("7", 1.0, datetime(2016, 3, 1, 12, tzinfo=UTC)), Answer("a", 0.0, None)]
    assert expected == SCHEMA.read_outcomes(json.dumps(body).encode())


@pytest.mark.parametrize(
    ("outcome", "fault"),
    [
        ({"person_id": 7}, Fault("outcomes[0].employed", "is required")),
        ({"person_id": 7, "employed": 2}, Fault("outcomes[0].employed", "must be 0 or 1")),
        ({"person_id": 7, "employed": True}, Fault("outcomes[0].employed", "must be a number")),
        ({"employed": 1}, Fault("outcomes[0].person_id", "is required, as a whole number or a text of 1 to 256 characters")),
        ({"person_id": 7, "employed": 1, "age": 3}, Fault("outcomes[0].age", "is no field of an outcome")),
        ({"person_id": 7, "employed": 1, "known_at": "2016-03-01T12:00:00"}, Fault("outcomes[0].known_at", "must have a time zone")),
        (
            {"person_id": 7, "employed": 1, "known_at": "0001-01-01T00:00:00+23:00"},
            Fault("outcomes[0].known_at", "the time is out of range"),
        ),
    ],
)
def test_an_outcome_is_checked_like_a_row(outcome: object, fault: Fault) -> None:
    assert [fault] == faults({"outcomes": [outcome]}, "read_outcomes")


@pytest.mark.parametrize("name", ["json", "model_config", "f0", "entity_", "copy", "a column", "schema"])
def test_an_input_may_be_called_anything(name: str) -> None:
    schema = Schema(
        ServingConfig.model_validate(
            {**CONFIG, "inputs": [{"name": name, "column": name, "view": None, "type": "number", "low": None, "high": None}]}
        )
    )
    assert Row("7", "7", {name: 1.0}) == schema.read_row(json.dumps({"person_id": 7, name: 1}).encode())


def test_the_unit_may_be_an_input_and_falls_back_to_the_entity_where_it_is_missing() -> None:
    schema = Schema(ServingConfig.model_validate({**CONFIG, "unit": "sex"}))
    units = [schema.read_row(json.dumps({**ROW, "sex": sex}).encode()).unit for sex in ("2", None)]
    assert ["2", "7"] == units


def test_the_unit_may_be_named_by_its_column_and_must_be_in_the_request() -> None:
    inputs = [{"name": "gender", "column": "sex", "view": None, "type": "category", "low": None, "high": None}]
    schema = Schema(ServingConfig.model_validate({**CONFIG, "unit": "sex", "inputs": inputs}))
    assert "2" == schema.read_row(b'{"person_id": 7, "gender": "2"}').unit
    with pytest.raises(ValueError, match="household"):
        ServingConfig.model_validate({**CONFIG, "unit": "household"})


def test_a_time_is_read_in_utc() -> None:
    assert datetime(2016, 3, 1, 12, tzinfo=UTC) == parse_time("2016-03-01T14:00:00+02:00")


@pytest.mark.parametrize("text", ["", "today", "2016-03-01", "2016-03-01T12:00:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_without_a_zone_or_beyond_the_calendar_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_time(text)


def test_the_published_schema_says_what_the_checks_do() -> None:
    from headrace.serving.schema import json_schema

    told: dict[str, Any] = json_schema(SCHEMA.row)
    assert (["person_id", "age", "education", "sex"], False) == (told["required"], told["additionalProperties"])
    assert {"maximum": 120.0, "minimum": 0.0, "type": "number"} in told["properties"]["age"]["anyOf"]


def test_utc_is_where_times_end() -> None:
    assert timedelta(0) == parse_time(datetime(2016, 1, 1, tzinfo=timezone(timedelta(hours=5))).isoformat()).utcoffset()


CELL = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["", "1", "21", "\0", "x" * 256, "x" * 257])
    | st.text(max_size=3)
)
FIELDS = st.sampled_from(["person_id", "age", "education", "sex", "query", "more"])


@cache
def both(**more: Any) -> tuple[Schema, Schema]:
    """A schema, and one that reads by its models alone."""
    made, by_models = (Schema(ServingConfig.model_validate({**CONFIG, **more, "max_rows": 2}), {"age"}) for _ in range(2))
    by_models._codec = None
    return made, by_models


@pytest.mark.parametrize("read", ["read_row", "read_rows"])
@pytest.mark.parametrize("config", [{}, {"task": "ranking", "group": "query", "unit": "query"}])
@settings(deadline=None, max_examples=150)
@given(row=st.dictionaries(FIELDS, CELL) | st.dictionaries(FIELDS, CELL, max_size=2).map(lambda some: {**ROW, "query": "q", **some}))
def test_the_codec_takes_what_the_models_take_and_reads_it_alike(config: dict[str, Any], read: str, row: dict[str, Any]) -> None:
    body = json.dumps(row if read == "read_row" else {"rows": [row] * (1 + len(row) % 3)}).encode()

    def told(schema: Schema) -> object:
        try:
            return getattr(schema, read)(body)
        except Refused as refused:
            return refused.detail, refused.faults

    made, by_models = both(**config)
    assert told(by_models) == told(made)


def test_rows_are_read_by_the_codec() -> None:
    schema = Schema(ServingConfig.model_validate(CONFIG))
    schema._to_row = None  # type: ignore[method-assign, assignment]
    body = json.dumps(ROW).encode()
    assert [schema.read_row(body)] == schema.read_rows(b'{"rows": [%s]}' % body)


def test_an_entity_that_is_an_input_too_is_read_by_the_models() -> None:
    inputs = [*CONFIG["inputs"], {"name": "person_id", "column": "person_id", "view": None, "type": "number", "low": None, "high": None}]
    schema = Schema(ServingConfig.model_validate({**CONFIG, "inputs": inputs}))
    assert ("7", 7.0) == ((row := schema.read_row(json.dumps(ROW).encode())).entity, row.inputs["person_id"])
