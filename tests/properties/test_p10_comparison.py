"""P10: a comparison has every key of every run, each value, and says what is missing where."""

from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_values import FLOATS, NAMES, SLOW, VALUES, begun, tracked

from headrace import tracking

KEYS = st.one_of(st.sampled_from(["a", "b", "c"]), NAMES)
RUN = st.fixed_dictionaries(
    {
        "params": st.dictionaries(KEYS, VALUES, max_size=4),
        "metrics": st.dictionaries(KEYS, FLOATS, max_size=4),
        "tags": st.dictionaries(KEYS, VALUES, max_size=4),
    }
)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(st.lists(RUN, min_size=1, max_size=4))
def test_a_comparison_has_all_keys_of_all_runs(runs):
    with tracked() as (store, _):
        found = [tracking.get(store, begun(store, number, **run)) for number, run in enumerate(runs)]
        compared = tracking.compare(store, found, {})
        rows = {(row.kind, row.name): row for row in compared.rows}
        assert {(kind, name) for run in runs for kind in run for name in run[kind]} == set(rows)
        for (kind, name), row in rows.items():
            held = [getattr(run, kind).get(name, tracking.MISSING) for run in found]
            expected = [item.value if kind == "metrics" and item is not tracking.MISSING else item for item in held]
            assert [repr(item) for item in expected] == [repr(item) for item in row.values]
            assert [name not in run[kind] for run in runs] == [item is tracking.MISSING for item in row.values]
            alike = tracking.MISSING not in row.values and len({repr(item) for item in row.values}) == 1
            assert alike is row.same
        assert len(runs) - 1 == len(compared.untested)
