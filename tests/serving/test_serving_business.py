"""Business metrics come in by POST /outcomes: each once, under the unit that the journal has, known metrics alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from serving_project import ROW, Project
from serving_project import project as make_project
from sqlmodel import select

from headrace.journal import Spool, ship, subjects
from headrace.journal.personal import Personal
from headrace.journal.records import MeasureRecord, decode, encode
from headrace.journal.spool import Terms
from headrace.serving.business import of_measures
from headrace.store.measured import Measure
from headrace.store.tables import Prediction

Serve = Callable[[Project], TestClient]
WAYS = ("hot",)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def measured(tmp_path: Path, serve: Serve) -> tuple[Project, TestClient]:
    made = make_project(tmp_path, config={"measures": ["order", "visit"]})
    made.alias("champion", made.register())
    return made, serve(made)


def one(id_: str, value: float = 1.0, **more: object) -> dict[str, object]:
    return {"id": id_, "unit": 7, "metric": "order", "value": value, "at": AT.isoformat()} | more


def kept(made: Project) -> list[tuple[str, str, str, float, datetime]]:
    ship(made.store, made.spool)
    with made.store.read() as session:
        return [(row.id, row.unit, row.metric, row.value, row.at) for row in session.exec(select(Measure).order_by(Measure.seq))]


def test_a_value_told_twice_counts_once_and_the_first_that_came_holds(measured: tuple[Project, TestClient]) -> None:
    made, client = measured
    told = client.post("/outcomes", json={"measures": [one("a", 3), one("b", 5, metric="visit", at=(AT - timedelta(days=3)).isoformat())]})
    client.post("/outcomes", json={"measures": [one("a", 3)]})
    client.post("/outcomes", json={"measures": [one("a", 99)]})

    assert (202, {"accepted": 2}) == (told.status_code, told.json())
    assert [("a", "7", "order", 3.0, AT), ("b", "7", "visit", 5.0, AT - timedelta(days=3))] == kept(made)


@pytest.mark.parametrize(
    ("item", "field", "message"),
    [
        (one("a", metric="ordr"), "measures[0].metric", "is none of the metrics that this model is judged by: order, visit"),
        (one("a", at="2026-03-01T12:00:00"), "measures[0].at", "must have a time zone"),
        (one("a", unit=""), "measures[0].unit", "must be a whole number or a text of 1 to 256 characters"),
        (one("a", value=None), "measures[0].value", "must be a number"),
        (one(""), "measures[0].id", "should have at least 1 character"),
        (one("a", extra=1), "measures[0].extra", "is no field of a measure"),
        ({"id": "a"}, "measures[0].unit", "is required"),
    ],
)
def test_a_fault_is_told_at_its_field(measured: tuple[Project, TestClient], item: dict[str, object], field: str, message: str) -> None:
    made, client = measured
    told = client.post("/outcomes", json={"measures": [item]})

    assert 422 == told.status_code
    assert any(field == fault["field"] and message in fault["message"] for fault in told.json()["errors"]), told.json()
    assert [] == kept(made)


def test_outcomes_stand_in_a_request_of_their_own(measured: tuple[Project, TestClient]) -> None:
    _, client = measured
    outcome = {"outcomes": [{"person_id": 7, "employed": 1}]}

    assert 202 == client.post("/outcomes", json=outcome).status_code
    both = client.post("/outcomes", json=outcome | {"measures": [one("a")]})
    assert (422, True) == (both.status_code, "send each in a request of its own" in both.text)
    assert "oneOf" in str(client.get("/openapi.json").json()["paths"]["/outcomes"])


def test_a_model_without_an_experiment_takes_none(project: Project, serve: Serve) -> None:
    project.alias("champion", project.register())
    told = serve(project).post("/outcomes", json={"measures": [one("a")]})

    assert (422, []) == (told.status_code, kept(project))


@pytest.mark.parametrize(("body", "are"), [(b'{"measures": []}', True), (b'{"outcomes": ["measures"]}', False), (b'{"measures"', False)])
def test_what_a_body_tells_is_its_outermost_key(body: bytes, are: bool) -> None:  # noqa: FBT001 - a case
    assert are is of_measures(body)


def test_a_record_is_read_as_it_was_written() -> None:
    record = MeasureRecord("shop", "a", "ann", "order", 2.5, AT, AT, "customer")

    assert record._replace(column="") == decode(encode(record, AT)).record
    with pytest.raises(ValueError, match="finite"):
        encode(record._replace(value=float("nan")), AT)


def test_a_unit_is_veiled_as_the_journal_veils_it_and_erased_with_its_subject(project: Project) -> None:
    personal = Personal({"person_id": "hash", "sex": "hash", "age": "encrypt"}, "person_id", hash_key=b"k" * 32)
    spool = Spool.open(project.spool, Terms(personal=personal))
    for id_, column, unit in (("a", "person_id", "canary"), ("b", "sex", "canary"), ("c", "education", "9")):
        spool.append(MeasureRecord("employment", id_, unit, "order", 1.0, AT, AT, column))
    with pytest.raises(KeyError, match="age"):
        spool.append(MeasureRecord("employment", "d", "46", "order", 1.0, AT, AT, "age"))
    spool.close()
    subject = personal.subject("canary")

    assert [subject, f'{{"hmac-sha256":"{personal._hash("sex", "canary")}"}}', "9"] == [unit for _, unit, *_ in kept(project)]
    with project.store.transaction("user:test", "put", "a request") as session:
        who = {"id": "p", "model": "employment", "version": 1, "arm": "champion", "epoch": 1, "entity": subject}
        session.add(Prediction(**who, at=AT, recorded_at=AT, latency_us=1, inputs=ROW, unseen=[]))
    assert subjects.erase(project.store, "user:test", [("employment", subject)], {}, reason="asked") is not None
    assert subject not in [unit for _, unit, *_ in kept(project)]
