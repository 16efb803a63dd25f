"""A store that records nothing, while something else knows of a life, is told of; and nothing else is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from headrace import tracking
from headrace.plan import Observed, State, lost, to_json, to_text
from headrace.store import EventKind, Store, clock, events

EMPTY = Observed({}, {})
TYPED = (
    " If it was lost, put its last backup back before anything else; if this is a new beginning, type `headrace apply`: it takes the"
    " deployments over, and versions count from 1."
)
PREFECT = "Prefect holds 4 deployments of this project, applied from /srv/labour"


def test_a_new_project_is_told_nothing(folder):
    assert ((), ()) == (folder.plan().notes, folder.plan(State(), EMPTY).notes)


@pytest.mark.parametrize(
    ("state", "there", "said"),
    [
        (State(), True, PREFECT),
        (State(artifacts=True), False, "the blobs hold artifacts"),
        (State(artifacts=True), True, f"{PREFECT} and the blobs hold artifacts"),
    ],
)
def test_an_empty_store_beside_a_life_is_told_of_with_what_to_type(folder, state, there, said):
    plan = folder.plan(state, folder.observed() if there else EMPTY)
    assert (f".headrace/state.db records nothing, and {said}.{TYPED}",) == plan.notes
    assert f"note: {plan.notes[0]}" in to_text(json.loads(json.dumps(to_json(plan)))).splitlines()


def test_a_store_that_records_something_is_not_lost(folder):
    assert () == folder.plan(folder.applied(artifacts=True), folder.observed()).notes
    assert () == folder.plan(State(began=True, artifacts=True), folder.observed()).notes


def test_a_note_changes_neither_what_is_done_nor_what_the_plan_is_bound_to(folder):
    plain, noted = folder.plan(State()), folder.plan(State(artifacts=True))
    assert plain == replace(noted, notes=())


def test_an_address_that_may_hold_a_password_is_not_repeated():
    said = lost.note("postgresql://ana:secret@db/labour", began=False, artifacts=True, observed=None)
    assert (True, False) == (str(said).startswith("the store records nothing"), "secret" in str(said))


def test_what_a_store_and_its_blobs_hold_is_seen(tmp_path):
    assert (True, False) == (lost.missing("sqlite:///a.db", tmp_path), lost.missing("postgresql://db", tmp_path))
    assert not lost.artifacts("blobs", tmp_path)
    with Store.open("sqlite:///a.db", "blobs", root=tmp_path) as store:
        with store.read() as session:
            assert not lost.began(session)
        assert not lost.artifacts("blobs", tmp_path)
        store.blobs.put(b"a model")
        with store.transaction("user:test", "live", "model/m") as session:
            events.append(session, model="m", kind=EventKind.RUN_STARTED, payload={}, at=clock.wall())
        with store.read() as session:
            assert lost.began(session)
    assert (False, True) == (lost.missing("sqlite:///a.db", tmp_path), lost.artifacts("blobs", tmp_path))
    assert [False, False] == [lost.artifacts(url, tmp_path) for url in ("s3://bucket/blobs", "env:BLOBS")]


def test_what_a_notebook_left_before_the_first_apply_is_no_loss(tmp_path):
    with Store.open("sqlite:///a.db", "blobs", root=tmp_path) as store:
        with store.transaction("user:test", "track", "by-hand") as session:
            tracking.begin(session, id=tracking.new_id(), experiment="by-hand", actor="user:test", at=clock.wall())
        store.blobs.put(b"a model")
        with store.read() as session:
            assert lost.artifacts("blobs", tmp_path)
            assert not lost.artifacts("blobs", tmp_path, session)
            assert not lost.began(session)
