"""The `judge` flow's two steps, one after another, as a generated flow calls them: the newest version, and the gates as they are now."""

import pytest
from sqlmodel import select
from test_steps_train import EASY, candidate, rows

from headrace import registry
from headrace.diagnostics import HeadraceError
from headrace.gates import Minimum
from headrace.steps import gates
from headrace.store import tables

pytestmark = pytest.mark.usefixtures("root")
HARD = Minimum(id="quality", metric="roc_auc", min=0.9999)


def runs(place):
    with place.store.read() as session:
        query = select(tables.Run).order_by(tables.Run.started_at)
        return [(run.flow, run.cause, run.status.value, run.details.get("verdict", {}).get("passed")) for run in session.exec(query)]


def test_a_gate_that_was_lowered_lets_the_rejected_version_through_without_training(place):
    gates.judge(candidate(rows()), HARD)
    verdict = gates.judge(gates.newest(model="churn", cause="operation"), *EASY)
    with place.store.read() as session:
        assert (1, {"candidate": 1}) == (len(registry.versions(session, "churn")), registry.aliases(session, "churn"))
    assert (True, "headrace.candidate.passed") == (verdict.passed, verdict.event)
    assert [("train", None, "passed", False), ("judge", "operation", "passed", True)] == runs(place)


def test_a_judgement_that_was_asked_for_once_is_made_once(place):
    gates.judge(candidate(rows()), *EASY)
    gates.judge(gates.newest(model="churn", cause="operation"), *EASY)
    with pytest.raises(HeadraceError, match="already-answered"):
        gates.newest(model="churn", cause="operation")


def test_a_judgement_that_was_killed_is_taken_up_by_the_same_cause(place):
    gates.judge(candidate(rows()), HARD)
    first = gates.newest(model="churn", cause="operation")
    assert first == gates.newest(model="churn", cause="operation")
    assert gates.judge(first, *EASY) == gates.judge(first, *EASY)
    assert 2 == len(runs(place))


def test_where_there_is_no_version_nothing_is_judged(place):
    with pytest.raises(HeadraceError, match="no-version"):
        gates.newest(model="churn")
    assert [("judge", None, "failed", None)] == runs(place)
