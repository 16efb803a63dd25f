from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.stats.eprocess import (
    Stratum,
    abort,
    abort_evidence,
    e_absolute,
    e_ceiling,
    e_ratio,
    e_relative,
    e_share,
    needed_without_failures,
    promote,
    promote_evidence,
)


@st.composite
def strata(draw):
    def arm():
        n = draw(st.integers(0, 2000))
        return n, draw(st.integers(0, min(n, 60)))

    found = []
    for _ in range(draw(st.integers(0, 4))):
        (nc, xc), (nb, xb) = arm(), arm()
        found.append(Stratum(draw(st.floats(0.01, 0.99)), nc, xc, nb, xb))
    return found


def split(s: Stratum) -> list[Stratum]:
    one = Stratum(s.weight, s.n_candidate // 3, s.bad_candidate // 3, s.n_champion // 2, s.bad_champion // 2)
    return [one, Stratum(s.weight, *(a - b for a, b in zip(counts(s), counts(one), strict=True)))]


def counts(s: Stratum) -> tuple[int, ...]:
    return s.n_candidate, s.bad_candidate, s.n_champion, s.bad_champion


def test_without_failures_promotion_needs_the_stated_requests():
    assert [needed_without_failures(p, 0.05) for p in (0.02, 0.01, 0.005, 0.002)] == [214, 429, 860, 2153]


def test_the_last_of_the_stated_requests_decides():
    decided = [promote((Stratum(0.1, n, 0, 9 * n, 0),), 2.0, 0.005, alpha=0.05) for n in (859, 860)]
    assert decided == [False, True]


def test_no_counts_are_no_evidence():
    assert (e_ratio([]), e_ceiling(0, 0, 0.02), e_relative([], 2.0), e_absolute(0, 0, 0.005)) == pytest.approx((0, 0, 0, 0), abs=1e-12)
    assert promote_evidence([], 2.0, 0.005) == pytest.approx(0.0, abs=1e-12)


def test_one_failure_of_the_candidate_is_weighed_by_its_share():
    grid = [1.1 * (10 / 1.1) ** (j / 23) for j in range(24)]
    by_hand = sum((0.1 * r / (0.1 * r + 0.9)) / 0.1 for r in grid) / 24
    assert exp(e_ratio([Stratum(0.1, 1, 1, 9, 0)])) == pytest.approx(by_hand, rel=1e-12)


def test_one_failure_of_the_champion_is_weighed_by_its_share():
    grid = [1.1 * (10 / 1.1) ** (j / 23) for j in range(24)]
    by_hand = sum((0.9 / (0.1 * r + 0.9)) / 0.9 for r in grid) / 24
    assert exp(e_ratio([Stratum(0.1, 1, 0, 9, 1)])) == pytest.approx(by_hand, rel=1e-12)


def test_the_next_failure_is_expected_to_change_nothing_at_the_boundary():
    """A fair game: at r = r0 the mean of E after one more failure is E before it."""
    before = [Stratum(0.2, 100, 3, 400, 5)]
    for evidence, r0 in ((e_ratio, 1.0), (lambda s: e_relative(s, 2.0), 2.0)):
        theta = 0.2 * r0 / (0.2 * r0 + 0.8)
        after = theta * exp(evidence([Stratum(0.2, 100, 4, 400, 5)])) + (1 - theta) * exp(evidence([Stratum(0.2, 100, 3, 400, 6)]))
        assert after == pytest.approx(exp(evidence(before)), rel=1e-12)


def test_the_next_request_is_expected_to_change_nothing_at_the_ceiling():
    for evidence in (e_ceiling, e_absolute):
        after = 0.02 * exp(evidence(101, 4, 0.02)) + 0.98 * exp(evidence(101, 3, 0.02))
        assert after == pytest.approx(exp(evidence(100, 3, 0.02)), rel=1e-12)


@given(strata())
def test_strata_of_one_share_may_be_split(found):
    apart = [piece for s in found for piece in split(s)]
    assert e_ratio(apart) == pytest.approx(e_ratio(found), abs=1e-6)
    assert promote_evidence(apart, 2.0, 0.01) == pytest.approx(promote_evidence(found, 2.0, 0.01), abs=1e-6)
    assert abort_evidence(apart, 0.05) == pytest.approx(abort_evidence(found, 0.05), abs=1e-6)


@given(strata())
def test_a_share_of_nothing_or_of_all_says_nothing_of_the_ratio(found):
    silent = [Stratum(0.0, 10, 10, 10, 0), Stratum(1.0, 10, 10, 10, 10)]
    assert e_ratio([*found, *silent]) == e_ratio(found)


def test_one_more_failure_of_the_candidate_never_speaks_for_it():
    worse = [[Stratum(0.1, 100, x, 900, 5)] for x in range(30)]
    speaks_for = [promote_evidence(s, 2.0, 0.02) for s in worse]
    speaks_against = [abort_evidence(s, 0.02) for s in worse]
    assert (speaks_for, speaks_against) == (sorted(speaks_for, reverse=True), sorted(speaks_against))


def test_more_metrics_need_more_evidence_each():
    outage = [Stratum(0.05, 7, 5, 133, 0)]
    evidence = abort_evidence(outage, None)
    k = exp(evidence) * 0.05
    assert (abort(outage, None, k=int(k), alpha=0.05), abort(outage, None, k=int(k) + 1, alpha=0.05)) == (True, False)


def test_the_ceiling_aborts_what_fails_as_often_as_a_failing_champion():
    both_broken = [Stratum(0.5, 400, 60, 400, 60)]
    assert (abort(both_broken, None, k=1, alpha=0.05), abort(both_broken, 0.05, k=1, alpha=0.05)) == (False, True)


def test_counts_of_millions_overflow_nothing():
    assert abort([Stratum(0.1, 10**7, 10**6, 9 * 10**7, 10**6)], 0.02, k=2, alpha=0.05)
    assert promote([Stratum(0.1, 10**8, 10, 9 * 10**8, 10**6)], 2.0, 0.005, alpha=0.05)


def test_the_share_alarm_rings_for_a_wrong_share_alone():
    right, wrong = Stratum(0.1, 1000, 0, 9000, 0), Stratum(0.1, 1300, 0, 8700, 0)
    assert (e_share(right) < 0, e_share(wrong) >= log(1000), e_share(Stratum(0.0, 5, 0, 5, 0))) == (True, True, 0.0)


def test_the_share_is_a_fair_game():
    after = 0.1 * exp(e_share(Stratum(0.1, 13, 0, 90, 0))) + 0.9 * exp(e_share(Stratum(0.1, 12, 0, 91, 0)))
    assert after == pytest.approx(exp(e_share(Stratum(0.1, 12, 0, 90, 0))), rel=1e-9)
