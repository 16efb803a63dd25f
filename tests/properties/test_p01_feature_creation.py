"""P1: a view that is applied for the first time gets an id that no other has, and the version 1."""

from feature_values import DEFINITIONS, VIEWS, noted, storing
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(VIEWS, DEFINITIONS), min_size=1, max_size=8))
def test_a_new_view_is_version_1_with_an_id_of_its_own(applied):
    with storing() as store:
        found = [noted(store, view, told) for view, told in applied]
    first = {version.view: version for version in reversed(found)}
    assert {1} == {version.number for version in first.values()}
    assert len({(version.view, version.number) for version in found}) == len({version.id for version in found})
