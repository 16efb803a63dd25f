"""Versions that were taken out of use: hidden and refused, and kept whole; none that is needed."""

from datetime import UTC, datetime

import pytest

from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.registry import found
from headrace.store import EventKind, events, tables

AT = datetime(2020, 1, 2, tzinfo=UTC)
CHURN = {"model": "churn"}


@pytest.fixture
def withdraw(write):
    return lambda number: write(registry.withdraw, **CHURN, number=number, at=AT, reason="bad rows")


def test_it_is_hidden_refused_and_kept(make, write, withdraw, store):
    made = [make(semver=f"1.0.{n}") for n in range(2)]
    withdraw(2)
    withdraw(2)
    with store.read() as session:
        for which in ("2", "v2", "1.0.1"):
            with pytest.raises(HeadraceError, match=r"version-withdrawn.*by test: bad rows"):
                registry.find(session, "churn", which)
        assert (1, made[1]) == (registry.find(session, "churn", "latest").number, registry.get(session, "churn", 2))
        assert [{"number": 2, "stage": "registered", "reason": "bad rows"}] == [
            event.payload for event in events.log(session, "churn", [EventKind.VERSION_WITHDRAWN])
        ]
    assert ([1], [2, 1]) == tuple([item.number for item in found.search(store, withdrawn=all_).versions] for all_ in (False, True))
    for act in (
        lambda: write(registry.promote, **CHURN, number=2, at=AT, reason="x"),
        lambda: write(registry.move, **CHURN, alias="shadow", number=2, at=AT, reason="x"),
    ):
        with pytest.raises(HeadraceError, match="version-withdrawn"):
            act()


def test_its_number_and_semver_are_not_given_again(make, withdraw):
    make(semver="1.0.0")
    withdraw(1)
    with pytest.raises(HeadraceError, match="semver-taken"):
        make(semver="1.0.0")
    assert 2 == make().number


def test_a_number_is_not_given_again_though_the_row_is_gone(make, store):
    make(), make()
    with store.transaction("vandal", "delete", "churn") as session:
        session.connection().exec_driver_sql("DELETE FROM model_version WHERE number = 2")
    assert 3 == make().number


def test_one_that_is_needed_stays(make, write, withdraw, store, manifest):
    versions = [make(data=b"%d" % n) for n in range(6)]
    write(registry.promote, **CHURN, number=1, at=AT, reason="x")
    write(registry.promote, **CHURN, number=2, at=AT, reason="x")
    write(registry.move, **CHURN, alias="candidate", number=3, at=AT, reason="x")
    write(registry.move, **CHURN, alias="shadow", number=4, at=AT, reason="x")
    make(data=b"whole", components=[{"id": "a", "algorithm": "own", "digest": versions[4].model_digest}])
    with store.transaction("test", "start", "churn") as session:
        session.add(
            tables.Rollout(
                **CHURN, candidate=6, champion=2, state="deploying", step=0, epoch=1, started_at=AT, step_since=AT, passed=[], details={}
            )
        )
        session.add(tables.Weights(**CHURN, epoch=1, arms=[{"name": "candidate", "version": 6, "weight": 0.5}], at=AT, reason="x"))
    told = {}
    for number in range(1, 7):
        with pytest.raises(HeadraceError, match="version-in-use") as raised:
            withdraw(number)
        assert Exit.REFUSED is raised.value.code
        told[number] = raised.value.report.found[0].message.partition("withdrawn: ")[2]
    assert {
        1: "it is called `previous`",
        2: "it is called `champion`; it is in production; a rollout uses it",
        3: "it is called `candidate`",
        4: "it is called `shadow`",
        5: "model/churn v7 is made of it",
        6: "a rollout uses it; it answers requests",
    } == told


def test_a_part_may_go_when_what_is_made_of_it_went(make, withdraw):
    part = make()
    make(data=b"whole", components=[{"id": "a", "algorithm": "own", "digest": part.model_digest}])
    withdraw(2)
    withdraw(1)
