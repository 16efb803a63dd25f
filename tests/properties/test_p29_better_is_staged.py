"""P29: a retrained model that is better than the champion is staged: it is the candidate, its rollout starts, and the champion stays."""

from candidate_values import contest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_values import MODEL

from headrace.store import EventKind, events


@settings(max_examples=12, deadline=None)
@given(champion=st.floats(6, 20), better=st.floats(0, 1), seed=st.integers(0, 10_000))
def test_a_better_model_becomes_the_candidate(champion, better, seed):
    with contest(champion, seed) as place:
        version = place.register(better, "second")
        verdict = place.judge(version)
        with place.store.read() as session:
            waiting = events.unanswered(session, MODEL)
        assert (True, {"champion": 1, "candidate": 2}) == (verdict.passed, place.aliases())
        assert [(EventKind.CANDIDATE_PASSED, "roll_out", verdict.event_id)] == [
            (event.kind, event.successor, event.id) for event in waiting
        ]
