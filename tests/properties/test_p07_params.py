"""P7: what a run was asked for is kept whole, and never becomes another."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tracked_values import NAMES, SLOW, VALUES, begun, tracked

from headrace import tracking
from headrace.diagnostics import HeadraceError

PARAMS = st.dictionaries(NAMES, VALUES, max_size=6)


@settings(max_examples=30, deadline=None, suppress_health_check=SLOW)
@given(st.lists(PARAMS, min_size=1, max_size=4))
def test_params_are_complete_and_the_first_value_stays(parts):
    with tracked() as (store, _):
        run_id = begun(store)
        expected: dict = {}
        for part in parts:
            clash = any(name in expected and repr(ordered(expected[name])) != repr(ordered(value)) for name, value in part.items())
            try:
                with store.transaction("u", "log", run_id) as session:
                    tracking.log_params(session, run_id, part)
                refused = None
                expected |= part
            except HeadraceError as error:
                refused = next(iter(error.report)).id
            assert ("param-changed" if clash else None) == refused
        found = tracking.get(store, run_id).params
        assert {name: repr(ordered(value)) for name, value in expected.items()} == {
            name: repr(ordered(value)) for name, value in found.items()
        }


def ordered(value):
    match value:
        case dict():
            return {key: ordered(item) for key, item in sorted(value.items())}
        case list():
            return [ordered(item) for item in value]
    return value


@settings(max_examples=15, deadline=None, suppress_health_check=SLOW)
@given(NAMES, VALUES, VALUES)
def test_the_same_value_again_is_nothing_and_another_is_refused(name, one, two):
    with tracked() as (store, _):
        run_id = begun(store, params={name: one})
        for value in (one, two):
            try:
                with store.transaction("u", "log", run_id) as session:
                    tracking.log_params(session, run_id, {name: value})
            except HeadraceError:
                assert repr(ordered(one)) != repr(ordered(value))
            else:
                assert repr(ordered(one)) == repr(ordered(value))
        assert repr(ordered(one)) == repr(ordered(tracking.get(store, run_id).params[name]))


@settings(max_examples=5, deadline=None, suppress_health_check=SLOW)
@given(NAMES)
def test_params_of_other_runs_are_their_own(name):
    with tracked() as (store, _):
        one, two = begun(store, params={name: 1}), begun(store, params={name: 2})
        assert [{name: 1}, {name: 2}] == [tracking.get(store, id_).params for id_ in (one, two)]
        with pytest.raises(HeadraceError, match="no-run"), store.transaction("u", "log", "x") as session:
            tracking.log_params(session, "nobody", {name: 1})
