import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from headrace.stats.multiplicity import benjamini_hochberg, e_benjamini_hochberg, holm

PS = st.lists(st.floats(0, 1), max_size=12)


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_statsmodels(seed):
    p = np.random.default_rng(seed).random(7) ** 3
    assert multipletests(p, method="holm")[1].tolist() == pytest.approx(holm(p.tolist()))
    assert [] == holm([])


@pytest.mark.parametrize("p", [[0.01, 0.04, 0.03, 0.005, 0.9, 0.03], [1.0, 1.0], [0.0, 0.5]])
def test_benjamini_hochberg_is_statsmodels(p):
    assert multipletests(p, method="fdr_bh")[1].tolist() == pytest.approx(benjamini_hochberg(p))
    assert [] == benjamini_hochberg([])


def test_benjamini_and_hochberg_reject_four_of_the_fifteen_of_their_paper():
    """Benjamini and Hochberg (1995), section 3.2: thrombolysis, q = 0.05; Bonferroni's and Holm's reject three."""
    p = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    assert (4, 3) == (sum(q <= 0.05 for q in benjamini_hochberg(p)), sum(q <= 0.05 for q in holm(p)))


@given(PS, st.randoms(use_true_random=False))
def test_the_order_of_the_tests_changes_nothing(p, random):
    at = list(range(len(p)))
    random.shuffle(at)
    for adjust in (holm, benjamini_hochberg, lambda values: e_benjamini_hochberg([-3 * math.log(v + 1e-9) for v in values], alpha=0.1)):
        assert [adjust(p)[i] for i in at] == pytest.approx(adjust([p[i] for i in at]))


@given(PS)
def test_no_correction_makes_a_p_smaller_and_holm_is_the_stricter(p):
    assert all(one >= q - 1e-12 >= raw - 2e-12 for raw, q, one in zip(p, benjamini_hochberg(p), holm(p), strict=True))


@given(st.lists(st.floats(-50, 50), max_size=12), st.floats(0.01, 0.5))
def test_e_values_are_rejected_as_their_reciprocals_would_be(log_e, alpha):
    """Wang and Ramdas (2022), section 3: the procedure is Benjamini and Hochberg's on 1 / E, but valid under any dependence."""
    m = len(log_e)
    bars = {k: math.log(m / (alpha * k)) for k in range(1, m + 1)}
    enough = [k for k, bar in bars.items() if sum(value >= bar for value in log_e) >= k]
    assert [bool(enough) and value >= bars[enough[-1]] for value in log_e] == e_benjamini_hochberg(log_e, alpha=alpha)


def test_one_e_value_alone_needs_the_reciprocal_of_alpha():
    assert [True, False] == e_benjamini_hochberg([math.log(40.0), 0.0], alpha=0.05)
    assert [False, False] == e_benjamini_hochberg([math.log(39.9), 0.0], alpha=0.05)
    assert [True, True] == e_benjamini_hochberg([math.log(20.1), math.log(20.1)], alpha=0.05)
    assert [True] == e_benjamini_hochberg([math.inf], alpha=0.05)


def test_what_is_no_p_and_no_e_value_is_refused():
    for adjust in (holm, benjamini_hochberg):
        for wrong in (math.nan, -0.1, 1.1):
            with pytest.raises(ValueError, match="is no p-value"):
                adjust([0.5, wrong])
    with pytest.raises(ValueError, match="not a number"):
        e_benjamini_hochberg([math.nan], alpha=0.05)
    with pytest.raises(ValueError, match="alpha is 0"):
        e_benjamini_hochberg([1.0], alpha=0)
