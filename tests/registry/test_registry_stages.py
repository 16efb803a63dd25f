"""Stages: the table of moves, what sets them by itself, and that each is an event and a stay."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.exc import IntegrityError

from headrace import registry
from headrace.diagnostics import Exit, HeadraceError
from headrace.registry import Stage
from headrace.registry.stage import EARNED, MOVES, history
from headrace.registry.use import RUNNING
from headrace.rollout import state
from headrace.store import events, tables
from headrace.store.registered import StageHistory

AT = datetime(2020, 1, 2, tzinfo=UTC)
CHURN = {"model": "churn"}


@pytest.fixture
def three(make):
    return [make() for _ in range(3)]


@pytest.fixture
def stages(store):
    def told():
        with store.read() as session:
            return [registry.stage_of(session, "churn", number).value for number in (1, 2, 3)]

    return told


@pytest.fixture
def to(write):
    return lambda number, stage, **more: write(registry.set_stage, **CHURN, number=number, stage=stage, at=AT, reason="test", **more)


@pytest.fixture
def candidate(write):
    return lambda number, at=AT: write(registry.move, **CHURN, alias="candidate", number=number, at=at, reason="passed")


@pytest.fixture
def promote(write):
    return lambda number, at=AT, **more: write(registry.promote, **CHURN, number=number, at=at, reason="good", **more)


@pytest.mark.usefixtures("three")
def test_a_life_sets_its_stages_by_itself(write, candidate, promote, stages):
    seen = [stages()]
    for act in (lambda: candidate(1), lambda: promote(1), lambda: candidate(2), lambda: promote(2)):
        act()
        seen.append(stages())
    write(registry.rollback, "churn", AT, "bad")
    assert [
        ["registered", "registered", "registered"],
        ["staging", "registered", "registered"],
        ["production", "registered", "registered"],
        ["production", "staging", "registered"],
        ["deprecated", "production", "registered"],
        ["production", "rejected", "registered"],
    ] == [*seen, stages()]


@pytest.mark.usefixtures("three")
def test_a_newer_candidate_takes_the_place_of_one_that_waits_and_not_of_one_on_trial(store, candidate, stages):
    candidate(1)
    candidate(2)
    assert ["validated", "staging", "registered"] == stages()
    with store.transaction("test", "start", "churn") as session:
        session.add(
            tables.Rollout(**CHURN, candidate=2, state="deploying", step=0, epoch=1, started_at=AT, step_since=AT, passed=[], details={})
        )
    candidate(3)
    assert ["validated", "staging", "staging"] == stages()


@pytest.mark.usefixtures("three")
def test_a_candidate_that_is_withdrawn_is_rejected_and_may_be_judged_again(candidate, stages):
    candidate(1)
    candidate(None)
    assert "rejected" == stages()[0]
    candidate(1)
    assert "staging" == stages()[0]


@pytest.mark.usefixtures("three")
def test_gates_reject_what_is_undecided_and_no_champion(write, promote, stages):
    promote(1)
    promote(2)
    for number in (1, 2, 3):
        write(registry.reject, **CHURN, number=number, at=AT, reason="a gate failed")
    assert ["deprecated", "production", "rejected"] == stages()


@pytest.mark.usefixtures("three")
def test_without_a_champion_nothing_is_in_production(write, promote, stages):
    promote(1)
    write(registry.move, **CHURN, alias="champion", number=None, at=AT, reason="test")
    assert "deprecated" == stages()[0]


@pytest.mark.usefixtures("three")
def test_each_move_is_an_event_and_a_stay_that_ends_where_the_next_begins(store, candidate, promote):
    candidate(1, AT)
    promote(1, AT + timedelta(hours=1))
    with store.read() as session:
        stays = history(session, "churn", 1)
        moved = events.log(session, "churn", [events.EventKind.STAGE_MOVED])
    assert [("registered", "validated"), ("validated", "staging"), ("staging", "production")] == [
        (e.payload["from"], e.payload["to"]) for e in moved
    ]
    assert [None, *(event.id for event in moved)] == [stay.event_id for stay in stays]
    assert [stay.until for stay in stays[:-1]] == [stay.since for stay in stays[1:]]
    assert (("production", AT + timedelta(hours=1), None, "test", "good")) == (
        stays[-1].stage,
        stays[-1].since,
        stays[-1].until,
        stays[-1].actor,
        stays[-1].reason,
    )


def test_a_stay_never_ends_before_it_began_when_the_clock_goes_back(make, candidate, promote, store):
    make()
    promote(1, AT)
    make()
    candidate(2, AT - timedelta(days=9))
    with store.read() as session:
        assert all(stay.until is None or stay.since <= stay.until for stay in history(session, "churn"))
        assert AT == history(session, "churn", 2)[-1].since


@pytest.mark.usefixtures("three")
def test_two_versions_are_never_in_production_whoever_writes(store, promote):
    promote(1)
    with pytest.raises(IntegrityError), store.transaction("thief", "write", "churn") as session:
        session.add(StageHistory(**CHURN, number=2, stage=Stage.PRODUCTION, valid_from=AT, reason="", actor="thief"))


@pytest.mark.parametrize("stage", sorted(EARNED))
@pytest.mark.usefixtures("three")
def test_what_is_earned_is_not_given_by_hand(to, stage):
    with pytest.raises(HeadraceError, match=rf"illegal-stage.*cannot become `{stage}`: its gates") as raised:
        to(1, stage)
    assert (Exit.REFUSED, "from `registered` it may become `rejected`, `archived`") == (
        raised.value.code,
        raised.value.report.found[0].help,
    )


@pytest.mark.usefixtures("three")
def test_the_table_is_kept_and_what_is_legal_is_said(to, stages):
    for stage in (Stage.ARCHIVED, Stage.REGISTERED, Stage.REJECTED, Stage.RETIRED, Stage.RETIRED):
        to(1, stage)
    assert "retired" == stages()[0]
    with pytest.raises(HeadraceError, match="illegal-stage") as raised:
        to(1, Stage.ARCHIVED)
    assert "nothing follows `retired`" == raised.value.report.found[0].help


@pytest.mark.usefixtures("three")
def test_what_is_retired_is_not_promoted(to, promote, candidate):
    to(1, Stage.ARCHIVED)
    to(1, Stage.RETIRED)
    for act in (promote, candidate):
        with pytest.raises(HeadraceError, match="illegal-stage"):
            act(1)


@pytest.mark.usefixtures("three")
def test_what_a_rollback_puts_back_is_not_retired(promote, to):
    promote(1)
    promote(2)
    with pytest.raises(HeadraceError, match=r"version-in-use.*called `previous`"):
        to(1, Stage.RETIRED)


@pytest.mark.usefixtures("three")
def test_a_mover_who_believes_otherwise_is_refused_and_nothing_moves(store, write, promote, to, stages):
    promote(1)
    for act in (
        lambda: promote(3, expected=2),
        lambda: promote(3, expected=None),
        lambda: write(registry.rollback, "churn", AT, "bad", expected=2),
        lambda: write(registry.move, **CHURN, alias="shadow", number=2, at=AT, reason="test", expected=1),
        lambda: to(2, Stage.REJECTED, expected=Stage.VALIDATED),
        lambda: write(registry.withdraw, **CHURN, number=2, at=AT, reason="x", expected=Stage.ARCHIVED),
    ):
        with pytest.raises(HeadraceError, match="registry-conflict") as raised:
            act()
        assert Exit.REFUSED is raised.value.code
    with store.read() as session:
        assert (["production", "registered", "registered"], {"champion": 1}) == (stages(), registry.aliases(session, "churn"))
    promote(3, expected=1)
    assert "production" == stages()[2]


@pytest.mark.usefixtures("three")
def test_every_way_to_production_is_checked_and_a_refusal_leaves_nothing(write, promote, store, stages):
    asked = []

    def refuse(_session, promotion):
        asked.append((promotion.way.value, promotion.number, promotion.was))
        raise HeadraceError(registry_fault(), Exit.REFUSED)

    promote(1)
    promote(2)
    before = stages()
    for act in (
        lambda: promote(3, check=refuse),
        lambda: write(registry.move, **CHURN, alias="champion", number=3, at=AT, reason="pulled", check=refuse),
        lambda: write(registry.rollback, "churn", AT, "bad", check=refuse),
    ):
        with pytest.raises(HeadraceError, match="not approved"):
            act()
    assert [("promoted", 3, 2), ("moved", 3, 2), ("rolled back", 1, 2)] == asked
    with store.read() as session:
        assert (before, {"champion": 2, "previous": 1}) == (stages(), registry.aliases(session, "churn"))


def registry_fault():
    from headrace.diagnostics import Diagnostic

    return Diagnostic("no-version", "not approved")


def test_every_stage_has_its_moves_and_rollouts_that_run_are_those_of_the_rollouts_room():
    assert (set(Stage), {item.value for item in state.RUNNING}) == (set(MOVES), set(RUNNING))
