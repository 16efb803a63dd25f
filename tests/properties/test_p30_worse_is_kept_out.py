"""P30: a retrained model that is worse than the champion goes nowhere, and the log says which gate it failed, by which numbers."""

import pytest
from candidate_values import contest
from contest_machine import Contests, hold, surely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from monitored_values import MODEL
from sqlmodel import select

from headrace.registry import Stage
from headrace.store import EventKind, events
from headrace.store.tables import Verdict


@settings(max_examples=12, deadline=None)
@given(champion=st.floats(0, 1), worse=st.floats(6, 20), seed=st.integers(0, 10_000))
def test_a_worse_model_is_logged_and_goes_nowhere(champion, worse, seed):
    with contest(champion, seed) as place:
        verdict = place.judge(place.register(worse, "second"))
        with place.store.read() as session:
            waiting = events.unanswered(session, MODEL)
            (rejected,) = events.log(session, MODEL, [EventKind.CANDIDATE_REJECTED])
            rows = {row.gate: row for row in session.exec(select(Verdict))}
        assert (False, {"champion": 1}, []) == (verdict.passed, place.aliases(), waiting)
    assert "champion" in rejected.payload["failed"]
    assert not rows["champion"].passed
    assert rows["champion"].low < 0
    assert rows["champion"].reason


@pytest.mark.parametrize("test", ["bootstrap", "mcnemar", "delong"])
def test_on_postgresql_by_each_test(postgres, test):
    with contest(0.5, 3, postgres) as place:
        verdict = place.judge(place.register(20, "second"), test)
        with place.store.read() as session:
            (rejected,) = events.log(session, MODEL, [EventKind.CANDIDATE_REJECTED])
            row = next(row for row in session.exec(select(Verdict)) if row.gate == "champion")
        assert (False, {"champion": 1}) == (verdict.passed, place.aliases())
    assert ("champion" in rejected.payload["failed"], row.high < 0, test) == (True, True, row.evidence["test"])
    assert row.data_digest == row.evidence["data"]


class KeptOut(Contests):
    @invariant()
    def what_may_be_worse_is_rejected_with_the_gate_and_its_numbers(self):
        told = self.announced()
        for number, verdict in self.said.items():
            row = self.rows(number)["champion"]
            if row.value is None or surely(row):
                continue
            assert (False, EventKind.CANDIDATE_REJECTED, None) == (verdict.passed, told[number].kind, told[number].successor)
            assert ("champion" in told[number].payload["failed"], row.passed, bool(row.reason)) == (True, False, True)
            assert (Stage.REJECTED, False) == (self.stage(number), number in self.contest.aliases().values())
        assert self.held == self.contest.aliases()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_may_be_worse_goes_nowhere_whatever_came_before(request, tmp_path, database):
    hold(KeptOut, request, tmp_path, database)
