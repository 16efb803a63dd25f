"""What one look says of sums: designs, epochs, corrections, guardrails, the shares of arms, and the verdict."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from math import log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from observed_world import BOTH, START, declared

from headrace.experiment.analyse import analyse
from headrace.experiment.analysis import Analysis, Comparison
from headrace.experiment.declared import Declared, Guardrail, Primary
from headrace.experiment.observed import Cell, Metric, Observed
from headrace.experiment.planned import planned_units
from headrace.spec.quantity import Difference
from headrace.stats.anytime_quantile import Histogram
from headrace.stats.cuped import Covaried
from headrace.stats.moments import JointMoments, Moments
from headrace.stats.proportions import Proportion

DESIGNS = ("fixed", "group_sequential", "always_valid", "bayesian")
BETTER = {"champion": Proportion(10_000, 3_000), "candidate": Proportion(10_000, 3_300)}
SAME = {"champion": Proportion(10_000, 3_000), "candidate": Proportion(10_000, 3_000)}
ABC = {"champion": 0.4, "candidate": 0.3, "challenger": 0.3}


def look(*, final: bool = False, looks: tuple[float, ...] = (), metrics: dict[str, Metric] | None = None, **cells: dict) -> Observed:
    """Sums of each metric by arm; by epoch and arm, where the first key is a number."""
    made, arrived = [], {}
    for metric, seen in cells.items():
        for epoch, arms in seen.items() if isinstance(next(iter(seen)), int) else ((2, seen),):
            made += [Cell(metric=metric, arm=arm, epoch=epoch, seen=one) for arm, one in arms.items()]
            arrived[epoch] = dict.fromkeys(arms, 10_000)
    about = {name: Metric(better="lower" if name in {"errors", "latency_p99"} else "higher") for name in cells} | (metrics or {})
    shares = {epoch: dict.fromkeys(arms, 1 / len(arms)) for epoch, arms in arrived.items()}
    return Observed(metrics=about, cells=tuple(made), arrived=arrived, shares=shares, final=final, looks=looks)


def say(about: Declared, observed: Observed) -> Analysis:
    return analyse(about, observed, START)


def only(found: Analysis) -> Comparison:
    (one,) = found.comparisons
    return one


def rail(metric: str, value: float = 0.01, *, relative: bool = False) -> Guardrail:
    return Guardrail(metric=metric, worse_by_at_most=Difference(value, relative))


@pytest.mark.parametrize("design", DESIGNS)
def test_a_clear_difference_wins_at_the_end_in_every_design(design: str) -> None:
    found = say(declared(design=design), look(retained=BETTER, final=True))

    assert ("win", "candidate", "better") == (found.verdict, found.winner, only(found).finding)
    assert only(found).low > 0
    assert only(found).value == 0.33


@pytest.mark.parametrize(("design", "early"), [("fixed", "undecided"), ("bayesian", "undecided"), ("group_sequential", "win")])
def test_who_may_not_peek_decides_at_the_end_alone(design: str, early: str) -> None:
    assert early == say(declared(design=design), look(retained=BETTER)).verdict


def test_a_bayesian_view_says_that_peeking_is_not_safe() -> None:
    assert "higher with a chance of 100.0%; not safe under peeking" in only(say(declared(design="bayesian"), look(retained=BETTER))).reason


def test_a_worse_arm_loses() -> None:
    swapped = {"champion": BETTER["candidate"], "candidate": BETTER["champion"]}
    found = say(declared(), look(retained=swapped))

    assert ("lose", None) == (found.verdict, found.winner)
    assert "candidate is worse on retained by -0.03" in found.reason


def test_what_a_look_has_spent_is_gone_for_the_next() -> None:
    border = {"champion": Proportion(3_000, 900), "candidate": Proportion(3_000, 985)}
    widths = {
        looks: only(say(declared(), look(retained=border, looks=looks, final=True))).high - only(
            say(declared(), look(retained=border, looks=looks, final=True))
        ).low
        for looks in ((), (0.5, 0.8, 0.9, 0.95))
    }  # fmt: skip

    assert widths[0.5, 0.8, 0.9, 0.95] > widths[()]


def test_information_is_the_share_of_the_planned_units_and_overrunning_is_one() -> None:
    about = declared()
    n = int(planned_units(about) / 4)
    half = {arm: Proportion(n, n // 3) for arm in BOTH}

    assert pytest.approx(0.5, abs=0.01) == say(about, look(retained=half)).information
    assert 1.0 == say(about, look(retained={arm: Proportion(99 * n, 33 * n) for arm in BOTH})).information


def test_a_look_after_all_was_spent_decides_nothing() -> None:
    assert "undecided" == say(declared(), look(retained=BETTER, looks=(0.5, 1.4))).verdict


def test_an_experiment_without_a_unit_has_no_data() -> None:
    found = analyse(declared(), Observed(metrics={"retained": Metric(better="higher")}, cells=(), arrived={}, shares={}), START)

    assert ("no_data", 0.0, {"champion": 0, "candidate": 0}) == (found.verdict, found.information, found.units)
    assert "no_data" == only(found).finding


def test_a_stale_metric_is_never_a_win() -> None:
    stale = {"retained": Metric(better="higher", stale="no value has come since Monday")}

    assert ("no_data", "retained: no value has come since Monday") == (
        (found := say(declared(), look(retained=BETTER, metrics=stale, final=True))).verdict,
        found.reason,
    )


def test_a_metric_that_was_not_looked_at_raises() -> None:
    with pytest.raises(KeyError, match="retained"):
        say(declared(), look(errors=SAME))


@pytest.mark.parametrize("design", ["group_sequential", "always_valid"])
def test_rare_events_and_small_arms_are_warming_up(design: str) -> None:
    few = {"champion": Proportion(2_000, 40), "candidate": Proportion(200, 0)}
    alike = {"champion": JointMoments.of([0.0, 1.0] * 100, [1.0] * 200), "candidate": JointMoments.of([1.0] * 200, [1.0] * 200)}

    assert "warming_up" == say(declared(design=design), look(retained=few)).verdict
    assert "warming_up" == say(declared(design=design), look(retained=alike)).verdict


def test_pooling_over_epochs_misleads_nobody() -> None:
    """Both arms are equal in each epoch, and the better epoch is the candidate's: pooled it would win by 20 points."""
    epochs = {
        2: {"champion": Proportion(9_000, 900), "candidate": Proportion(1_000, 100)},
        3: {"champion": Proportion(1_000, 400), "candidate": Proportion(9_000, 3_600)},
    }
    found = only(say(declared(), look(retained=epochs, final=True)))

    assert pytest.approx(0.0, abs=1e-12) == found.difference
    assert "undecided" == found.finding


def test_an_epoch_of_one_arm_alone_is_compared_with_nothing() -> None:
    epochs = {2: BETTER, 3: {"candidate": Proportion(5_000, 5_000)}}

    assert pytest.approx(0.03) == only(say(declared(), look(retained=epochs, final=True))).difference


def test_a_covariate_takes_noise_away_and_moves_nothing() -> None:
    x = [float(n % 10) for n in range(2_000)]
    seen = {
        arm: Covaried(JointMoments.of([value + lift + 0.01 * (place % 7) for place, value in enumerate(x)], x))
        for arm, lift in (("champion", 0.0), ("candidate", 0.1))
    }
    plain = {arm: one.outcome for arm, one in seen.items()}
    about = declared(primary=(Primary(metric="spent", detect=Difference(0.1, relative=True), mean=4.5, deviation=3.0),))
    adjusted, raw = (only(say(about, look(spent=one, final=True))) for one in (seen, plain))

    assert pytest.approx(0.1) == adjusted.difference == pytest.approx(raw.difference)
    assert adjusted.high - adjusted.low < 0.05 * (raw.high - raw.low)


def test_a_win_needs_every_guardrail_within() -> None:
    about = declared(guardrails=(rail("errors"),))
    within = look(retained=BETTER, errors={"champion": Proportion(10_000, 0), "candidate": Proportion(10_000, 0)}, final=True)
    unknown = look(retained=BETTER, errors={"champion": Proportion(150, 3), "candidate": Proportion(150, 3)}, final=True)
    broken = look(retained=BETTER, errors={"champion": Proportion(10_000, 100), "candidate": Proportion(10_000, 400)}, final=True)

    assert ["win", "undecided", "guardrail"] == [say(about, one).verdict for one in (within, unknown, broken)]
    assert ["within", "undecided", "worse"] == [say(about, one).comparisons[1].finding for one in (within, unknown, broken)]


@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("relative", [False, True])
def test_guardrails_have_absolute_and_relative_margins_in_every_design(design: str, relative: bool) -> None:  # noqa: FBT001 - a case
    about = declared(design=design, guardrails=(rail("errors", 0.2 if relative else 0.02, relative=relative),))
    errors = {"champion": Proportion(10_000, 1_000), "candidate": Proportion(10_000, 1_000)}
    worse = {**errors, "candidate": Proportion(10_000, 1_500)}

    assert ["within", "worse"] == [
        say(about, look(retained=SAME, errors=one, final=True)).comparisons[1].finding for one in (errors, worse)
    ]


def test_a_guardrail_of_which_less_is_worse_is_turned_round() -> None:
    about = declared(guardrails=(rail("visits", 0.02),))
    found = say(about, look(retained=SAME, visits={"champion": Proportion(9_000, 4_500), "candidate": Proportion(9_000, 4_000)}))

    assert ("worse", True) == (found.comparisons[1].finding, found.comparisons[1].high < 0)


def test_a_relative_margin_of_a_champion_without_any_is_not_known_to_hold() -> None:
    about = declared(guardrails=(rail("errors", 0.1, relative=True),))
    none = {arm: Proportion(10_000, 0) for arm in BOTH}

    assert "undecided" == say(about, look(retained=BETTER, errors=none, final=True)).verdict


def test_a_quantile_is_a_guardrail_by_both_arms_intervals() -> None:
    edges = tuple(n / 100 for n in range(101))
    flat = Histogram(edges, (0, *([100] * 100), 0))
    slow = Histogram(edges, (0, *([0] * 50), *([200] * 50), 0))
    about = declared(guardrails=(rail("latency_p50", 0.2, relative=True),))

    def judged(arm: Histogram) -> str:
        metrics = {"latency_p50": Metric(better="lower", quantile=0.5)}
        return say(about, look(retained=SAME, latency_p50={"champion": flat, "candidate": arm}, metrics=metrics)).comparisons[1].finding

    assert ("within", "worse") == (judged(flat), judged(slow))


def test_shares_that_are_not_kept_make_all_of_it_invalid() -> None:
    wrong = replace(look(retained=BETTER, final=True), arrived={2: {"champion": 10_500, "candidate": 10_000}})
    found = say(declared(), wrong)

    assert ("invalid", None) == (found.verdict, found.winner)
    assert "p = " in found.reason
    early = say(declared(), replace(wrong, final=False, arrived={2: {"champion": 12_000, "candidate": 10_000}}))
    assert early.verdict == "invalid"
    assert early.sample_ratio > log(1000)


def test_several_arms_share_alpha() -> None:
    """z is 2.06 in one of two arms: enough alone, and not among two."""
    border = {"champion": Proportion(10_000, 3_000), "candidate": Proportion(10_000, 3_135), "challenger": Proportion(10_000, 3_000)}
    two = declared(design="fixed", primary=declared().primary)
    three = replace(two, arms=ABC)

    assert "win" == say(two, look(retained={arm: border[arm] for arm in BOTH}, final=True)).verdict
    found = say(three, look(retained=border, final=True))
    assert "undecided" == found.verdict
    assert [2 * found.comparisons[0].p, 1.0] == pytest.approx([one.adjusted for one in found.comparisons])


def test_once_one_comparison_is_decided_the_others_share_what_it_had() -> None:
    border = {"champion": Proportion(10_000, 3_000), "candidate": Proportion(10_000, 3_400), "challenger": Proportion(10_000, 3_140)}
    for design in ("fixed", "group_sequential"):
        found = say(replace(declared(design=design), arms=ABC), look(retained=border, final=True))
        assert ["better", "better"] == [one.finding for one in found.comparisons]
        assert "candidate" == found.winner


def test_the_whole_is_lost_where_every_arm_is() -> None:
    lost = {"champion": Proportion(10_000, 3_300), "candidate": Proportion(10_000, 3_000), "challenger": Proportion(10_000, 3_290)}

    assert "undecided" == say(replace(declared(), arms=ABC), look(retained=lost)).verdict
    assert "lose" == say(replace(declared(), arms=ABC), look(retained=lost | {"challenger": Proportion(10_000, 3_000)})).verdict


def test_secondaries_are_told_by_q_values_and_decide_nothing() -> None:
    about = declared(design="fixed", secondary=("visits", "clicks"))
    found = say(about, look(retained=SAME, visits=BETTER, clicks=SAME, final=True))

    assert [("primary", "undecided"), ("secondary", "better"), ("secondary", "undecided")] == [
        (one.role, one.finding) for one in found.comparisons
    ]
    assert "undecided" == found.verdict


def test_segments_decide_nothing() -> None:
    seen = look(retained=SAME, final=True)
    gold = tuple(Cell(metric="retained", arm=arm, epoch=2, segment="plan=gold", seen=one) for arm, one in BETTER.items())
    found = say(declared(), replace(seen, cells=seen.cells + gold))

    assert ("undecided", "plan=gold") == (found.verdict, found.comparisons[1].segment)
    assert ("undecided", True) == (found.comparisons[1].finding, found.comparisons[1].low > 0)


COUNTS = st.integers(200, 5_000).flatmap(lambda n: st.integers(0, n).map(lambda hits: Proportion(n, hits)))
VALUES = st.lists(st.floats(0, 1e6), min_size=2, max_size=40).map(Moments.of)
LOOKS = st.sampled_from([(), (0.2,), (0.1, 0.4)])
FINDINGS = {"better": "worse", "worse": "better"}


def _turned(value: float | None) -> float | None:
    return None if value is None else -value


@given(kind=st.sampled_from([COUNTS, VALUES]), design=st.sampled_from(DESIGNS), looks=LOOKS, final=st.booleans(), data=st.data())
@settings(max_examples=60, deadline=None)
def test_arms_that_are_swapped_change_every_sign_and_nothing_else(kind, design, looks, final, data) -> None:
    epochs = {epoch: {arm: data.draw(kind) for arm in BOTH} for epoch in data.draw(st.sampled_from([(2,), (2, 3)]))}
    swapped = {epoch: {"champion": arms["candidate"], "candidate": arms["champion"]} for epoch, arms in epochs.items()}
    one, other = (say(declared(design=design), look(retained=each, looks=looks, final=final)) for each in (epochs, swapped))
    a, b = only(one), only(other)

    def close(value: float | None) -> object:
        return None if value is None else pytest.approx(value, rel=1e-9, abs=1e-9)

    assert (close(_turned(a.high)), close(_turned(a.difference)), close(_turned(a.low))) == (b.low, b.difference, b.high)
    assert (close(a.p), close(a.adjusted), FINDINGS.get(a.finding, a.finding)) == (b.p, b.adjusted, b.finding)
    assert {"win": "lose", "lose": "win"}.get(one.verdict, one.verdict) == other.verdict
    assert (one.information, close(one.sample_ratio)) == (other.information, other.sample_ratio)


@given(parts=st.lists(st.tuples(st.sampled_from(list(BOTH)), COUNTS), min_size=2, max_size=6), data=st.data())
@settings(max_examples=40, deadline=None)
def test_sums_of_shards_say_what_the_sums_of_all_say(parts, data) -> None:
    cells = [Cell(metric="retained", arm=arm, epoch=2, seen=seen) for arm, seen in parts]
    whole: dict[str, Proportion] = {}
    for arm, seen in parts:
        whole[arm] = whole.get(arm, Proportion()) + seen
    base = look(retained=SAME)
    shards, one = (
        replace(base, cells=tuple(some))
        for some in (data.draw(st.permutations(cells)), [replace(cells[0], arm=arm, seen=seen) for arm, seen in whole.items()])
    )  # fmt: skip

    assert say(declared(), one) == say(declared(), shards)


def test_a_plan_counts_comparisons_looks_and_relative_differences() -> None:
    one = declared(design="fixed")
    assert planned_units(one) < planned_units(declared())  # looks cost
    assert planned_units(one) < planned_units(replace(one, arms=ABC))  # so do arms
    relative = replace(one, primary=(replace(one.primary[0], detect=Difference(0.05 / 0.3, relative=True)),))
    assert pytest.approx(planned_units(one), rel=1e-3) == planned_units(relative)
    impossible = replace(one, primary=(replace(one.primary[0], detect=Difference(0.9, relative=False)),))
    assert "undecided" == say(replace(impossible, design="group_sequential"), look(retained=SAME)).verdict
    assert "undecided" == say(replace(impossible, design="always_valid", lasts=timedelta(days=3)), look(retained=SAME)).verdict
