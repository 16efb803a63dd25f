import pytest
from traffic_values import AT

from headrace.stats.eprocess import Stratum
from headrace.store import due, events
from headrace.traffic import CANDIDATE, CHAMPION, Abort, Arm, Counter, Rule, Watch, abort, current

WATCH = Watch((Rule("error_rate", ceiling=0.05), Rule("slow_request", over=0.25)), false_rollback=0.05)
VERDICT = Abort("error_rate", evidence=5.0, threshold=3.0, n=10, bad=9)


def test_an_outage_is_aborted_and_health_is_not():
    outage, health = [Stratum(0.05, 10, 9, 190, 0)], [Stratum(0.05, 1000, 10, 19_000, 190)]
    verdicts = [WATCH.verdict({"error_rate": counts}) for counts in (outage, health)]
    assert [v and (v.metric, v.n, v.bad) for v in verdicts] == [("error_rate", 10, 9), None]


def test_either_metric_aborts_and_the_clearer_one_is_named():
    some, much = [Stratum(0.05, 10, 9, 190, 0)], [Stratum(0.05, 30, 30, 570, 0)]
    assert WATCH.verdict({"error_rate": some, "slow_request": much}).metric == "slow_request"


def test_two_metrics_share_the_chance_of_a_false_rollback():
    narrow = {"error_rate": [Stratum(0.05, 50, 3, 950, 4)]}
    error, slow = Rule("error_rate"), Rule("slow_request", over=1.0)
    verdicts = [Watch(rules, false_rollback=0.05).verdict(narrow) for rules in ((error,), (error, slow))]
    assert [v is not None for v in verdicts] == [True, False]


def test_no_rules_never_abort():
    assert Watch((), false_rollback=0.05).verdict({}) is None


def test_the_look_sees_all_epochs_of_the_rollout(store, shift):
    shift(0.05)
    weights = shift(0.10, expected=1)
    counter = Counter("a", model="m")
    for epoch in (1, 2):
        for n in range(200):
            counter.record(epoch, CANDIDATE if n < 4 else CHAMPION, n < 4, 0.01, WATCH.rules)
    counter.flush(store)
    with store.read() as session:
        found = WATCH.look(session, weights)
    assert (found.metric, found.n, found.bad) == ("error_rate", 8, 8)


def test_without_a_candidate_there_is_nothing_to_look_at(store, shift):
    weights = shift(0.0, candidate=None)
    with store.read() as session:
        assert WATCH.look(session, weights) is None


def test_an_abort_takes_all_traffic_and_says_so_at_once(store, shift):
    weights = shift(0.2)
    abort(store, weights, VERDICT, AT)
    with store.read() as session:
        (event,) = events.log(session, "m")
        (item,) = due.list(session)
        standing = current(session, "m")
    assert standing.arms == (Arm(CHAMPION, 1, 1.0), Arm(CANDIDATE, 2, 0.0))
    assert (event.kind, event.successor, event.payload["candidate"], event.payload["bad"]) == ("rollout.aborted", "roll_out", 2, 9)
    assert (item.flow, item.at) == ("roll_out", AT)


def test_aborting_twice_is_aborting_once(store, shift):
    weights = shift(0.2)
    assert [abort(store, weights, VERDICT, AT) is None for _ in range(2)] == [False, True]
    with store.read() as session:
        assert (len(events.log(session, "m")), current(session, "m").epoch) == (1, 2)


def test_a_raise_in_between_does_not_stop_an_abort(store, shift):
    weights = shift(0.2)
    shift(0.5, expected=1)
    abort(store, weights, VERDICT, AT)
    with store.read() as session:
        assert current(session, "m").pairs == ((CHAMPION, 1.0), (CANDIDATE, 0.0))


@pytest.mark.parametrize("then", [{"share": 0.1, "candidate": 3}, {"share": 0.0, "candidate": None, "champion": 2}])
def test_an_abort_of_a_candidate_that_is_gone_changes_nothing(store, shift, then):
    weights = shift(0.2)
    shift(**then, expected=1)
    assert abort(store, weights, VERDICT, AT) is None


def test_a_failing_event_leaves_the_weights_as_they_were(store, shift, monkeypatch):
    weights = shift(0.2)
    with monkeypatch.context() as patch:
        patch.setattr("headrace.traffic.watch.events.append", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            abort(store, weights, VERDICT, AT)
    with store.read() as session:
        assert current(session, "m").epoch == 1
