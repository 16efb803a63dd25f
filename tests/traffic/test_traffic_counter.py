import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.stats.eprocess import Stratum
from headrace.store import Store
from headrace.traffic import CANDIDATE, CHAMPION, Counter, Rule, strata

SLOW = [Rule("error_rate"), Rule("slow_request", over=0.25)]


def counted(store, metric, epochs=(1,)):
    with store.read() as session:
        return strata(session, "m", epochs, metric)


def test_counts_of_two_workers_merge(store, shift):
    shift(0.1)
    for worker in ("a", "b"):
        counter = Counter(worker, model="m")
        counter.record(1, CANDIDATE, True, 0.01, SLOW)
        counter.record(1, CHAMPION, False, 0.30, SLOW)
        counter.flush(store)
    found = [counted(store, "error_rate"), counted(store, "slow_request")]
    assert found == [[Stratum(0.1, 2, 2, 2, 0)], [Stratum(0.1, 2, 0, 2, 2)]]


def test_flushing_twice_counts_once(store, shift):
    shift(0.1)
    counter = Counter("a", model="m")
    counter.record(1, CANDIDATE, False, 0.01, SLOW)
    flushed = [counter.flush(store), counter.flush(store)]
    counter.record(1, CANDIDATE, True, 0.01, SLOW)
    before = counter.unflushed
    counter.flush(store)
    assert (flushed, before, counter.unflushed) == ([1, 0], 1, 0)
    assert counted(store, "error_rate") == [Stratum(0.1, 2, 1, 0, 0)]


def test_each_epoch_is_a_stratum_at_its_own_share(store, shift):
    shift(0.1)
    shift(0.5, expected=1)
    counter = Counter("a", model="m")
    counter.record(2, CHAMPION, False, 0.01, SLOW)
    counter.flush(store)
    assert counted(store, "error_rate", (1, 2, 9)) == [Stratum(0.1, 0, 0, 0, 0), Stratum(0.5, 0, 0, 1, 0)]


def test_a_warm_up_leaves_slow_requests_of_both_arms_uncounted(store, shift):
    shift(0.1)
    counter = Counter("a", model="m", warmup_requests=2)
    for arm in (CHAMPION, CANDIDATE, CHAMPION, CANDIDATE, CHAMPION, CANDIDATE):
        counter.record(1, arm, True, 0.5, SLOW, candidate=2)
    counter.flush(store)
    assert counted(store, "error_rate") == [Stratum(0.1, 3, 3, 3, 3)]
    assert counted(store, "slow_request") == [Stratum(0.1, 1, 1, 1, 1)]


@pytest.mark.parametrize(("candidate", "slow"), [(2, 1), (None, 0)])
def test_a_warm_up_belongs_to_the_candidate_where_it_is_named(store, shift, candidate, slow):
    shift(0.1)
    shift(0.5, expected=1)
    counter = Counter("a", model="m", warmup_requests=1)
    counter.record(1, CANDIDATE, False, 0.5, SLOW, candidate=candidate)
    counter.record(2, CANDIDATE, False, 0.5, SLOW, candidate=candidate)
    counter.flush(store)
    assert counted(store, "slow_request", (2,)) == [Stratum(0.5, slow, slow, 0, 0)]


@pytest.mark.parametrize("order", [(CANDIDATE, CHAMPION), (CHAMPION, CANDIDATE)])
def test_many_that_went_alike_are_counted_as_each_alone(order):
    together, alone = (Counter("a", model="m", warmup_requests=5) for _ in range(2))
    for _ in range(3):
        for arm in order:
            together.record(1, arm, False, 0.5, SLOW, candidate=2, times=3)
            for _ in range(3):
                alone.record(1, arm, False, 0.5, SLOW, candidate=2)
    assert alone.totals() == together.totals()


@given(
    st.lists(st.tuples(st.sampled_from([CANDIDATE, CHAMPION]), st.lists(st.sampled_from([0.01, 0.3, 0.5]), max_size=6)), max_size=8),
    st.integers(0, 9),
)
def test_requests_that_are_counted_together_are_counted_as_one_after_another(turns, warmup):
    together, alone = (Counter("w", model="employment", warmup_requests=warmup) for _ in range(2))
    for arm, seconds in turns:
        if seconds:
            together.record_each(1, arm, seconds, SLOW, candidate=2)
        for one in seconds:
            alone.record(1, arm, False, one, SLOW, candidate=2)
    assert (alone.totals(), alone.unflushed) == (together.totals(), together.unflushed)


def test_a_flush_that_failed_is_made_good_by_the_next(store, shift, tmp_path):
    shift(0.1)
    counter = Counter("a", model="m")
    counter.record(1, CANDIDATE, False, 0.01, SLOW)

    class Broken(Store):
        def transaction(self, *_, **__):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk"):
        counter.flush(Broken(store.engine, store.blobs, tmp_path))
    assert counter.unflushed == 1
    counter.flush(store)
    assert counted(store, "error_rate") == [Stratum(0.1, 1, 0, 0, 0)]


def test_what_is_not_flushed_yet_is_known_to_the_worker():
    counter = Counter("a", model="m")
    counter.record(1, CANDIDATE, True, 0.01, [])
    assert counter.totals() == {(1, CANDIDATE, "error_rate"): (1, 1)}


def test_nothing_is_lost_while_another_thread_flushes(store, shift):
    shift(0.1)
    counter, done = Counter("a", model="m"), threading.Event()

    def flush():
        while not done.is_set():
            counter.flush(store)

    thread = threading.Thread(target=flush)
    thread.start()
    for n in range(20_000):
        counter.record(1, CANDIDATE, n % 2 == 0, 0.0, SLOW)
    done.set()
    thread.join()
    counter.flush(store)
    assert (counted(store, "error_rate"), counter.unflushed) == ([Stratum(0.1, 20_000, 10_000, 0, 0)], 0)
