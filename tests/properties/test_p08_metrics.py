"""P8: every value of every metric is kept, with its step and its moment, in whatever portions it is written."""

from datetime import timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_values import AT, FLOATS, SLOW, begun, tracked

from headrace import tracking

POINTS = st.lists(
    st.tuples(st.sampled_from(["auc", "loss", "x y"]), st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3), FLOATS), max_size=25
)


def exact(value):
    """A float with NaN equal to itself; SQLite keeps no sign of zero."""
    return repr(value + 0.0)


@settings(max_examples=40, deadline=None, suppress_health_check=SLOW)
@given(st.lists(POINTS, max_size=4))
def test_the_history_is_complete_and_the_last_value_is_its_last(portions):
    with tracked() as (store, _):
        run_id = begun(store)
        logged: dict = {}
        for number, portion in enumerate(portions):
            at = AT + timedelta(milliseconds=number)
            with store.transaction("u", "log", run_id) as session:
                tracking.log_points(session, run_id, [(*point, at) for point in portion])
            for name, step, value in portion:
                logged.setdefault(name, []).append((step, exact(value), at))
        found = tracking.history(store, run_id)
        lasts = tracking.get(store, run_id).metrics
        # Sorting by step alone is stable: of one step, as they were logged.
        expected = {name: sorted(points, key=lambda point: point[0]) for name, points in logged.items()}
        assert expected == {name: [(p.step, exact(p.value), p.at) for p in points] for name, points in found.items()}
        assert {name: (*points[-1], len(points)) for name, points in expected.items()} == {
            name: (last.step, exact(last.value), last.at, last.n) for name, last in lasts.items()
        }


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(st.lists(st.tuples(st.integers(0, 50), FLOATS, st.booleans()), max_size=40))
def test_a_recorder_loses_and_repeats_nothing(steps):
    with tracked() as (store, _):
        run_id = begun(store)
        with tracking.Recorder(store, run_id, "u", every=0.001) as recorder:
            for step, value, flush in steps:
                recorder.step(step, {"m": value})
                if flush:
                    recorder.flush()
        found = tracking.history(store, run_id).get("m", [])
        assert sorted((step, exact(value)) for step, value, _ in steps) == sorted((p.step, exact(p.value)) for p in found)
