"""P5: every version says all that one must know of it."""

from feature_values import ACTOR, AT, DEFINITIONS, VIEWS, noted, storing
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.features import versions


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(VIEWS, DEFINITIONS, st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)), min_size=1, max_size=6)
)
def test_every_version_is_whole(applied):
    with storing() as store:
        for view, told, description in applied:
            noted(store, view, told, description)
        with store.read() as session:
            found = [version for view in {view for view, _, _ in applied} for version in versions.history(session, view)]
    for version in found:
        assert (32, ACTOR, AT) == (len(version.id), version.actor, version.at)
        assert version.digest == versions.named(version.definition)
        assert (version.view, dict(version.definition), version.description) in applied
