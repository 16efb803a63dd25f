"""Runs announced as OpenLineage's events: valid by the published schema, in order, and heard by a receiver that was away."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from referencing import Registry, Resource

from headrace import mirroring, registry
from headrace.diagnostics import HeadraceError
from headrace.mirroring import openlineage
from headrace.steps import run
from headrace.store import Store, digest, tables
from headrace.store.kinds import RunStatus
from lineage_receiver import receiving

KEPT = json.loads((Path(__file__).parent / "openlineage.json").read_text())
"""Schemas and examples of OpenLineage/OpenLineage (Apache-2.0), at the commit that `source` names."""
OWN = json.loads((Path(openlineage.__file__).parent / "facets.json").read_text())
SCHEMAS = Registry().with_resources((item["$id"], Resource.from_contents(item)) for item in [*KEPT["schemas"].values(), OWN])
AT = datetime(2020, 1, 1, tzinfo=UTC)
PARTS = ("data", "spec", "code", "environment")


def valid(value, schema):
    Draft202012Validator({"$ref": schema}, registry=SCHEMAS, format_checker=FormatChecker()).validate(value)


def facets(value):
    if isinstance(value, dict):
        if "_schemaURL" in value:
            yield value
        for item in value.values():
            yield from facets(item)
    elif isinstance(value, list):
        for item in value:
            yield from facets(item)


def checked(event):
    valid(event, event["schemaURL"])
    for facet in facets(event):
        valid(facet, facet["_schemaURL"])
    return event


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def store(request, tmp_path):
    url = "sqlite:///state.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    opened = Store.open(url, "blobs", root=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def lived(store):
    """A training that ended well with a version, one that failed and was tried again, and one that nobody could name."""
    place = SimpleNamespace(store=store, actor="service:flow")
    good = run.start(place, model="churn", flow="train")
    registry.register(
        store,
        actor="service:flow",
        model="churn",
        run_id=good,
        manifest={
            "digests": {part: digest(part.encode()) for part in PARTS},
            "metrics": {"roc_auc": 0.9, "f1": None},
            "sources": {"census": digest(b"rows")},
            "reference": digest(b"held out"),
        },
        model_bytes=b"model",
        algorithm="own",
        format="x",
        at=AT,
    )
    run.end(place, good, RunStatus.PASSED)
    bad = run.start(place, model="churn", flow="monitor")
    run.end(place, bad, RunStatus.FAILED, {"error": "ValueError: no rows"})
    with run.running(place, model="churn", flow="monitor", run_id=bad, last=True):
        pass
    with store.transaction("test", "old", "model/churn") as session:
        session.add(tables.Run(id="old", model="churn", flow="train", started_at=AT, details={}))
        session.flush()
    run.end(place, "old", RunStatus.PASSED)
    return good, bad


@pytest.fixture
def receiver():
    with receiving(checked) as told:
        yield told


ORDER = ["START", "COMPLETE", "START", "FAIL", "RUNNING", "COMPLETE"]


def announce(store, target):
    return mirroring.announce(store, target, "shop", "test", pause=0.0)


def kinds(heard):
    return [event["eventType"] for event in heard]


@pytest.mark.parametrize("name", KEPT["examples"])
def test_their_own_examples_are_valid_by_the_schemas_that_we_hold_ours_against(name):
    example = KEPT["examples"][name]
    if "eventType" in example:
        valid({**example, "job": {**example["job"], "facets": {}}}, openlineage.SCHEMA)
        return
    wanted = next(item for path, item in KEPT["schemas"].items() if path.rpartition("/")[2].removesuffix(".json") == name.split("/")[2])
    valid(example, wanted["$id"])


def test_an_event_without_its_run_is_none():
    with pytest.raises(ValidationError):
        valid(
            {"eventTime": "2020-01-01T00:00:00Z", "producer": "urn:x", "schemaURL": "urn:x", "job": {"namespace": "a", "name": "b"}},
            openlineage.SCHEMA,
        )


def test_every_start_and_end_is_heard_once_and_in_order(store, lived, receiver):
    assert (6, 0) == (announce(store, receiver.url), announce(store, receiver.url))
    assert ORDER == kinds(receiver.heard)
    assert lived == tuple(dict.fromkeys(event["run"]["runId"].replace("-", "") for event in receiver.heard))


def test_a_trainings_end_has_its_sources_and_the_model_by_its_digest(store, lived, receiver):
    announce(store, receiver.url)
    ended = receiver.heard[1]
    (output,) = ended["outputs"]
    assert ("headrace://shop", f"models/churn@{digest(b'model')}", {"roc_auc": 0.9}) == (
        output["namespace"],
        output["name"],
        output["facets"]["headrace_evaluation"]["metrics"],
    )
    assert [("sources/census", digest(b"rows")), ("models/churn/rows", digest(b"data"))] == [
        (item["name"], item["facets"]["version"]["datasetVersion"]) for item in ended["inputs"]
    ]


def test_a_failure_says_why(store, lived, receiver):
    announce(store, receiver.url)
    assert "ValueError: no rows" == receiver.heard[3]["run"]["facets"]["errorMessage"]["message"]


def test_a_receiver_that_errs_and_comes_back_within_the_call_hears_all(store, lived, receiver):
    receiver.answers += [503, 429]
    announce(store, receiver.url)
    assert ORDER == kinds(receiver.heard)


def test_a_receiver_that_stays_away_hears_the_rest_when_it_is_back(store, lived, receiver):
    receiver.answers += [201, 500, 500, 500]
    with pytest.raises(HeadraceError, match=r"mirror-failed.*did not take the COMPLETE of run .*: it answered 500"):
        announce(store, receiver.url)
    assert ["START"] == kinds(receiver.heard)
    assert 5 == announce(store, receiver.url)
    assert ORDER == kinds(receiver.heard)


def test_what_is_refused_for_good_is_asked_once(store, lived, receiver):
    receiver.answers += [422]
    with pytest.raises(HeadraceError, match="it answered 422"):
        announce(store, receiver.url)
    assert ([], []) == (receiver.answers, receiver.heard)


def test_nobody_listens(store, lived):
    with pytest.raises(HeadraceError, match="mirror-failed"):
        announce(store, "http://127.0.0.1:9/lineage")


def test_a_secret_address_is_in_no_message(store, lived, monkeypatch):
    monkeypatch.setenv("LINEAGE", "http://canary-of-a-key@127.0.0.1:9/canary-of-a-key")
    with pytest.raises(HeadraceError, match="mirror-failed") as raised:
        announce(store, "env:LINEAGE")
    assert "canary" not in str(raised.value)


def test_receivers_hear_apart_and_a_file_holds_a_line_each(store, lived, receiver, tmp_path):
    assert (6, 6) == (announce(store, receiver.url), announce(store, "lineage.jsonl"))
    lines = (tmp_path / "lineage.jsonl").read_text().splitlines()
    assert receiver.heard == [checked(json.loads(line)) for line in lines]


def test_a_run_that_was_rolled_back_is_not_announced(store, receiver, monkeypatch):
    place = SimpleNamespace(store=store, actor="service:flow")
    with monkeypatch.context() as patch:
        patch.setattr("headrace.steps.run.events.append", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run.start(place, model="churn", flow="monitor")
    assert 0 == announce(store, receiver.url)


def test_a_killed_sender_repeats_its_last_event_and_loses_none(store, lived, receiver, monkeypatch):
    def killed():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("headrace.mirroring.announcing.clock", SimpleNamespace(wall=killed))
        with pytest.raises(KeyboardInterrupt):
            announce(store, receiver.url)
    announce(store, receiver.url)
    assert ["START", *ORDER] == kinds(receiver.heard)
