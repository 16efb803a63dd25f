"""What holds at every look: asymptotic and betting sequences, quantiles, pairs, and sample ratios."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta, chisquare

from headrace.stats import anytime_quantile, betting, confidence_sequence
from headrace.stats.anytime_quantile import Histogram, ranks
from headrace.stats.betting import Scores, evidence_above, evidence_below
from headrace.stats.confidence_sequence import one_sided, warming_up
from headrace.stats.cuped import Covaried, adjust
from headrace.stats.effect import Effect, Estimate, lift, mean
from headrace.stats.eprocess import Stratum, e_ratio, e_share
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.paired_eprocess import Pairs, no_worse, worse
from headrace.stats.proportions import Proportion
from headrace.stats.sample_ratio import ALARM, FINAL_ALPHA, Arrivals, evidence, final_p
from headrace.stats.untestable import UntestableError

SCORES = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.0, 1.0, 0.29, 0.5])), max_size=60)
GROWTHBOOK = (Moments.of_sums(3000, 1396.87, 52377.9767), Moments.of_sums(3461, 2422.7, 134698.29))
"""GrowthBook, packages/stats/tests/frequentist/test_tests.py, TestSequentialTTest: its sums, and what it prints to 5 places."""


def test_growthbooks_sequential_cases():
    plain, rates = lift(*map(mean, GROWTHBOOK)), lift(Proportion(3000, 1396).estimate, Proportion(3461, 2422).estimate)
    pre = (Moments.of_sums(3000, 16.87, 527.9767), Moments.of_sums(3461, 22.7, 1348.29))
    arms = adjust(*(Covaried(JointMoments.of_sums(y, x, 1)) for y, x in zip(GROWTHBOOK, pre, strict=True)))
    cases = [
        (plain, 1000, -0.55844, 1.56516, 1),
        (rates, 5000, 0.40098, 0.60675, 0),
        (lift(arms.control, arms.treatment), 5000, -0.50969, 1.51646, 1),
    ]
    for effect, planned, *expected in cases:
        found = confidence_sequence.compare(effect, planned=planned, alpha=0.05)
        assert expected == pytest.approx([found.low, found.high, found.p], abs=5e-6)


def test_growthbooks_one_sided_sequential_cases():
    """TestSequentialOneSidedGreaterTTest and LesserTTest, printed in full."""
    found = one_sided(lift(*map(mean, GROWTHBOOK)), planned=5000, alpha=0.05)
    assert (-0.42356454602790883, 1.4302867177403806) == pytest.approx(found, rel=1e-9)


@given(st.floats(-10, 10), st.floats(0.01, 10), st.integers(200, 10**7), st.floats(0.001, 0.4))
def test_the_interval_misses_0_just_where_p_is_below_alpha(value, error, n, alpha):
    found = confidence_sequence.compare(Effect(value, error, n, n - 2.0), planned=10_000, alpha=alpha)
    assert (found.low > 0 or found.high < 0) == (found.p < alpha) or math.isclose(found.p, alpha, rel_tol=1e-6)


def test_it_is_wider_than_a_single_looks_interval_and_narrowest_where_it_was_planned():
    effect = Effect(0.0, 1.0, 10_000, 9998)
    widths = [confidence_sequence.compare(effect, planned=planned, alpha=0.05).high for planned in (100, 10_000, 1_000_000)]
    assert 1.96 < widths[1] < min(widths[0], widths[2])


def test_nothing_is_decided_while_an_arm_is_small():
    assert [True, False] == [warming_up(Estimate(1, 1, 100), Estimate(1, 1, n)) for n in (99, 100)]
    assert [True, False, True, False] == [warming_up(Proportion(1000, hits), Proportion(100, 50)) for hits in (24, 25, 976, 975)]


@given(SCORES, st.randoms(use_true_random=False), st.integers(0, 60))
def test_scores_merge_in_any_order_and_partition(scores, random, cut):
    whole = Scores.of(scores)
    random.shuffle(scores)
    assert whole == Scores.of(scores[:cut]) + Scores.of(scores[cut:])
    assert len(scores) == whole.n


@settings(max_examples=40, deadline=None)
@given(SCORES.filter(bool), st.floats(0.001, 0.5))
def test_bounds_of_scores_hold_what_their_evidence_does_not_refuse(scores, alpha):
    found = Scores.of(scores)
    low, high = betting.interval(found, alpha=alpha)
    assert 0 <= low <= np.mean(scores) + 1e-9 <= high + 2e-9 <= 1 + 2e-9
    enough = math.log(2 / alpha)
    if low > 0:
        assert evidence_above(found, max(0.0, low - 1e-6)) >= enough > evidence_above(found, min(1.0, low + 1e-6))
    if high < 1:
        assert evidence_below(found, min(1.0, high + 1e-6)) >= enough > evidence_below(found, max(0.0, high - 1e-6))


@settings(deadline=None)
@given(SCORES, st.floats(0.01, 0.99))
def test_a_bet_on_scores_is_a_fair_game(scores, mean_):
    """The next score is 1 with the chance `mean_`, else 0: the fortune's mean stays what it is, in both directions."""
    for bet, chance in ((evidence_above, mean_), (evidence_below, mean_)):
        before, won, lost = (math.exp(bet(Scores.of([*scores, *more]), mean_)) for more in ((), (1.0,), (0.0,)))
        assert before == pytest.approx(chance * won + (1 - chance) * lost, rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(SCORES.filter(bool))
def test_scores_taken_from_1_turn_the_interval_around(scores):
    low, high = betting.interval(Scores.of(scores), alpha=0.05)
    turned = betting.interval(Scores.of([1 - score for score in scores]), alpha=0.05)
    assert (1 - high, 1 - low) == pytest.approx(turned, abs=2.1e-3)


def test_a_score_is_rounded_away_from_its_bound():
    between, below = Scores.of([0.2905] * 500), Scores.of([0.29] * 500)
    assert betting.interval(below, alpha=0.05)[0] == betting.interval(between, alpha=0.05)[0]
    assert betting.interval(below, alpha=0.05)[1] < betting.interval(between, alpha=0.05)[1]


def test_two_arms_of_scores_differ_where_their_intervals_do():
    rng = np.random.default_rng(3)
    control, treatment = Scores.of(rng.beta(2, 8, 4000)), Scores.of(rng.beta(3, 7, 4000))
    low, high = betting.difference(control, treatment, alpha=0.05)
    assert 0.08 < low < 0.1 < high < 0.12
    assert (-high, -low) == pytest.approx(betting.difference(treatment, control, alpha=0.05))


def test_no_score_above_nothing_is_against_a_mean_of_nothing():
    assert (math.inf, 0.0) == (evidence_above(Scores.of([0.5]), 0.0), evidence_above(Scores.of([0.0]), 0.0))
    assert 1.0 == betting._refused(np.array([2.0]), np.array([1000.0]), 1.0)


EDGES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
LATENCIES = st.lists(st.floats(0, 10), max_size=80)


@given(LATENCIES, st.randoms(use_true_random=False), st.integers(0, 80))
def test_histograms_merge_in_any_order_and_partition(values, random, cut):
    whole = Histogram.of(values, EDGES)
    random.shuffle(values)
    assert whole == Histogram.of(values[:cut], EDGES) + Histogram.of(values[cut:], EDGES)


@settings(deadline=None)
@given(LATENCIES.filter(bool), st.floats(0.05, 0.95))
def test_edges_lie_around_the_ranks(values, at):
    low, high = ranks(len(values), at, planned=100, alpha=0.2)
    ordered = [-math.inf, *sorted(values), math.inf]
    found = anytime_quantile.interval(Histogram.of(values, EDGES), at, planned=100, alpha=0.2)
    assert found[0] <= ordered[low] <= ordered[high] <= found[1]
    assert found[0] in (-math.inf, *EDGES)
    assert found[1] in (math.inf, *EDGES)


@given(st.integers(1, 10**6), st.floats(0.01, 0.99))
def test_ranks_of_a_quantile_mirror_those_of_the_other_end(n, at):
    low, high = ranks(n, at, planned=1000, alpha=0.05)
    assert (n + 1 - high, n + 1 - low) == pytest.approx(ranks(n, 1 - at, planned=1000, alpha=0.05), abs=1)
    assert 0 <= low <= high <= n + 1


def test_counts_below_a_quantile_are_a_fair_game_cut_off_at_their_chance():
    """Nothing is gained at the chance p itself, and what is gained above it is less."""
    p, prior = 0.9, 50.0
    for k, n in ((0, 0), (3, 5), (80, 100), (99, 100)):
        before = math.exp(anytime_quantile._evidence_below(k, n, p, prior))
        hit, missed = (math.exp(anytime_quantile._evidence_below(k + one, n + 1, p, prior)) for one in (1, 0))
        assert before == pytest.approx(p * hit + (1 - p) * missed, rel=1e-9)
        assert before >= 0.95 * hit + 0.05 * missed


@pytest.mark.parametrize("at", [0.5, 0.9])
def test_ranks_are_where_the_mixture_reaches_two_over_alpha(at):
    """The mixture over all lower chances, by numerical integration, in place of the beta functions."""
    n, planned, enough = 400, 300, math.log(2 / 0.05)
    prior = planned / (2 * enough + math.log1p(2 * enough))

    def reached(k, p):
        before = beta(prior * p, prior * (1 - p))
        value, _ = quad(lambda q: math.exp(k * math.log(q / p) + (n - k) * math.log((1 - q) / (1 - p))) * before.pdf(q), 1e-9, p, limit=200)
        return value / before.cdf(p) >= 2 / 0.05

    low = max(k for k in range(int(n * at) - 60, int(n * at)) if reached(k, at)) + 1
    high = n - max((k for k in range(max(0, int(n * (1 - at)) - 60), int(n * (1 - at))) if reached(k, 1 - at)), default=-1)
    assert (low, high) == ranks(n, at, planned=planned, alpha=0.05)


def test_far_from_its_quantile_a_count_is_no_evidence():
    assert -math.inf == anytime_quantile._evidence_below(10**6, 10**6, 0.1, 50.0)


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 1000), st.integers(1, 4))
def test_pairs_are_counted_in_any_partition(won, lost, same, parts):
    piece = Pairs(won + lost + same, won, lost)
    assert Pairs(parts * piece.n, parts * won, parts * lost) == sum([piece] * parts, Pairs())


@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 1000))
def test_the_next_pair_is_expected_to_change_nothing_at_the_boundary(won, lost, same):
    pairs = Pairs(won + lost + same, won, lost)
    more = [pairs + Pairs(1, 1, 0), pairs + Pairs(1, 0, 1), pairs + Pairs(1)]
    bad, good, tie = (math.exp(worse(after)) for after in more)
    assert math.exp(worse(pairs)) == pytest.approx(0.1 * bad + 0.1 * good + 0.8 * tie, rel=1e-9)
    bad, good, tie = (math.exp(no_worse(after, 0.02)) for after in more)
    assert math.exp(no_worse(pairs, 0.02)) == pytest.approx(0.07 * bad + 0.05 * good + 0.88 * tie, rel=1e-9)


def test_pairs_that_both_had_right_say_nothing_of_the_ratio():
    assert worse(Pairs(100, 9, 4)) == worse(Pairs(10_000, 9, 4)) == e_ratio([Stratum(0.5, 100, 9, 100, 4)])


def test_pairs_that_agree_speak_for_a_candidate_within_the_margin():
    assert no_worse(Pairs(100), 0.02) < no_worse(Pairs(1000), 0.02)
    assert no_worse(Pairs(1000, 30, 5), 0.02) < 0 < no_worse(Pairs(1000, 5, 30), 0.02)


ARRIVALS = st.lists(st.integers(0, 3000), min_size=3, max_size=3).map(lambda counts: Arrivals((0.5, 0.3, 0.2), tuple(counts)))


@given(ARRIVALS, ARRIVALS)
def test_arrivals_merge(one, other):
    assert one + other == other + one
    assert [evidence([one + other])] == pytest.approx([evidence([other + one])])


@given(ARRIVALS)
def test_the_next_arrival_is_expected_to_change_nothing(epoch):
    after = [epoch + Arrivals(epoch.weights, tuple(int(place == arm) for place in range(3))) for arm in range(3)]
    changes = [math.exp(evidence([more]) - evidence([epoch])) for more in after]
    assert 1.0 == pytest.approx(sum(w * change for w, change in zip(epoch.weights, changes, strict=True)), rel=1e-6)


@given(ARRIVALS.filter(lambda epoch: sum(epoch.counts) > 0))
def test_the_final_check_is_scipys(epoch):
    n = sum(epoch.counts)
    assert chisquare(epoch.counts, [n * w for w in epoch.weights]).pvalue == pytest.approx(final_p([epoch]), rel=1e-6, abs=1e-300)


def test_spotifys_case_of_a_wrong_ratio():
    """spotify/confidence, tests/frequentist/test_srmtest.py: right on the first day, wrong on the third."""
    weights, days = (0.3, 0.3, 0.4), [(100, 99, 102), (200, 196, 204), (300, 275, 306)]
    upto = [tuple(map(sum, zip(*days[: day + 1], strict=True))) for day in range(3)]
    p = [final_p([Arrivals(weights, counts)]) for counts in upto]
    assert [True, False] == [p[0] > 0.01, p[2] > FINAL_ALPHA]


def test_an_arm_without_a_share_is_passed_over_and_epochs_add_up():
    two, three = Arrivals((0.5, 0.5), (60, 40)), Arrivals((0.5, 0.5, 0.0), (60, 40, 3))
    assert (evidence([two]), final_p([two])) == (evidence([three]), final_p([three]))
    assert 2 * evidence([two]) == pytest.approx(evidence([two, three]))
    assert final_p([two, three]) < final_p([two])
    assert 0.0 == evidence([Arrivals((1.0, 0.0), (10, 0))])


def test_two_arms_are_what_the_canary_counts():
    assert e_share(Stratum(0.1, 1300, 0, 8700, 0)) == pytest.approx(evidence([Arrivals((0.1, 0.9), (1300, 8700))]))
    assert e_share(Stratum(0.1, 1300, 0, 8700, 0)) > ALARM


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: confidence_sequence.compare(Effect(1, 1, 9, 7), planned=0, alpha=0.05), "0 units are planned"),
        (lambda: confidence_sequence.compare(Effect(1, 1, 9, 7), planned=math.nan, alpha=0.05), "nan units are planned"),
        (lambda: confidence_sequence.compare(Effect(1, 1, 9, 7), planned=9, alpha=0.0), "alpha is"),
        (lambda: one_sided(Effect(1, 1, 9, 7), planned=9, alpha=0.5), "below 0.5"),
        (lambda: Scores.of([0.5, 1.1, math.nan]), "2 of 3 scores are not between"),
        (lambda: Scores((1, 2)), "2001 counts"),
        (lambda: evidence_above(Scores.of([0.5]), 1.5), "does not lie in 0 to 1"),
        (lambda: Histogram.of([1.0, math.nan], EDGES), "1 of 2 values"),
        (lambda: Histogram((1.0, 1.0), (1, 1, 1)), "edges that rise"),
        (lambda: Histogram((1.0,), (1,)), "one count"),
        (lambda: Histogram((1.0,), (1, 1)) + Histogram((2.0,), (1, 1)), "other edges"),
        (lambda: ranks(5, 1.0, planned=9, alpha=0.05), "a quantile of 1"),
        (lambda: ranks(5, 0.5, planned=math.inf, alpha=0.05), "inf values are planned"),
        (lambda: Pairs(3, 2, 2), "2 and 2 of 3 pairs"),
        (lambda: no_worse(Pairs(3), 0.0), "a margin of 0"),
        (lambda: Arrivals((0.5, 0.6), (1, 1)), "together they are 1"),
        (lambda: Arrivals((0.5, math.nan), (1, 1)), "together they are 1"),
        (lambda: Arrivals((0.5, 0.5), (1, -1)), "one of 0 or more"),
        (lambda: Arrivals((0.5, 0.5), (1, 1)) + Arrivals((0.4, 0.6), (1, 1)), "another epoch"),
    ],
)
def test_what_is_no_number_of_its_kind_is_refused(ask, message):
    with pytest.raises(ValueError, match=message):
        ask()


@pytest.mark.parametrize(
    "ask",
    [
        lambda: betting.interval(Scores(), alpha=0.05),
        lambda: ranks(0, 0.5, planned=9, alpha=0.05),
        lambda: final_p([Arrivals((0.5, 0.5), (0, 0))]),
        lambda: final_p([]),
    ],
)
def test_without_any_unit_nothing_is_said(ask):
    with pytest.raises(UntestableError, match="no "):
        ask()
