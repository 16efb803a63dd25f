"""Power and sample size, against statsmodels."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.power import NormalIndPower, normal_power_het, normal_sample_size_one_tail

from headrace.stats.power import Arm, detectable, detectable_rate, power, rate_arms, rate_deviation, units_needed

ALPHA, POWER = 0.05, 0.8


@pytest.mark.parametrize("rate", [0.02, 0.5, 0.8])
@pytest.mark.parametrize("difference", [0.01, 0.05])
@pytest.mark.parametrize("units", [500, 20_000])
def test_power_of_two_rates(rate: float, difference: float, units: int) -> None:
    deviation = math.sqrt(rate_deviation(rate) ** 2 + rate_deviation(rate + difference) ** 2)
    expected = normal_power_het(difference, units / 2, ALPHA, std_null=deviation, std_alternative=deviation, alternative="two-sided")
    assert expected == pytest.approx(power(difference, rate_arms(rate, difference, (0.5, 0.5)), units, alpha=ALPHA), rel=1e-6)


@pytest.mark.parametrize(("rate", "difference"), [(0.02, 0.01), (0.5, 0.01), (0.8, 0.05), (0.99, 0.05)])
def test_units_of_two_rates(rate: float, difference: float) -> None:
    arms = rate_arms(rate, difference, (0.5, 0.5))
    deviation = math.sqrt(arms[0].deviation ** 2 + arms[1].deviation ** 2)
    expected = 2 * normal_sample_size_one_tail(difference, POWER, ALPHA / 2, std_null=deviation, std_alternative=deviation)
    assert expected == pytest.approx(units_needed(difference, arms, alpha=ALPHA, power=POWER), rel=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.05])
def test_power_of_two_means_in_unequal_arms(share: float) -> None:
    arms, units = (Arm(1 - share, 12.0), Arm(share, 12.0)), 4000
    expected = NormalIndPower().power(0.63 / 12, units * (1 - share), ALPHA, ratio=share / (1 - share))
    assert expected == pytest.approx(power(0.63, arms, units, alpha=ALPHA), rel=1e-6)


@given(st.floats(0.001, 0.999), st.floats(0.05, 0.95), st.floats(200, 1e7))
def test_what_is_detectable_needs_these_units(rate: float, share: float, units: float) -> None:
    found = detectable_rate(rate, (1 - share, share), units, alpha=ALPHA, power=POWER)
    if math.isfinite(found):
        assert units == pytest.approx(units_needed(found, rate_arms(rate, found, (1 - share, share)), alpha=ALPHA, power=POWER), rel=1e-3)


@given(st.floats(0.01, 100), st.floats(0.05, 0.95), st.floats(10, 1e7))
def test_what_is_detectable_of_a_mean_needs_these_units(deviation: float, share: float, units: float) -> None:
    arms = (Arm(1 - share, deviation), Arm(share, deviation))
    assert units == pytest.approx(units_needed(detectable(arms, units, alpha=ALPHA, power=POWER), arms, alpha=ALPHA, power=POWER))


def test_the_ends() -> None:
    still = (Arm(0.5, 0.0), Arm(0.5, 0.0))
    assert (math.inf, math.inf, math.inf) == (
        units_needed(0.0, rate_arms(0.5, 0.0, (0.5, 0.5)), alpha=ALPHA, power=POWER),
        detectable(still, 0, alpha=ALPHA, power=POWER),
        detectable_rate(0.5, (0.5, 0.5), 3, alpha=ALPHA, power=POWER),
    )
    assert (1.0, ALPHA) == (power(0.1, still, 10, alpha=ALPHA), power(0.0, still, 10, alpha=ALPHA))
