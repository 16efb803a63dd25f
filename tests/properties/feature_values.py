"""Stores to version features in, and values of every kind that a feature may have."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
from hypothesis import strategies as st

from headrace.features import versions
from headrace.store import Store

ACTOR = "user:test"
AT = datetime(2024, 1, 1, tzinfo=UTC)


@contextmanager
def storing(url: str = "sqlite:///state.db") -> Iterator[Store]:
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(url, "blobs", root=Path(folder))
        try:
            yield store
        finally:
            store.close()


def noted(store: Store, view: str, definition: dict[str, Any], description: str = "") -> versions.Version:
    with store.transaction(ACTOR, "apply", view) as session:
        return versions.note(session, view, definition, description=description, actor=ACTOR, at=AT)


VIEWS = st.sampled_from(["basket", "person", "basket-2"])
DEFINITIONS = st.fixed_dictionaries({"view": st.fixed_dictionaries({"time": st.sampled_from(["a", "b", "c"]), "late": st.integers(0, 2)})})
_FROM, _TO = datetime(1900, 1, 1), datetime(2200, 1, 1)  # noqa: DTZ001 - hypothesis adds the zone
_COLUMNS = [
    (pa.float64(), st.floats(width=64) | st.just(-0.0)),
    (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    (pa.string(), st.text(st.characters(exclude_categories=["Cs"]), max_size=5)),
    (pa.decimal128(38, 9), st.decimals(-(10**20), 10**20, places=9, allow_nan=False).map(Decimal)),
    (pa.timestamp("us", tz="Europe/Madrid"), st.datetimes(_FROM, _TO, timezones=st.just(UTC))),
    (pa.timestamp("ns"), st.datetimes(_FROM, _TO)),
    (pa.bool_(), st.booleans()),
    (pa.date32(), st.dates()),
    (pa.list_(pa.float64()), st.lists(st.floats(), max_size=3)),
]


@st.composite
def tables(draw: st.DrawFn) -> pa.Table:
    """Rows of every kind, missing ones among them."""
    n = draw(st.integers(0, 4))
    columns = {f"c{i}": pa.array([draw(st.none() | kind) for _ in range(n)], of) for i, (of, kind) in enumerate(_COLUMNS)}
    return pa.table(columns)


def exact(table: pa.Table) -> tuple[Any, list[list[bytes | str | None]]]:
    """What a table holds to the bit: its schema, and each value by its bytes, where == would take -0.0 for 0.0 and no NaN for another."""
    import struct

    def told(value: Any) -> Any:
        if isinstance(value, float):
            return struct.pack("<d", value)
        if isinstance(value, list):
            return [told(item) for item in value]
        return repr(value)

    columns = [
        table.column(i).cast(pa.int64()) if pa.types.is_timestamp(table.field(i).type) else table.column(i)
        for i in range(table.num_columns)
    ]
    return table.schema, [[None if value is None else told(value) for value in column.to_pylist()] for column in columns]
