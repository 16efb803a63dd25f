"""P30: a retrained model that is worse than the champion goes nowhere, and the log says which gate it failed, by which numbers."""

import pytest
from candidate_values import contest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import MODEL
from sqlmodel import select

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
