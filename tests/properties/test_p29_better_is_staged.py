"""P29: a retrained model that is better than the champion is staged: it is the candidate, its rollout starts, and the champion stays."""

import pytest
from candidate_values import contest
from contest_machine import Contests, hold, surely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
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


@pytest.mark.parametrize("test", ["bootstrap", "mcnemar", "delong"])
def test_on_postgresql_by_each_test(postgres, test):
    with contest(20, 3, postgres) as place:
        verdict = place.judge(place.register(0, "second"), test, better=0.01)
        said = verdict.payload["gates"][1]
        assert (True, {"champion": 1, "candidate": 2}) == (verdict.passed, place.aliases())
        assert (True, test, "champion") == (said["low"] >= 0.01, said["evidence"]["test"], said["evidence"]["versus"])


@settings(max_examples=12, deadline=None)
@given(test=st.sampled_from(["bootstrap", "mcnemar", "delong"]), seed=st.integers(0, 10_000))
def test_one_that_is_as_good_is_not_staged_where_better_is_wanted(test, seed):
    with contest(1.0, seed) as place:
        verdict = place.judge(place.register(1.0, "second"), test, better=0.01)
        assert (False, {"champion": 1}) == (verdict.passed, place.aliases())


class Staged(Contests):
    @invariant()
    def what_passed_is_announced_with_its_rollout_and_the_newest_of_them_is_the_candidate(self):
        told = self.announced()
        for number, verdict in self.said.items():
            row = self.rows(number)["champion"]
            better = surely(row) if row.value is not None else number == min(self.versions)
            assert (better, better) == (verdict.passed, told[number].kind is EventKind.CANDIDATE_PASSED)
            assert ("roll_out" if better else None) == told[number].successor
        assert self.held == self.contest.aliases()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_what_is_surely_no_worse_is_staged_whatever_came_before(request, tmp_path, database):
    hold(Staged, request, tmp_path, database)
