"""P11: whatever is registered, each model's versions are numbered 1, 2, 3 … and no number is given twice."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st
from registry_values import registering


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["churn", "fraud", "churn-2"]), max_size=8))
def test_versions_are_numbered_without_gap_or_repetition(models):
    with registering() as (_, register):
        got = [register(model).number for model in models]
    seen = Counter()
    expected = [seen.update([model]) or seen[model] for model in models]
    assert expected == got
