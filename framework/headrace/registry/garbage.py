"""Blobs that nothing refers to: found over all that the store remembers, and taken away once they have been so for a while."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import JSON, Column, String, Table, cast, select
from sqlmodel import Session

from headrace.store import Store, clock, sweep
from headrace.store.tables import Row

GRACE = timedelta(days=7)
"""So long after its last upload a blob is never taken: a run may hold it, and register what refers to it at its end."""
SHORTEST = timedelta(hours=1)
"""No grace is shorter: an upload that goes on has no row yet."""
NEVER = frozenset({"alembic_version", "clock", "lock", "prediction", "outcome", "outbox", "spool_offset", "traffic_count"})
"""Tables that refer to no blob, and may have millions of rows. All others are read whole, those that do not stand yet as well."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_LARGEST = 4 << 20
"""A blob of text that may name others is not larger."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What was found: all blobs, those that something names, those of no use that are too young, and those that were or would go."""

    blobs: int
    used: int
    young: int
    taken: tuple[sweep.Blob, ...]
    applied: bool

    @property
    def size(self) -> int:
        """Bytes of those taken."""
        return sum(blob.size for blob in self.taken)


def collect(store: Store, *, actor: str, grace: timedelta = GRACE, apply: bool = False) -> Collected:
    """Find the blobs that no row of any table names, nor any blob that is itself named; with `apply`, take those beyond `grace` away.

    What a withdrawn version was made of is named by its row, and stays. The time of a blob is that of its last upload, by the wall's clock:
    what is uploaded again while this goes on is young again, and stays. ValueError where `grace` is below `SHORTEST`.
    """
    if grace < SHORTEST:
        raise ValueError(f"a grace of {grace} is below {SHORTEST}")
    # First what there is, then what is named: a blob that comes in between is not looked at.
    there = {blob.digest: blob for blob in sweep.everything(store.blobs)}
    with store.read() as session:
        named = set(references(session))
    used = _closure(store, named & set(there), there)
    before = clock.wall() - grace
    unused = [blob for digest, blob in sorted(there.items()) if digest not in used]
    old = [blob for blob in unused if blob.at < before]
    taken = _take(store, actor, old, before) if apply and old else old
    return Collected(len(there), len(used), len(unused) - len(old), tuple(taken), apply)


def references(session: Session) -> Iterator[str]:
    """Every digest that stands anywhere in a text or a JSON of the store."""
    for _, columns in searched():
        for row in session.connection().execution_options(yield_per=500).execute(select(*(cast(column, String) for column in columns))):
            for cell in row:
                if cell is not None:
                    yield from _DIGEST.findall(cell)


def searched() -> Iterator[tuple[Table, list[Column[object]]]]:
    """The tables and columns that may name a blob: every text and JSON but those of `NEVER`."""
    for table in Row.metadata.sorted_tables:
        columns = [column for column in table.columns if isinstance(column.type, String | JSON) and not _closed(column)]
        if table.name not in NEVER and columns:
            yield table, columns


def _closed(column: Column[object]) -> bool:
    """Whether it holds one word of a closed list."""
    return bool(getattr(column.type, "enums", None))


def _closure(store: Store, named: set[str], there: dict[str, sweep.Blob]) -> set[str]:
    """Those named, and those that a JSON among them names in turn."""
    used, queue = set(named), list(named)
    while queue:
        digest = queue.pop()
        if there[digest].size > _LARGEST:
            continue
        data = store.blobs.get(digest)
        if data[:1] in (b"{", b"["):
            found = set(_DIGEST.findall(data.decode("utf-8", "replace"))) & set(there) - used
            used |= found
            queue += found
    return used


def _take(store: Store, actor: str, old: list[sweep.Blob], before: datetime) -> list[sweep.Blob]:
    """Take them away, where nobody registers meanwhile: the write lock is held, and what is named by now stays."""
    with store.transaction(actor, "collect garbage", "blobs") as session:
        named = set(references(session))
        return [blob for blob in old if blob.digest not in named and sweep.remove(store.blobs, blob.digest, before)]
