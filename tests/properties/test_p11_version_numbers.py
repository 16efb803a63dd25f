"""P11: whatever is registered, each model's versions are numbered 1, 2, 3 … and no number is given twice."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant
from registry_machine import Moves, holds, opened
from registry_values import registering

from headrace import registry


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(["churn", "fraud", "churn-2"]), max_size=8))
def test_versions_are_numbered_without_gap_or_repetition(models):
    with registering() as (_, register):
        got = [register(model).number for model in models]
    seen = Counter()
    expected = [seen.update([model]) or seen[model] for model in models]
    assert expected == got


class Numbered(Moves):
    @invariant()
    def numbers_have_no_gap_and_are_never_given_again(self):
        with self.store.read() as session:
            for model, made in self.made.items():
                assert [*range(1, len(made) + 1)] == [version.number for version in registry.versions(session, self.name(model))]


@pytest.mark.parametrize("database", ["sqlite", "postgres"])
def test_numbers_hold_under_every_order_of_moves_and_withdrawals(request, tmp_path, database):
    with opened(request, tmp_path, database) as store:
        holds(store, Numbered)
