"""P4: values that were kept under a version come back to the bit, whatever came after."""

import pyarrow as pa
import pytest
from feature_values import ACTOR, exact, noted, storing, tables
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.features import versions


def came_back(store, kept):
    put = []
    for number, table in enumerate(kept):
        version = noted(store, "basket", {"view": {"time": str(number // 2)}})
        put.append((version, versions.keep(store, version, table, {"rows": "source/asked"}, actor=ACTOR)))
    for table, (version, found) in zip(kept, put, strict=True):
        with store.read() as session:
            again = versions.kept(session, versions.version(session, "basket", version.number))[found.number - 1]
        assert exact(table) == exact(versions.values(store, again))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(tables(), min_size=1, max_size=3))
def test_kept_values_come_back_to_the_bit(kept):
    with storing() as store:
        came_back(store, kept)


@pytest.mark.slow
def test_kept_values_come_back_on_postgresql(postgres):
    with storing(postgres) as store:
        came_back(store, [pa.table({"x": pa.array([float("nan"), None, -0.0])}), pa.table({"x": pa.array(["é", None, ""])})])
