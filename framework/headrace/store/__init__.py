"""What is remembered: tables, the log of events, the audit log, the clock, locks and blobs."""

from headrace.digest import digest
from headrace.store import (
    approved,
    attested,
    audited,
    beside,
    carded,
    clock,
    due,
    events,
    experimental,
    featured,
    keyed,
    lock,
    measured,
    registered,
    subjects,
    sweep,
    tables,
    tracked,
)
from headrace.store.blobs import Blobs
from headrace.store.events import EventKind
from headrace.store.faults import ReadOnlyError
from headrace.store.sessions import Sessions
from headrace.store.store import Store

__all__ = [
    "Blobs",
    "EventKind",
    "ReadOnlyError",
    "Sessions",
    "Store",
    "approved",
    "attested",
    "audited",
    "beside",
    "carded",
    "clock",
    "digest",
    "due",
    "events",
    "experimental",
    "featured",
    "keyed",
    "lock",
    "measured",
    "registered",
    "subjects",
    "sweep",
    "tables",
    "tracked",
]
