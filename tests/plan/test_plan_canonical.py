from __future__ import annotations

import json

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.plan.canonical import canonical

FLOATS = st.floats() | st.floats(-1e22, 1e22) | st.floats(-1e-4, 1e-4) | st.integers(-1000, 1000).map(float)
INTEGERS = st.integers() | st.integers(-(2**54), 2**54)
TEXTS = st.text() | st.sampled_from(["1.0", "a:1.0,", "1e5", '"2.0,"', "\\", '\\"3.0}', "-0.0", "null", "\U0001f600", "\ue000"])
VALUES = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


def written(write, value):
    """What a writer makes of a value, or that it refuses it."""
    try:
        return write(value)
    except (ValueError, rfc8785.CanonicalizationError):
        return None


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_every_value_has_the_bytes_that_the_standard_gives_it(value):
    assert written(rfc8785.dumps, value) == written(canonical, value)


@pytest.mark.parametrize("value", [5.0, -0.0, 1e16, 1e-5, 1e-7, 1e21, 2**53 - 1, [1.0, "1.0"], {"\ue000": 1, "\U0001f600": 2.0}, None])
def test_what_the_fast_writer_would_write_otherwise(value):
    assert rfc8785.dumps(value) == canonical(value)


@pytest.mark.parametrize("value", [float("nan"), [None, float("inf")], 2**53, "\ud800", {1: 2}, object()])
def test_what_has_no_canonical_text_is_refused(value):
    with pytest.raises((ValueError, TypeError, rfc8785.CanonicalizationError)):
        canonical(value)


def test_a_document_of_the_store_is_what_its_text_says():
    from headrace.plan.past import Stored

    told = {"gates": [{"id": "quality", "min": 0.85}], "owner": None}
    stored = Stored(json.dumps(told))
    assert (told, 2, {**told}) == (stored, len(stored), dict(stored.items()))
    assert stored != {**told, "owner": "ana"}
