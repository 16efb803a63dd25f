import pytest
from traffic_values import AT

from headrace import traffic
from headrace.stats.eprocess import Stratum
from headrace.store import Store
from headrace.traffic import CANDIDATE, CHAMPION, Arm, Counter, Rule, Watch, set_weights

UNITS = Rule("error_rate", count="units")


def fails(counter, units, *, epoch=1, arm=CANDIDATE, times=1, candidate=2):
    for unit in units:
        for _ in range(times):
            counter.record(epoch, arm, True, 0.01, [UNITS], candidate=candidate, unit=unit)


def known(store, candidate=2):
    with store.read() as session:
        return sorted(traffic.failing(session, "m", candidate).values())


def counter(worker="one"):
    return Counter(worker, model="m", units=True)


def test_a_unit_that_fails_again_and_again_is_one_failure(store):
    one = counter()
    fails(one, ["u"], times=1000)
    one.flush(store)
    assert known(store) == [(1, CANDIDATE)]


def test_a_unit_that_two_workers_saw_fail_counts_once_as_told_first(store):
    one, other = counter(), counter("other")
    fails(one, ["u"])
    fails(other, ["u", "v"], epoch=2)
    one.flush(store)
    other.flush(store)
    assert known(store) == [(1, CANDIDATE), (2, CANDIDATE)]


def test_a_unit_that_changes_its_arm_counts_where_it_failed_first(store):
    one = counter()
    fails(one, ["u"], arm=CHAMPION)
    fails(one, ["u"], epoch=2)
    one.flush(store)
    assert known(store) == [(1, CHAMPION)]


def test_a_flush_that_failed_tells_of_its_units_the_next_time(store, monkeypatch):
    one = counter()
    fails(one, ["u"])
    with monkeypatch.context() as patch:
        patch.setattr("headrace.traffic.counter.put", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            one.flush(store)
    one.flush(store)
    assert known(store) == [(1, CANDIDATE)]


def test_a_later_trial_begins_with_no_unit(store):
    one = counter()
    fails(one, ["u"])
    fails(one, ["u"], epoch=5, candidate=3)
    one.flush(store)
    assert (known(store, 3), one.failing(2)) == ([(5, CANDIDATE)], {})


def test_what_is_kept_of_a_unit_does_not_name_it(store):
    one = counter()
    fails(one, ["alice@example.com"])
    one.flush(store)
    with store.read() as session:
        assert not any("alice" in unit for unit in traffic.failing(session, "m", 2))


def test_units_stand_in_the_place_of_requests(store):
    strata = [Stratum(0.1, 50, 40, 450, 30), Stratum(0.2, 50, 40, 200, 0)]
    units = {"a": (3, CANDIDATE), "b": (4, CANDIDATE), "c": (3, CHAMPION)}
    assert traffic.by_unit(strata, [3, 4], units) == [Stratum(0.1, 50, 1, 450, 1), Stratum(0.2, 50, 1, 200, 0)]


def test_a_look_at_the_store_counts_units(store, shift):
    weights = shift(0.1)
    one = counter()
    fails(one, ["u"], times=500)
    one.flush(store)
    with store.read() as session:
        by_unit, by_request = (Watch((Rule("error_rate", count=count),), 0.05).look(session, weights) for count in ("units", "requests"))
    assert (by_unit, by_request.metric) == (None, "error_rate")


def test_postgresql_counts_units_alike(postgres, tmp_path):
    opened = Store.open(postgres, "blobs", root=tmp_path)
    try:
        arms = (Arm(CHAMPION, 1, 0.9), Arm(CANDIDATE, 2, 0.1))
        with opened.transaction("test", "shift", "model/m") as session:
            set_weights(session, model="m", expected=None, arms=arms, at=AT, reason="test")
        one, other = counter(), counter("other")
        fails(one, ["u"], times=9)
        fails(other, ["u", "v"], arm=CHAMPION)
        one.flush(opened)
        other.flush(opened)
        assert known(opened) == [(1, CANDIDATE), (1, CHAMPION)]
    finally:
        opened.close()
