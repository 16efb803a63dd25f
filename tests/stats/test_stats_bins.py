import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.stats.bins import BINS, Profile, count, count_column, pearson_p, profile, psi

NUMBERS = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True), st.integers(-3, 3)), max_size=80)
WORDS = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c", "new"])), max_size=80)


def frame(numbers, words):
    n = min(len(numbers), len(words))
    return pd.DataFrame({"x": pd.Series(numbers[:n], dtype="float64"), "k": pd.Series(words[:n], dtype="object")})


@given(NUMBERS, WORDS, NUMBERS, WORDS)
@settings(max_examples=60, deadline=None)
def test_counts_of_two_frames_add_up_to_those_of_both(x1, k1, x2, k2):
    a, b = frame(x1, k1), frame(x2, k2)
    reference = profile({"x": "number", "k": "category"}, a)
    first, second, both = count(reference, a), count(reference, b), count(reference, pd.concat([a, b]))
    assert {name: (first[name] + second[name]).tolist() for name in both} == {name: n.tolist() for name, n in both.items()}


@given(NUMBERS, WORDS, NUMBERS, WORDS)
@settings(max_examples=60, deadline=None)
def test_every_row_is_in_exactly_one_bin(x1, k1, x2, k2):
    reference = profile({"x": "number", "k": "category"}, frame(x1, k1))
    new = frame(x2, k2)
    assert {name: (n.sum(), n.dtype) for name, n in count(reference, new).items()} == {name: (len(new), np.int64) for name in ("x", "k")}


@given(NUMBERS, WORDS)
@settings(max_examples=40, deadline=None)
def test_a_profile_survives_json_and_counts_its_own_reference(numbers, words):
    table = frame(numbers, words)
    found = profile({"x": "number", "k": "category"}, table)
    again = Profile.from_json(found.to_json())
    assert again == found
    assert {n: c.tolist() for n, c in count(again, table).items()} == {n: c.tolist() for n, c in found.reference().items()}


def test_bins_lie_between_reference_quantiles():
    bins = profile({"x": "number"}, pd.DataFrame({"x": np.arange(2000.0)})).columns["x"]
    assert (bins.counts, len(bins.labels)) == ((100,) * 20 + (0,), BINS + 1)


def test_one_outlier_hides_no_drift():
    rng = np.random.default_rng(1)
    reference = profile({"x": "number"}, pd.DataFrame({"x": np.append(rng.normal(0, 1, 20_000), 1e6)}))
    moved = count(reference, pd.DataFrame({"x": rng.normal(2, 1, 2000)}))["x"]
    assert psi(reference.columns["x"].counts, moved) > 1.0


def test_a_number_with_few_values_is_counted_by_value():
    reference = profile({"x": "number"}, pd.DataFrame({"x": [1.0, 2.0, 2.0, 4.0]}))
    assert reference.columns["x"].labels == ("1.0", "2.0", "4.0", "unseen", "missing")
    assert count(reference, pd.DataFrame({"x": [0.5, 1.0, 3.0, 9.0, None]}))["x"].tolist() == [1, 0, 0, 3, 1]


def test_nineteen_values_are_categories_and_twenty_are_not():
    types = [profile({"x": "number"}, pd.DataFrame({"x": np.arange(float(n))})).columns["x"].type for n in (19, 20)]
    assert types == ["value", "number"]


def test_unseen_and_missing_categories_have_bins_of_their_own():
    reference = profile({"k": "category"}, pd.DataFrame({"k": pd.Categorical(["a", "b", None])}))
    assert reference.columns["k"].counts == (1, 1, 0, 1)
    assert count(reference, pd.DataFrame({"k": ["b", "z", None, float("nan")]}))["k"].tolist() == [0, 1, 1, 2]


def test_a_category_is_counted_by_its_text_however_it_was_written():
    reference = profile({"k": "category"}, pd.DataFrame({"k": ["1", "2"]}))
    assert [3, 0, 1, 1] == count(reference, pd.DataFrame({"k": pd.Series([1, "1", 1.0, None, 1.5], dtype="object")}))["k"].tolist()


def test_a_column_that_is_no_number_any_more_is_refused():
    reference = profile({"x": "number"}, pd.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(ValueError, match="blue"):
        count_column(reference.columns["x"], pd.Series([1.0, "blue"]))


def test_nullable_integers_are_counted():
    reference = profile({"x": "number"}, pd.DataFrame({"x": pd.array([1, None, 3], dtype="Int64")}))
    assert reference.columns["x"].counts == (1, 1, 0, 1)


def test_psi_of_equal_shares_is_zero_and_of_nothing_is_unknown():
    assert psi([100, 100, 0], [100, 100, 0]) == 0.0
    assert np.isnan(psi([100, 100], [0, 0]))
    assert np.isnan(pearson_p([100, 100], [0, 0]))


def test_pearson_agrees_with_scipy_where_nothing_is_pooled():
    from scipy.stats import chi2_contingency

    a, b = [500, 300, 200], [40, 30, 30]
    assert pearson_p(a, b) == pytest.approx(chi2_contingency([a, b], correction=False).pvalue, rel=1e-12)


def test_one_cell_has_nothing_to_differ_from():
    assert pearson_p([1000, 0], [10, 0]) == 1.0


@pytest.mark.parametrize(("alpha", "allowed"), [(0.05, 0.07), (0.01, 0.018)])
def test_pearson_holds_its_level_with_rare_categories(alpha, allowed):
    rng = np.random.default_rng(7)
    shares = np.array([0.5, 0.3, 0.15, 0.04, 0.004, 0.003, 0.002, 0.001])
    p = [pearson_p(rng.multinomial(5000, shares), rng.multinomial(500, shares)) for _ in range(2000)]
    assert np.mean(np.array(p) <= alpha) < allowed
