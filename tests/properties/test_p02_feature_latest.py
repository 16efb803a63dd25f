"""P2: who names no version of a view gets the latest."""

from feature_values import DEFINITIONS, VIEWS, noted, storing
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features import versions


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(VIEWS, DEFINITIONS), min_size=1, max_size=8))
def test_the_version_that_is_not_named_is_the_latest(applied):
    with storing() as store:
        latest = {view: (told, noted(store, view, told).number) for view, told in applied}
        with store.read() as session:
            found = {view: versions.version(session, view) for view in latest}
    assert latest == {view: (dict(version.definition), version.number) for view, version in found.items()}
