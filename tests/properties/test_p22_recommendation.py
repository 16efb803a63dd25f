"""P22: an arm is recommended only where it is significantly better: of equal arms as seldom as was declared, whenever one looks."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from headrace.experiment.analyse import analyse
from headrace.experiment.declared import Declared, Guardrail, Primary
from headrace.experiment.observed import Cell, Metric, Observed
from headrace.experiment.planned import planned_units
from headrace.spec.quantity import Difference
from headrace.stats.proportions import Proportion

AT = datetime(2026, 1, 1, tzinfo=UTC)
DESIGNS = ("fixed", "group_sequential", "always_valid", "bayesian")
ALPHA, RUNS, LOOKS = 0.05, 300, 6


def about(design, arms=("champion", "candidate"), guardrails=()):
    return Declared(
        arms=dict.fromkeys(arms, 1 / len(arms)),
        unit="customer",
        primary=(Primary(metric="retained", detect=Difference(0.05, relative=False), baseline=0.3),),
        guardrails=guardrails,
        lasts=timedelta(days=LOOKS),
        design=design,
        alpha=ALPHA,
    )


def look(counts, looks=(), *, final, errors=None):
    told = {"retained": counts} | ({} if errors is None else {"errors": errors})
    return Observed(
        metrics={"retained": Metric(better="higher"), "errors": Metric(better="lower")},
        cells=tuple(Cell(metric=name, arm=arm, epoch=1, seen=seen) for name, arms in told.items() for arm, seen in arms.items()),
        arrived={1: dict.fromkeys(counts, 1000)},
        shares={1: dict.fromkeys(counts, 1 / len(counts))},
        looks=looks,
        final=final,
    )


def decided(rng, declared, rates):
    """How an experiment ends that is decided at the first look that decides."""
    block = int(planned_units(declared) / len(rates) / LOOKS) + 1
    hits, looks = dict.fromkeys(rates, 0), []
    for n in range(1, LOOKS + 1):
        hits = {arm: hits[arm] + int(rng.binomial(block, rate)) for arm, rate in rates.items()}
        found = analyse(declared, look({arm: Proportion(n * block, x) for arm, x in hits.items()}, tuple(looks), final=n == LOOKS), AT)
        if found.verdict in {"win", "lose"}:
            return found.verdict
        looks.append(found.information)
    return "undecided"


@pytest.mark.parametrize("design", DESIGNS)
def test_equal_arms_are_called_different_as_seldom_as_declared(design):
    rng = np.random.default_rng(17)
    ends = [decided(rng, about(design), {"champion": 0.3, "candidate": 0.3}) for _ in range(RUNS)]

    # Not more than what chance gives with 99 % where the true share is alpha.
    assert sum(end != "undecided" for end in ends) <= binom.isf(0.01, RUNS, ALPHA)


def test_none_of_several_equal_arms_is_recommended_more_often():
    rng = np.random.default_rng(18)
    declared = about("group_sequential", ("champion", "candidate", "challenger", "fourth"))
    ends = [decided(rng, declared, dict.fromkeys(declared.arms, 0.3)) for _ in range(RUNS)]

    assert sum(end == "win" for end in ends) <= binom.isf(0.01, RUNS, ALPHA)


def test_what_was_looked_for_is_found_as_often_as_declared():
    rng = np.random.default_rng(19)
    ends = [decided(rng, about("group_sequential"), {"champion": 0.3, "candidate": 0.35}) for _ in range(RUNS)]

    assert sum(end == "win" for end in ends) >= binom.ppf(0.01, RUNS, 0.8)


COUNT = st.integers(200, 4000).flatmap(lambda n: st.integers(0, n).map(lambda hits: Proportion(n, hits)))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(DESIGNS), st.booleans(), st.tuples(COUNT, COUNT), st.tuples(COUNT, COUNT))
def test_a_winner_is_significantly_better_and_keeps_every_margin(design, final, retained, errors):
    arms = ("champion", "candidate")
    declared = about(design, guardrails=(Guardrail(metric="errors", worse_by_at_most=Difference(0.02, relative=False)),))
    told = look(dict(zip(arms, retained, strict=True)), final=final, errors=dict(zip(arms, errors, strict=True)))
    found = analyse(declared, told, AT)
    primary, rail = found.comparisons

    if found.winner is not None:
        assert (primary.finding, rail.finding) == ("better", "within")
        assert primary.difference > 0
        assert primary.adjusted is None or primary.adjusted <= ALPHA
        assert rail.high is not None
        assert rail.high < 0.02
    else:
        assert found.verdict != "win"
