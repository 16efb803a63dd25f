from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.compiler import artifact

FLOATS = st.floats() | st.floats(-1e22, 1e22) | st.floats(-1e-3, 1e-3) | st.integers(-1000, 1000).map(float)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | FLOATS | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x), max_leaves=20
)


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.text(), VALUES))
def test_the_compiled_writer_indents_as_pythons_own_does(value):
    try:
        expected = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError:
        with pytest.raises(ValueError, match="not JSON compliant"):
            artifact._indented(value)
    else:
        assert expected == artifact._indented(value)
