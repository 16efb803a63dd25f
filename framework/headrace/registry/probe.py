"""Rows that a version was judged by, as a request would carry them: those to try something of it on."""

from __future__ import annotations

import io
from typing import Any

from headrace.hooks import Signature
from headrace.registry.version import Version
from headrace.store import Store

REFERENCE = "reference"
LOOKED = 5_000
"""So many of the held-out rows are looked through."""


def probe(store: Store, version: Version, most: int) -> list[dict[str, Any]]:
    """Held-out rows, the same ones each time: half of them where something is missing or was unseen, if there are so many.

    None of a version that keeps no such rows. HeadraceError as `Blobs.get`.
    """
    kept = version.manifest.get(REFERENCE)
    if kept is None:
        return []
    import pyarrow.parquet as pq

    signature = Signature.from_json(version.manifest.get("signature", ()))
    names = [item.name for item in signature.inputs]
    file = pq.ParquetFile(io.BytesIO(store.blobs.get(kept)))
    if not set(names) <= set(file.schema_arrow.names):
        return []
    batch = next(file.iter_batches(batch_size=LOOKED, columns=names, use_threads=False), None)
    if batch is None:
        return []
    columns = {name: batch.column(name).to_pylist() for name in names}
    odd = _odd(signature, columns)
    usual = sorted(set(range(batch.num_rows)) - set(odd))
    picked = _spread(odd, most // 2)
    picked += _spread(usual, most - len(picked))
    return [{name: _told(values[at]) for name, values in columns.items()} for at in picked]


def _odd(signature: Signature, columns: dict[str, list[Any]]) -> list[int]:
    found: set[int] = set()
    for item in signature.inputs:
        known = set(item.categories)
        for at, value in enumerate(columns[item.name]):
            if value is None or (item.type == "category" and value not in known):
                found.add(at)
    return sorted(found)


def _spread(places: list[int], most: int) -> list[int]:
    """So many of them, from the first to the last."""
    if len(places) <= most:
        return places
    return [places[round(i * (len(places) - 1) / max(most - 1, 1))] for i in range(most)]


def _told(value: Any) -> Any:  # noqa: ANN401 - a cell
    """A number as a float, as a request has it."""
    return float(value) if isinstance(value, int | float) else value
